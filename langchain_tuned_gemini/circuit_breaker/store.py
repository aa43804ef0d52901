"""Where circuits are kept: one atomic read-modify-write, and the record as text for those outside.

Within a process, everybody who names the same circuit shares it (`process_store`), for as long
as anybody holds it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from langchain_tuned_gemini.circuit_breaker.record import Circuit
from langchain_tuned_gemini.runtime.fork_safety import SharedByKey, renew_after_fork

T = TypeVar("T")


class CircuitStore(Protocol):
    """A place that holds circuits by key and changes one of them at a time."""

    def update(self, key: str, change: Callable[[Circuit], tuple[Circuit, T]]) -> T:
        """Puts what `change` makes of a circuit in its place, as if nobody else were there.

        Args:
            key: Which circuit; one that was never kept is `Circuit()`.
            change: Pure and quick, for it may be called again if somebody else came first. It
                returns the very same circuit where there is nothing to write.

        Returns:
            What `change` returned beside the circuit.
        """


class MemoryCircuitStore:
    """Keeps circuits in this process; safe with threads, any number of event loops, and forks.

    Nothing waits for anything but for a microsecond of another thread.
    """

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}
        self.renew()
        renew_after_fork(self)

    def update(self, key: str, change: Callable[[Circuit], tuple[Circuit, T]]) -> T:
        """Puts what `change` makes of a circuit in its place; see `CircuitStore`.

        The lock is one that its own thread may take again: while it is held, the garbage
        collector may close a stream that was given up, which reports here, too. The circuit
        that the outer call has read is then not the latest, so it starts again.
        """
        with self._lock:
            while True:
                before = self._circuits.get(key, _UNKNOWN)
                after, result = change(before)
                if self._circuits.get(key, _UNKNOWN) is before:
                    self._circuits[key] = after
                    return result

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        self._lock = threading.RLock()


_UNKNOWN = Circuit()


_shared = SharedByKey(MemoryCircuitStore)


def process_store(key: str) -> MemoryCircuitStore:
    """The store that everybody in this process shares who asks for this key.

    One for each key, and none is kept alive from here: when the last who holds it is gone, so
    is what it knew.
    """
    return _shared.get(key)


@dataclass(frozen=True, slots=True)
class _Document:
    """What stands in a store outside the process."""

    version: Literal[1]
    circuit: Circuit


def encode(circuit: Circuit) -> bytes:
    """Writes a circuit as JSON, for a store outside the process."""
    return _adapter().dump_json(_Document(1, circuit))


def decode(text: bytes | str | None) -> Circuit:
    """Reads what `encode` wrote; anything else is a circuit that nobody knows.

    No text, another version, nonsense, or a number out of its bounds must not take the model
    down or keep it from being called. What is in bounds and still too long is cut by `acquire`.

    Example:
        >>> decode(encode(Circuit(streak=3))).streak
        3
        >>> decode(None) == decode('{"version": 2, "circuit": {}}') == Circuit()
        True
    """
    try:
        return _adapter().validate_json(text or b"", strict=True).circuit
    except ValidationError:
        return Circuit()


@functools.cache
def _adapter() -> TypeAdapter[_Document]:
    """Built when it is first needed: it takes longer than all the rest."""
    return TypeAdapter(_Document)
