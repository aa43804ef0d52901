"""What a forked process must not share with its parent: locks, requests in the air, connections.

A fork copies locks as they are, perhaps held, but not the threads that held them.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that holds what only one process may hold."""

    def renew(self) -> None:
        """Starts anew with what belongs to this process alone."""


_known: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(thing: Renewable) -> None:
    """Has it renewed in every process that is forked from this one, while it lives."""
    _known.add(thing)


def _renew_all() -> None:
    for thing in _known:
        thing.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)
