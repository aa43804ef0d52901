"""What a new version would be: its name, its data, its settings, and what it would cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from langchain_tuned_gemini.dataset import (
    LIMITS,
    Columns,
    Report,
    TuningDataset,
    estimated_tokens,
    merge,
)
from langchain_tuned_gemini.effects import Call, Flow
from langchain_tuned_gemini.errors import Advice, ParameterError
from langchain_tuned_gemini.library.library_model import LibraryModel
from langchain_tuned_gemini.library.model_library import ModelLibrary
from langchain_tuned_gemini.library.tuning_settings import TuningSettings
from langchain_tuned_gemini.names.version_name import VersionName
from langchain_tuned_gemini.prices import PriceTable
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

_USUAL_EPOCHS: Final[Mapping[Platform, int]] = {"developer": 5}
"""How often each example is used when nobody says. Vertex AI decides that by the data.
https://ai.google.dev/api/tuning#Hyperparameters
"""


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """A version that is not there yet.

    Attributes:
        name: What it is to be called.
        platform: Where it is to be tuned.
        base_model: What it is to be tuned from.
        settings: How.
        dataset: What with; None where that is a file in Cloud Storage, which is not read.
        data: The file that is recorded: one that was given, or where the merged examples go.
        is_merged: Whether that file is still to be written.
        report: What is odd about the examples; None where they are not read.
        running: The versions of the family that are CREATING already.
        prices: What tokens cost, if that is known.
        parts: The hashes of the files that it is merged from.
        project: Where it is to be tuned on Vertex AI, if the library has one service of it.
        location: The same.
    """

    name: VersionName
    platform: Platform
    base_model: str
    settings: TuningSettings
    dataset: TuningDataset | None
    data: str
    is_merged: bool
    report: Report | None
    running: tuple[str, ...]
    prices: PriceTable | None
    parts: tuple[str, ...] = ()
    project: str = ""
    location: str = ""

    @property
    def epochs(self) -> int | None:
        """How often each example will be used; None where the platform decides that."""
        return self.settings.epochs or _USUAL_EPOCHS.get(self.platform)

    @property
    def tokens(self) -> int | None:
        """About how many tokens one epoch has, estimated offline; None for data that is not read.

        Tuning is billed by them: "tokens in your training dataset, multiplied by the number of
        epochs". https://cloud.google.com/vertex-ai/generative-ai/pricing
        """
        return None if self.dataset is None else sum(map(estimated_tokens, self.dataset))

    @property
    def cost(self) -> float | None:
        """About what the tuning costs; None where tokens, epochs or their price is not known."""
        epoch = self.cost_of_an_epoch
        return None if epoch is None or self.epochs is None else epoch * self.epochs

    @property
    def cost_of_an_epoch(self) -> float | None:
        """About what one epoch costs; None where tokens or their price is not known."""
        price = self.prices.find(self.base_model) if self.prices else None
        if price is None or self.tokens is None:
            return None
        return price.of_training(self.tokens)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "name": str(self.name),
            "platform": self.platform,
            "project": self.project,
            "location": self.location,
            "base_model": self.base_model,
            "settings": self.settings.given,
            "examples": None if self.dataset is None else len(self.dataset),
            "data": self.data,
            "data_hash": None if self.dataset is None else self.dataset.content_hash(),
            "warnings": self.report.warnings if self.report else None,
            "epochs": self.epochs,
            "tokens_of_an_epoch": self.tokens,
            "cost_of_an_epoch": self.cost_of_an_epoch,
            "cost": self.cost,
            "currency": self.prices.currency if self.prices else None,
            "running": list(self.running),
        }


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What somebody wants to tune.

    Attributes:
        family: The family that it is to be a version of, such as `sql-expert`; that of `source`
            when empty.
        data: Files of examples, which are merged and checked; on Vertex AI also one `gs://` URI,
            which is taken as it is.
        columns: What these files call the fields, where they have other names. Then the examples
            are written to a file of their own, with the usual names.
        source: A version to start from, by its name or an alias: its recorded data comes first,
            and its settings hold where `settings` says nothing.
        base_model: What to tune; when None, what the source, or else the family's newest version,
            was tuned from.
        settings: How to tune it.
        platform: Where to tune it; when None, where the source, or else the newest version, is.
        prices: What tokens cost: `training` of the base model is the price of tuning with a
            million.
    """

    family: str = ""
    data: Sequence[str | os.PathLike[str]] = ()
    columns: Columns | None = None
    source: str | None = None
    base_model: str | None = None
    settings: TuningSettings = field(default_factory=TuningSettings)
    platform: Platform | None = None
    prices: PriceTable | None = None


