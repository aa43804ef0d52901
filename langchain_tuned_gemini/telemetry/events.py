"""What happens now and then: a circuit changes its state, a hedge is sent, a guard refuses."""

from __future__ import annotations

from langchain_tuned_gemini.telemetry.metrics import (
    CIRCUIT_TRANSITIONS,
    GUARD_FAILURES,
    HEDGES,
    known,
    record,
)


def circuit_changed(model: str, before: str, after: str, reason: str | None) -> None:
    """Counts a change of a circuit's state.

    Args:
        model: Whose circuit it is.
        before: The state that it was in.
        after: The state that it is in.
        reason: What opened it; None if it did not open.
    """
    changed = {"model": model, "from": before, "to": after, "reason": known(reason)}
    record(CIRCUIT_TRANSITIONS, 1, changed)


def hedge(model: str, *, won: bool) -> None:
    """Counts a call of a second model beside a slow one, when it is over.

    Args:
        model: The second model.
        won: Whether it answered before the first one did.
    """
    record(HEDGES, 1, {"model": model, "won": won})


def guard_failed(guard: str, reason: str) -> None:
    """Counts an answer that was refused, or a guard that crashed.

    Args:
        guard: The guard's name.
        reason: `"bad_output"` or `"blocked"` for a refusal, `"crashed"` for the guard's own fault.
    """
    record(GUARD_FAILURES, 1, {"guard": guard, "reason": reason})
