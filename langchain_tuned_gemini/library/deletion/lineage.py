"""What has learnt from a data set: directly, from what was merged of it, or from such a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from langchain_tuned_gemini.errors import ParameterError, TunedModelNameError
from langchain_tuned_gemini.library.inventory import names_of
from langchain_tuned_gemini.library.library_model import LibraryModel
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.registry import Catalog, RecordedVersion


class Lineage:
    """What is recorded as having learnt from a data set, and which models that are.

    Args:
        catalog: The records.
        models: All models that were found.
        numbers: The numbers of projects by their ids, as far as they are known.
        beginning: The data set's hash, or the beginning of it.

    Raises:
        ParameterError: Several data sets begin like that.
    """

    def __init__(
        self,
        catalog: Catalog,
        models: Sequence[LibraryModel],
        numbers: Mapping[str, str],
        beginning: str,
    ) -> None:
        self._versions, self._all = catalog.versions, models
        self._numbers = numbers
        self._beginning = beginning
        self._models: dict[str, list[LibraryModel]] = {}
        for model in models:
            for name in names_of(model.model):
                for version in catalog.like(name):
                    if version.name.is_same(name, numbers):
                        self._models.setdefault(version.record.model, []).append(model)
        self._tainted = self._spread(_meant(catalog, beginning))

    def found(self) -> Iterator[tuple[LibraryModel, str]]:
        """The models, in their order, and the data set that each was tuned on."""
        hashes = {
            model.name: version.record.dataset.hash or self._beginning
            for version in self._tainted
            for model in self._models.get(version.record.model, ())
        }
        for model in self._all:
            if model.name in hashes:
                yield model, hashes[model.name]

    def unseen(self) -> Iterator[str]:
        """What was not found, and what it can't be told of whether it has learnt from the data."""
        for version in self._versions:
            if version.record.deleted:
                continue
            if version in self._tainted:
                is_unseen = version.record.model not in self._models
            else:
                is_unseen = self._learnt_from(version, self._tainted) is None
            if is_unseen:
                yield version.record.model

    def _spread(self, hashes: set[str]) -> list[RecordedVersion]:
        """All versions that have learnt from these data sets, in the order of the file."""
        tainted: list[RecordedVersion] = []
        while True:
            more = [
                version
                for version in self._versions
                if version not in tainted
                and (
                    not hashes.isdisjoint({version.record.dataset.hash, *_parts(version)})
                    or self._learnt_from(version, tainted)
                )
            ]
            if not more:
                return [version for version in self._versions if version in tainted]
            tainted += more
            hashes |= {v.record.dataset.hash for v in more if v.record.dataset.hash}

    def _learnt_from(self, version: RecordedVersion, others: list[RecordedVersion]) -> bool | None:
        """Whether a version was tuned further from one of these; None where that can't be told."""
        try:
            base = TunedModelName.parse(version.record.base_model)
        except TunedModelNameError:  # a base model's, or none
            return False
        verdicts = {
            base.is_same(name, self._numbers) for other in others for name in self._names(other)
        }
        return True if True in verdicts else None if None in verdicts else False

    def _names(self, version: RecordedVersion) -> list[TunedModelName]:
        models = self._models.get(version.record.model, ())
        return [version.name, *(name for model in models for name in names_of(model.model))]


def _meant(catalog: Catalog, beginning: str) -> set[str]:
    hashes = {h for v in catalog.versions for h in (v.record.dataset.hash, *_parts(v)) if h}
    meant = {hash_ for hash_ in hashes if hash_.startswith(beginning)}
    if len(meant) > 1:
        raise ParameterError(f"Several data sets begin with {beginning!r}: {sorted(meant)}.")
    return meant


def _parts(version: RecordedVersion) -> tuple[str, ...]:
    return version.record.dataset.parts
