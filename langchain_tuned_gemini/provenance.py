"""Who answered, and why: the keys of the record that every answer carries, and one try in it.

The record itself is made by `FallbackCall` (chat_models/fallback/call.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

FEW_SHOT_KEY = "few_shot"
"""Where `FewShotChatModel` says in `response_metadata` which examples it added."""

METADATA_KEY = "tuned_gemini"
"""Where an answer's `response_metadata` holds its provenance."""

RESTARTED = ("restarted", "restart_reason")
"""What stands there on the chunk that marks a new beginning: whether it is one, and why."""

Role = Literal["tuned", "base_fallback"]
Outcome = Literal["ok", "error", "rejected", "skipped", "cancelled"]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What happened with one model.

    Attributes:
        model: The model's name.
        role: `"tuned"` for the first model, `"base_fallback"` for those after it.
        outcome: `"ok"`; `"error"` for one that was called and failed; `"rejected"` for one whose
            answer was none, or was refused by a guard; `"skipped"` for one that was known to be
            unable to serve, so that it was not called; `"cancelled"` for one that was given up
            because another one, asked beside it, had answered, or because nobody waited any more.
        reason: Why it did not answer (see `Reason`); None where it did.
        error_type: The error's class; None where there was none.
        status: The HTTP status of the error, where there was one.
        duration_s: How long it took, in seconds.
        usage: The tokens that it reported; None where it did not.
    """

    model: str
    role: Role
    outcome: Outcome
    reason: str | None = None
    error_type: str | None = None
    status: int | None = None
    duration_s: float = 0.0
    usage: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The attempt as plain data, for `response_metadata`."""
        return {
            "model": self.model,
            "outcome": self.outcome,
            "reason": self.reason,
            "error_type": self.error_type,
            "status": self.status,
            "duration_s": round(self.duration_s, 6),
            "usage": self.usage,
        }
