"""The emulated services: their options, their clock, and the models that they hold."""

from __future__ import annotations

import string
from dataclasses import dataclass, field, replace
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.armed_rules import ArmedRules
from langchain_tuned_gemini.emulator.state.progression import SECOND, Progression
from langchain_tuned_gemini.emulator.state.tuned_model import (
    Training,
    TunedModelRecord,
    training_of,
)
from langchain_tuned_gemini.emulator.state.vertex_store import VertexStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.model.answers import Script
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel

_BASE36 = string.digits + string.ascii_lowercase


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings that the constructor of `Emulator` got; documented there."""

    progression: Progression
    clock: Callable[[], float]
    fails: frozenset[str]
    answer_while_creating: int
    answer_while_failed: int
    answer_when_missing: int
    answer_while_undeployed: int
    operation_duration: float
    project_numbers: Mapping[str, str]
    latency: float
    rejected_keys: frozenset[str]
    hosts: frozenset[str]


@dataclass(slots=True)
class Store:
    """All state. Whoever reads or changes it holds the lock."""

    options: Options
    base_models: dict[str, ServedModel]
    tuned_models: dict[str, TunedModelRecord] = field(default_factory=dict)
    # Seeded: the nth model of a run has the same id every time, so that cassettes which
    # are recorded again hardly change.
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 (no secrets)
    lock: RLock = field(default_factory=RLock)
    scripts: ArmedRules[Script] = field(default_factory=ArmedRules)
    vertex: VertexStore = field(init=False)

    def __post_init__(self) -> None:
        """Vertex AI begins empty."""
        options = self.options
        duration = int(options.operation_duration * SECOND)
        self.vertex = VertexStore(self.random, options.project_numbers, duration)

    def now(self) -> int:
        """The clock's time in nanoseconds, at the microseconds that the API stores."""
        return int(self.options.clock() * 1_000_000) * (SECOND // 1_000_000)

    def time_of(self, seconds: float | None) -> int:
        """Seconds since the epoch in nanoseconds; now for None."""
        return self.now() if seconds is None else int(seconds * SECOND)

    def base_model(self, name: str) -> ServedModel:
        """A base model that a test names."""
        if name not in self.base_models:
            msg = f"the emulator knows no base model {name!r}: see Emulator.add_base_model"
            raise ValueError(msg)
        return self.base_models[name]

    def training(self, record: TunedModelRecord) -> Training:
        """Where this model stands now."""
        return training_of(record, self.now())

    def random_id(self, length: int) -> str:
        """Base 36, beginning with a letter."""
        first = self.random.choice(string.ascii_lowercase)
        return first + "".join(self.random.choices(_BASE36, k=length - 1))

    def change(self, record: TunedModelRecord, **changes: Any) -> TunedModelRecord:
        """Replaces fields of a tuned model."""
        changed = replace(record, **changes)
        self.tuned_models[record.name] = changed
        return changed
