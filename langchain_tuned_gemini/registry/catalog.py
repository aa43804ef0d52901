"""What the records say: versions with all their settings, aliases and what they point to."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from langchain_tuned_gemini.errors import RecordNotFoundError, RecordProblem, RecordsError
from langchain_tuned_gemini.guards import Guard
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import VersionName, same_version
from langchain_tuned_gemini.registry.schema import (
    ChangeRecord,
    FamilyRecord,
    RecordsDocument,
    SettingsRecord,
    VersionRecord,
)
from langchain_tuned_gemini.registry.toml_lines import line_of
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_IN_SYNTAX_ERROR = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version with all that holds for it, its family's settings included.

    Attributes:
        family: Its family.
        label: Its version, as it is written.
        record: What is recorded of it.
        directory: Where the records are, from which the paths of files start.
    """

    family: str
    label: str
    record: VersionRecord
    directory: Path

    @property
    def name(self) -> TunedModelName:
        """The tuned model's full name."""
        return TunedModelName.parse(self.record.model)

    @property
    def platform(self) -> Platform:
        """Where it is."""
        return self.name.platform

    @property
    def examples(self) -> str | None:
        """The file with the examples of its fallback; None where none is recorded."""
        fallback = self.record.fallback
        path = (fallback and fallback.examples) or self.record.dataset.path
        if not path or path.startswith("gs://"):
            return path or None
        return str(self.directory / path)

    @property
    def missing(self) -> tuple[str, ...]:
        """What must still be recorded before it can be used with a fallback."""
        examples = self.examples
        has_file = examples and not examples.startswith("gs://")
        needs = {"a base model": self.record.fallback, "examples on this machine": has_file}
        return tuple(what for what, there in needs.items() if not there)

    def guards(self) -> list[Guard]:
        """Its guards, built."""
        return [guard.build(self.directory) for guard in self.record.guards or ()]

    def __str__(self) -> str:
        return f"{self.family} {self.label}"


