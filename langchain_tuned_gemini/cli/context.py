"""What every command works with: where to look, and how to tell."""

from __future__ import annotations

from collections.abc import Sequence
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
        """The tuned models of all targets that are set up."""
        from langchain_tuned_gemini.library import ModelLibrary

        return ModelLibrary(
            [self.target.service(platform) for platform in self.target.platforms],
            records=self.target.records,
        )

    def targets(self) -> list[Target]:
        """All targets to look at: what is set up, and what the records know.

        Raises:
            ParameterError: Nothing is set up.
            RecordsError: The records can't be read.
        """
        from langchain_tuned_gemini.registry import Records

        versions = Records(self.target.records).load().versions
        there = [v.name for v in versions if v.platform == "vertex" and not v.record.deleted]
        return self.target.targets((name.project, name.location) for name in there)

    def library_at(self, targets: Sequence[Target]) -> ModelLibrary:
        """The tuned models of some targets, each with its platform."""
        from langchain_tuned_gemini.library import ModelLibrary

        services = [target.service(target.platform) for target in targets if target.platform]
        return ModelLibrary(services, records=self.target.records)

    def library_of(self, names: Sequence[str]) -> ModelLibrary:
        """The library with the services that are needed to find some models."""
        from langchain_tuned_gemini.library import ModelLibrary

        full = self.in_full(names)
        if not all("/" in name for name in full):
            return self.library()
        parsed = {(p := self.target.name(name)).parent: p for name in full}
        return ModelLibrary(
            [self.service_of(name) for name in parsed.values()], records=self.target.records
        )

    def in_full(self, names: Sequence[str]) -> list[str]:
        """Platforms' names in full; what only the library knows, as it is."""
        return [self._full(text) for text in names]

    def find(self, text: str) -> LibraryModel:
        """One model: by its full name, a short one, its family and version, or an alias."""
        return self.library_of([text]).find(self._full(text))

    def recorded(self, text: str) -> RecordedVersion | None:
        """What an alias points to; None for what is no alias.

        Raises:
            RecordNotFoundError: There is no such alias.
        """
        from langchain_tuned_gemini.names.alias_name import AliasName
        from langchain_tuned_gemini.registry import Records

        if "@" not in text or "/" in text:
            return None
        return Records(self.target.records).load().target(AliasName.parse(text))

    def probe(self, text: str) -> Probe:
        """Calls a model once, and tells whether it answers."""
        return self.library_of([text]).probe(self._full(text))

    def name(self, text: str) -> TunedModelName:
        """The name that is meant; where it is no name of a platform, the library knows it."""
        full = self._full(text)
        if "/" in full:
            return self.target.name(full)
        return self.target.name(self.library_of([text]).find(full).name)

    def _full(self, text: str) -> str:
        """A platform's name in full; what only the library knows, as it is."""
        from langchain_tuned_gemini.names.version_name import VersionName

        is_known_there = "/" not in text and ("@" in text or VersionName.find(text))
        return text if is_known_there else str(self.target.name(text))

    def service_of(self, name: TunedModelName) -> TunedModelService:
        """The control plane that knows a tuned model."""
        return self.target.service(name.platform, name)
