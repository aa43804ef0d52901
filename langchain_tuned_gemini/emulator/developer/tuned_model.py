"""What the emulator remembers: immutable records, changed by replacing them.

Times are nanoseconds since the epoch, as integers: the API prints up to nine digits of
a second, and a float holds only seven of them in this century.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
    from langchain_tuned_gemini.emulator.progression import Progression

ME = "me@example.com"
"""Who every accepted credential belongs to: an API key's project has one identity."""


class State(StrEnum):
    """`TunedModel.State` of the Gemini Developer API."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


class Example(NamedTuple):
    """One training example: what the user says, and what the model shall answer."""

    text_input: str
    output: str


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How a model is tuned; exactly one of the two learning rates is set."""

    epoch_count: int
    batch_size: int
    learning_rate: float | None = None
    learning_rate_multiplier: float | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do what with a tuned model."""

    id: str
    grantee_type: str
    role: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class BaseModel:
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
    """Where Vertex AI serves it: regions, multi-regions, `global`; everywhere when None."""

    def __post_init__(self) -> None:
        """Refuses a name that no URL could address."""
        if not re.fullmatch(r"models/[^/:]+", self.name):
            msg = f"a base model's name is models/ID, not {self.name!r}"
            raise ValueError(msg)

    @property
    def id(self) -> str:
        """The name without `models/`, as `modelVersion` shows it."""
        return self.name.removeprefix("models/")


@dataclass(frozen=True, slots=True)
class Ending:
    """How and when tuning came to its end, where a clock did not decide it."""

    state: State
    time: int
    error: tuple[int, str] = (0, "")
    """Code and message of the operation's `google.rpc.Status`: OK unless it FAILED."""


@dataclass(frozen=True, slots=True)
class TunedModelRecord:
    """A tuned model with all that its answers and its resource are made from."""

    name: str
    base_model: str
    create_time: int
    examples: ExampleIndex
    hyperparameters: Hyperparameters
    progression: Progression
    operation_id: str
    permissions: tuple[Permission, ...]
    display_name: str = ""
    description: str = ""
    tuned_model_source: str | None = None
    temperature: float = 1
    top_p: float = 0.95
    top_k: int = 64
    reader_project_numbers: tuple[str, ...] = ()
    fails: bool = False
    steps_by_hand: tuple[int, ...] = ()
    """When each step that `Emulator.advance` made was computed."""
    ended: Ending | None = None
    patch_time: int | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole tuning: `ceil(examples * epochs / batch size)`.

        The rule fits every create answer that was published, for example 15 examples,
        5 epochs and batches of 2: 38 steps
        (<https://ai.google.dev/gemini-api/docs/model-tuning>, REST tutorial).
        """
        parameters = self.hyperparameters
        seen = len(self.examples) * parameters.epoch_count
        return math.ceil(seen / parameters.batch_size)

    def role_of(self, email: str) -> str | None:
        """The role that this address was given by name, if any."""
        for permission in self.permissions:
            if permission.email == email:
                return permission.role
        return None

    @property
    def shared_with_everyone(self) -> bool:
        """Whether anybody may use this model."""
        return any(p.grantee_type == "EVERYONE" for p in self.permissions)