@dataclass(frozen=True)
class Catalog:
    """What the records said when they were read.

    Attributes:
        path: The file.
        families: The families by their names, as they stand there.
    """

    path: Path
    families: Mapping[str, FamilyRecord]

    @classmethod
    def parse(cls, text: str, path: Path) -> Self:
        """Reads a document.

        Raises:
            RecordsError: With everything that is wrong with it, and the lines.
        """
        try:
            families = RecordsDocument.model_validate(tomllib.loads(text)).root
        except tomllib.TOMLDecodeError as error:
            raise RecordsError(path, [_syntax_problem(error)]) from None
        except ValidationError as error:
            raise RecordsError(path, list(_problems(error, text))) from None
        catalog = cls(path, families)
        if problems := [RecordProblem(line_of(text, p), w) for p, w in catalog._contradictions()]:
            raise RecordsError(path, problems)
        return catalog

    @cached_property
    def versions(self) -> Sequence[RecordedVersion]:
        """All versions, in the order of the file; those that were deleted, too."""
        return [
            RecordedVersion(name, label, _with_settings(record, family), self.path.parent)
            for name, family in self.families.items()
            for label, record in family.versions.items()
        ]

    def version(self, family: str, label: str) -> RecordedVersion:
        """A version of a family.

        Raises:
            RecordNotFoundError: None of it is recorded.
        """
        labels = [v for v in self.versions if v.family == family]
        for version in labels:
            if same_version(version.label, label):
                return version
        raise RecordNotFoundError.of(
            f"{family} {label}", self.path, what="versions", known=[v.label for v in labels]
        )

    def target(self, alias: AliasName) -> RecordedVersion:
        """What an alias points to.

        Raises:
            RecordNotFoundError: There is no such alias.
        """
        family = self.families.get(alias.family)
        label = family.aliases.get(alias.name) if family else None
        if label is None:
            known = [str(known) for known in self.aliases]
            raise RecordNotFoundError.of(str(alias), self.path, what="aliases", known=known)
        return self.version(alias.family, label)

    def find(self, text: str) -> RecordedVersion:
        """A version by an alias, by its full name, or by its family and version.

        Raises:
            RecordNotFoundError: Nothing of it is recorded.
        """
        if alias := AliasName.find(text):
            return self.target(alias)
        if name := VersionName.find(text):
            return self.version(name.family, name.label)
        for version in self.versions:
            if version.record.model == text:
                return version
        known = [version.record.model for version in self.versions]
        raise RecordNotFoundError.of(text, self.path, what="models", known=known)

    @property
    def aliases(self) -> Sequence[AliasName]:
        """All aliases."""
        return [
            AliasName(name, alias)
            for name, family in self.families.items()
            for alias in family.aliases
        ]

    def aliases_of(self, version: RecordedVersion) -> tuple[str, ...]:
        """The aliases that point to a version."""
        aliases = self.families[version.family].aliases
        return tuple(
            f"{version.family}@{alias}"
            for alias, label in aliases.items()
            if same_version(label, version.label)
        )

    def history(self, alias: AliasName) -> Sequence[ChangeRecord]:
        """How an alias has changed, oldest first."""
        family = self.families.get(alias.family)
        return [change for change in family.history if change.alias == alias.name] if family else []

    def before(self, alias: AliasName) -> RecordedVersion | None:
        """What an alias would be rolled back to; None where it has always been what it is.

        Going back twice goes back two versions; those that were deleted are skipped. What was
        changed by hand has no history: it goes back to what the history told last.
        """
        current = self.target(alias).label
        trail: list[str] = []
        for change in self.history(alias):
            if change.rollback:
                while trail and not same_version(trail[-1], change.version):
                    trail.pop()
            elif change.before and not trail:
                trail.append(change.before)
            trail.append(change.version)
        there = {v.label: v for v in self.versions if v.family == alias.family}
        for label in reversed(trail):
            version = there.get(label)
            if version and not version.record.deleted and not same_version(label, current):
                return version
        return None

    def of(self, model: TunedModel, numbers: Mapping[str, str]) -> RecordedVersion | None:
        """What is recorded of a tuned model, by whichever of its names; None for nothing.

        Args:
            model: The tuned model.
            numbers: The numbers of projects by their ids; see `TunedModelName.is_same`.
        """
        for name in (model.name, model.endpoint, model.model):
            if name:
                parsed = TunedModelName.parse(name)
                for version in self.like(parsed):
                    if version.name.is_same(parsed, numbers):
                        return version
        return None

    def like(self, name: TunedModelName) -> Sequence[RecordedVersion]:
        """What is recorded by a name that differs in project and version only, or in nothing."""
        return self._by_key.get(name.key, ())

    @cached_property
    def _by_key(self) -> Mapping[object, Sequence[RecordedVersion]]:
        found: dict[object, list[RecordedVersion]] = {}
        for version in self.versions:
            found.setdefault(version.name.key, []).append(version)
        return found

    def _contradictions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What does not fit together, and where it stands."""
        for version in self.versions:
            at = (version.family, "versions", version.label)
            alike = self.like(version.name)
            other = next(twin for twin in alike if twin.name.is_same(version.name, {}))
            if other is not version:
                yield (*at, "model"), f"{version.record.model} is {other} already"
            labels = list(self.families[version.family].versions)
            earlier = labels[: labels.index(version.label)]
            if twin := next((t for t in earlier if same_version(t, version.label)), None):
                yield at, f"{version.label} and {twin} are the same version: give one another name"
        for alias in self.aliases:
            at = (alias.family, "aliases", alias.name)
            try:
                self.target(alias)
            except RecordNotFoundError as error:
                yield at, str(error)


def _with_settings(version: VersionRecord, family: FamilyRecord) -> VersionRecord:
    """A version with what is said of its family where nothing is said of itself."""
    inherited = {
        name: getattr(family, name)
        for name in SettingsRecord.model_fields
        if getattr(version, name) is None
    }
    return version.model_copy(update=inherited)


def _syntax_problem(error: tomllib.TOMLDecodeError) -> RecordProblem:
    match = _IN_SYNTAX_ERROR.fullmatch(str(error))
    message, line = match.groups() if match else (str(error), None)
    return RecordProblem(int(line) if line else None, f"is no TOML: {message}")


def _problems(error: ValidationError, text: str) -> Iterator[RecordProblem]:
    for told in error.errors(include_url=False):
        path = tuple(step for step in told["loc"] if step != "[key]")
        where = ".".join(map(str, path))
        message = told["msg"].removeprefix("Value error, ")
        if told["type"] == "extra_forbidden":
            message = "nobody knows this key"
        yield RecordProblem(line_of(text, path), f"{where}: {message}")
