"""What became of a plan to delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from langchain_tuned_gemini.errors import TunedGeminiError


class DeletionOutcome(StrEnum):
    """What became of one model."""

    DELETED = "deleted"
    """It was deleted now."""
    GONE = "gone"
    """It had been deleted already."""
    PROTECTED = "protected"
    """It was not deleted: something speaks against it, and there was no force."""
    SKIPPED = "skipped"
    """It was not deleted: it is not what was planned any more."""
    FAILED = "failed"
    """It could not be deleted, or not all of it."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of one model.

    Attributes:
        name: Its full name.
        outcome: What became of it.
        detail: Why, in a sentence; empty where there is nothing to say.
        left: What is left of a model whose deletion stopped in the middle.
        error: What went wrong, where that is why.
    """

    name: str
    outcome: DeletionOutcome
    detail: str = ""
    left: tuple[str, ...] = ()
    error: TunedGeminiError | None = field(default=None, compare=False, repr=False)

    @property
    def for_command_line(self) -> str:
        """The detail for whoever uses `tuned-gemini`."""
        return self.error.for_command_line if self.error else self.detail


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """What became of all models of a plan.

    Attributes:
        deletions: What became of each, in the order of the plan.
    """

    deletions: tuple[Deletion, ...]

    def of(self, outcome: DeletionOutcome) -> tuple[Deletion, ...]:
        """Those of which this became."""
        return tuple(one for one in self.deletions if one.outcome is outcome)

    @property
    def deleted(self) -> tuple[str, ...]:
        """The names of what was deleted."""
        return tuple(one.name for one in self.of(DeletionOutcome.DELETED))

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the plan is left. If not, the same plan can be carried out again."""
        done = {DeletionOutcome.DELETED, DeletionOutcome.GONE}
        return all(one.outcome in done for one in self.deletions)
