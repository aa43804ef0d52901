"""What every command works with: where to look, and how to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_tuned_gemini.cli.output import Output
from langchain_tuned_gemini.cli.place import Place

if TYPE_CHECKING:
    from langchain_tuned_gemini.names import TunedModelName
    from langchain_tuned_gemini.services import TunedModelService


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command.

    Attributes:
        out: Where everything goes that it says.
        place: Where the tuned models are.
    """

    out: Output = field(default_factory=Output)
    place: Place = field(default_factory=Place)

    def service_of(self, name: TunedModelName) -> TunedModelService:
        """The control plane that knows a tuned model."""
        return self.place.service(name.platform, name)
