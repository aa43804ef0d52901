"""One run of a command: where to look, and how to speak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_tuned_gemini.cli.output import Output
from langchain_tuned_gemini.cli.target import Target

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import LibraryModel, ModelLibrary
    from langchain_tuned_gemini.library.probe import Probe
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
    from langchain_tuned_gemini.registry import RecordedVersion
    from langchain_tuned_gemini.services import TunedModelService


@dataclass(frozen=True, slots=True)
class CommandContext:
    """One run of a command.

    Attributes:
        out: Where everything goes that it says.
        target: Where the tuned models are.
    """

    out: Output = field(default_factory=Output)
    target: Target = field(default_factory=Target)

    def library(self) -> ModelLibrary:
        """The tuned models of all platforms that are set up."""
        return self._library(self.target.service(platform) for platform in self.target.platforms)

    def targets(self) -> list[Target]:
        """All targets to look at: those that are set up, and those that the records know.

        Raises:
            ParameterError: Nothing is set up.
            RecordsError: The records can't be read.
        """
        from langchain_tuned_gemini.registry import Records

        versions = Records(self.target.records).load().versions
        there = [v.name for v in versions if v.platform == "vertex" and not v.record.deleted]
        return self.target.targets((name.project, name.location) for name in there)

    def library_at(self, targets: Iterable[Target]) -> ModelLibrary:
        """The tuned models of some targets, each with its platform."""
        return self._library(one.service(one.platform) for one in targets if one.platform)

    def library_of(self, names: Sequence[str]) -> ModelLibrary:
        """The library with the services that are needed to find some models."""
        full = self.in_full(names)
        if not all("/" in name for name in full):
            return self.library()
        parsed = {(p := self.target.name(name)).parent: p for name in full}
        return self._library(map(self.service_of, parsed.values()))

    def _library(self, services: Iterable[TunedModelService]) -> ModelLibrary:
        from langchain_tuned_gemini.library import ModelLibrary

        return ModelLibrary(list(services), records=self.target.records)

    def in_full(self, names: Sequence[str]) -> list[str]:
        """Platforms' names in full; what only the library knows, as it is."""
        return [self._full(text) for text in names]

    def find(self, text: str) -> LibraryModel:
        """One model: by its full name, a short one, its family and version, or an alias."""
        return self.library_of([text]).find(self._full(text))

    def recorded(self, text: str) -> RecordedVersion | None:
        """The version that an alias points to; None for what is no alias.

        Raises:
            RecordNotFoundError: There is no such alias.
        """
        from langchain_tuned_gemini.names.alias_name import AliasName
        from langchain_tuned_gemini.registry import Records

        if "@" not in text or "/" in text:
            return None
        return Records(self.target.records).load().target(AliasName.parse(text))

    def probe(self, text: str) -> Probe:
        """Calls a model once, to see whether it answers."""
        return self.library_of([text]).probe(self._full(text))

    def name(self, text: str) -> TunedModelName:
        """The name that is meant; where it is no name of a platform, the library knows it."""
        full = self._full(text)
        return self.target.name(full if "/" in full else self.find(full).name)

    def service_of(self, name: TunedModelName) -> TunedModelService:
        """The control plane that knows a tuned model."""
        return self.target.service(name.platform, name)

    def _full(self, text: str) -> str:
        from langchain_tuned_gemini.names.version_name import VersionName

        is_known_there = "/" not in text and ("@" in text or VersionName.find(text))
        return text if is_known_there else str(self.target.name(text))
