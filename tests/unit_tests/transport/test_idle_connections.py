"""What is kept of connections while no request uses them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.transport import connections
from langchain_tuned_gemini.transport.connections import IdleConnections, Origin

HOSTS = [("https", f"{name}.example", None) for name in "abc"]


@dataclass(eq=False)
class Line:
    """A connection, seen from the pool."""

    host: Origin
    is_gone: bool = False

    @property
    def _pool(self) -> Line:
        return self

    def is_closed(self) -> bool:
        return False

    def has_expired(self) -> bool:
        return self.is_gone


ACTIONS = st.one_of(
    st.tuples(st.just("give"), st.sampled_from(HOSTS)),
    st.tuples(st.just("take"), st.sampled_from(HOSTS)),
    st.tuples(st.just("die"), st.integers(0, 20)),
    st.tuples(st.just("sweep"), st.none()),
)


@given(st.lists(ACTIONS, max_size=60))
def test_every_connection_is_kept_or_handed_out_once(actions: list[tuple[str, Any]]) -> None:
    ticks = iter(range(1_000))
    idle: IdleConnections[Line] = IdleConnections(clock=lambda: float(next(ticks)))
    kept: list[Line] = []  # oldest first

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connections, "MAX_IDLE", 5)
        for action, what in actions:
            if action == "give":
                kept.append(Line(what))
                surplus = idle.give(what, kept[-1])
                assert surplus is (kept.pop(0) if len(kept) > 5 else None)
            elif action == "take":
                newest = next((line for line in reversed(kept) if line.host == what), None)
                assert idle.take(what) is newest
                if newest:
                    kept.remove(newest)
            elif action == "die" and what < len(kept):
                kept[what].is_gone = True
            elif action == "sweep":
                dead = [line for line in kept if line.is_gone]
                assert set(idle.sweep()) == set(dead)
                kept = [line for line in kept if line not in dead]
            assert len(idle) == len(kept)

    assert set(idle.drain()) == set(kept)
    assert len(idle) == 0


def test_threads_that_share_it_lose_nothing() -> None:
    idle: IdleConnections[Line] = IdleConnections()
    lines = [Line(HOSTS[n % 3]) for n in range(9)]
    for line in lines:
        idle.give(line.host, line)

    def work(n: int) -> None:
        for turn in range(2_000):
            host = HOSTS[(n + turn) % 3]
            if line := idle.take(host):
                idle.give(host, line)
            if turn % 50 == 0:
                assert idle.sweep() == []

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(idle.drain()) == set(lines)
