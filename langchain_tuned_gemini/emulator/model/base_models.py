"""Google's own models, as far as the emulator knows them: their limits and what they can do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from langchain_tuned_gemini.tuned_models.locations import GLOBAL, REGIONS

TUNABLE = "models/gemini-1.5-flash-001-tuning"
"""The last model that the Developer API could tune (until May 2025)."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that Google serves: its limits and its sampling defaults."""

    name: str
    display_name: str = ""
    description: str = ""
    version: str = "001"
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    temperature: float = 1
    top_p: float = 0.95
    top_k: int = 64
    max_temperature: float = 2
    tunable: bool = False
    tunable_again: bool = False
    """Whether a model that was tuned from it can be the source of another one."""
    thinking: bool = False
    accepts_prefill: bool = True
    """Whether a request may end with a turn of the model's own."""
    gemini_3: bool = False
    """Whether it is of Gemini 3 or later: its function calls have ids and thought signatures,
    which it wants back, and it takes tools and a response schema together."""
    locations: tuple[str, ...] | None = None
    """Where Vertex AI serves it: regions, multi-regions, `global`; everywhere when None, nowhere
    when empty."""

    def __post_init__(self) -> None:
        """Refuses a name that no URL could address."""
        if not re.fullmatch(r"models/[^/:]+", self.name):
            msg = f"a base model's name is models/ID, not {self.name!r}"
            raise ValueError(msg)

    @property
    def id(self) -> str:
        """The name without `models/`, as `modelVersion` shows it."""
        return self.name.removeprefix("models/")

    def is_served_in(self, location: str | None) -> bool:
        """Whether Vertex AI serves it in a location; None is whichever there is."""
        return location is None or self.locations is None or location in self.locations


KNOWN = (
    ServedModel(
        name=TUNABLE,
        display_name="Gemini 1.5 Flash 001 Tuning",
        # Limits: generative-ai-docs, model-tuning/python.ipynb, cell 15.
        input_token_limit=16_384,
        output_token_limit=8_192,
        tunable=True,
    ),
    ServedModel(
        name="models/gemini-2.5-flash",
        display_name="Gemini 2.5 Flash",
        thinking=True,
        locations=(*REGIONS, GLOBAL),  # multi-regions have Gemini 3 and later
    ),
    ServedModel(
        name="models/gemini-3.5-flash",
        display_name="Gemini 3.5 Flash",
        thinking=True,
        gemini_3=True,
    ),
    ServedModel(
        name="models/gemini-3.5-flash-lite",
        display_name="Gemini 3.5 Flash-Lite",
        thinking=True,
        gemini_3=True,
        accepts_prefill=False,
    ),
)