def plan_creation(library: ModelLibrary, wish: NewVersion) -> Flow[TuningPlan]:
    """Makes a plan; nothing is changed.

    Raises:
        DatasetError: The examples can't be used; it has all that is wrong.
        ParameterError: Something is missing, or contradicts.
    """
    source: LibraryModel | None = None
    if wish.source:
        source = yield Call(library.find, library.afind, wish.source)
    family = wish.family or (source.family if source else "")
    if not family:
        raise ParameterError("A new version needs a family's name, or a version to start from.")
    versions: list[LibraryModel] = yield Call(library.versions, library.aversions, family)
    name: VersionName = yield Call(library.next_version, library.anext_version, family)
    platform, base_model = _origin(wish, source or (versions[-1] if versions else None), family)
    name.check(platform)
    project, location = library.place_of(platform)
    return TuningPlan(
        name=name,
        platform=platform,
        base_model=base_model,
        settings=_settings(wish, source, platform),
        running=tuple(m.name for m in versions if m.state is TunedModelState.CREATING),
        prices=wish.prices,
        project=project,
        location=location,
        **_examples(wish, source, name, platform),
    )


def _origin(wish: NewVersion, like: LibraryModel | None, family: str) -> tuple[Platform, str]:
    """Where to tune, and what; where nobody says, as the version that it is to be like."""
    platform = wish.platform or (like.platform if like else None)
    base_model = wish.base_model or (like.model.base_model if like else "")
    if platform is None or not base_model:
        missing = "base model" if platform else "platform"
        parameter = missing.replace(" ", "_")
        raise ParameterError(
            f"There is no version of {family} yet to take the {missing} from.",
            advice=Advice(
                f"Say which one: {parameter}=...", f"Pass --{parameter.replace('_', '-')}."
            ),
        )
    return platform, base_model


def _settings(wish: NewVersion, source: LibraryModel | None, platform: Platform) -> TuningSettings:
    """How to tune; where nobody says, like the source."""
    settings = wish.settings
    if source is not None:
        settings = settings.over(TuningSettings.of(source.model.hyperparameters), platform)
    settings.check(platform)
    return settings


def _recorded_data(source: LibraryModel) -> str:
    """The file that a version was tuned with, which must still be what it was."""
    record = source.record
    told = record.record.dataset if record else None
    if record is None or told is None or not told.path:
        raise ParameterError(
            f"The records don't say what {source.name} was tuned with. Pass all of its data, "
            "without a version to start from."
        )
    if told.path.startswith("gs://"):
        return told.path
    path = str(record.directory / told.path)
    if told.hash and TuningDataset.read(path).content_hash() != told.hash:
        raise ParameterError(
            f"{path} is not what {source.name} was tuned with: it has changed since. Pass all "
            "data, without a version to start from, or bring the file back."
        )
    return path


def _examples(
    wish: NewVersion, source: LibraryModel | None, name: VersionName, platform: Platform
) -> dict[str, Any]:
    """What a plan says about its examples: those of the source, and what is new."""
    recorded = [] if source is None else [_recorded_data(source)]
    new = [os.fspath(path) for path in wish.data]
    data = [*recorded, *new]
    if not data:
        raise ParameterError(
            f"{name} needs examples to be tuned with.",
            advice=Advice("Pass at least one file.", "Pass --data FILE."),
        )
    if any(path.startswith("gs://") for path in data):
        if len(data) > 1 or platform != "vertex":
            raise ParameterError(
                "A file in Cloud Storage is for Vertex AI, and is taken as it is, alone: merge "
                "files on this machine."
            )
        return {"dataset": None, "data": data[0], "is_merged": False, "report": None}
    datasets = [
        *(TuningDataset.read(path) for path in recorded),
        *(TuningDataset.read(path, columns=wish.columns) for path in new),
    ]
    # One file is taken as it is: without its duplicates its hash would be another one's.
    dataset = merge(*datasets).dataset if len(data) > 1 else datasets[0]
    is_merged = len(data) > 1 or bool(wish.columns)  # what is recorded is read without columns
    report = dataset.check(platform=platform)
    report.raise_for_errors()
    dataset.rows(LIMITS[platform].format)  # now, and not when it is uploaded, it tells of losses
    file = str(Path(data[-1]).with_name(f"{name}.jsonl")) if is_merged else data[0]
    parts = tuple(each.content_hash() for each in datasets) if len(data) > 1 else ()
    return {
        "dataset": dataset,
        "data": file,
        "is_merged": is_merged,
        "parts": parts,
        "report": report,
    }
