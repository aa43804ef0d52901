"""What the log says of calls that another model than the first one answered.

Two warnings for an outage, one when it begins and one when it ends: a line for each call would
bury whatever else there is. What happens in between is counted at INFO.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from langchain_tuned_gemini.runtime.fork_safety import SharedByKey, renew_after_fork

logger = logging.getLogger("langchain_tuned_gemini")

_AT_MOST: Final = 2
_WITHIN: Final = 60.0
"""So many outages are told as warnings within so many seconds; a model that comes and goes would
write as much as one line for each call does."""

_AGAIN: Final = 3600.0
"""After how many seconds a model that is gone for ever is told again."""

_REFUSALS: Final = 16
"""How many reasons of refusals are told, of those that differ in more than numbers."""

_NUMBER: Final = re.compile(r"\d+")


@dataclass(slots=True)
class Outage:
    """Calls in a row that another model has answered.

    Attributes:
        since: When the first of them ended.
        calls: How many there were.
        is_told: Whether a warning has said that it began.
        final_told: When it was last told that it won't end by itself.
    """

    since: float
    calls: int = 0
    is_told: bool = False
    final_told: float = float("-inf")


class OutageLog:
    """Tells when a model's outage begins and ends, and how many calls it touched.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.current: Outage | None = None
        """The outage, while the last call was answered by another model."""
        self._told: deque[float] = deque(maxlen=_AT_MOST)
        self._refusals: set[str] = set()
        self.renew()
        renew_after_fork(self)

    def another_answered(self, told: str, level: int, *, is_final: bool) -> None:
        """Tells of a call that another model answered, if that is news.

        Args:
            told: What happened, without the full stop.
            level: How loudly to say it.
            is_final: Whether the model won't come back by itself.
        """
        with self._lock:
            now = self._clock()
            outage = self.current = self.current or Outage(now)
            outage.calls += 1
            is_loud = self._is_news(outage, now, is_final=is_final)
            calls, lasted = outage.calls, now - outage.since
        if calls > 1:
            told = f"{told}: {calls:,} calls in {_duration(lasted)}"
        if is_loud:
            logger.log(level, "%s.", told)
        elif calls & (calls - 1) == 0:  # the 2nd, 4th, 8th, ...
            logger.info("%s.", told)

    def _is_news(self, outage: Outage, now: float, *, is_final: bool) -> bool:
        """Whether a warning is due; if so, it counts as told."""
        is_due = is_final and now - outage.final_told >= _AGAIN
        if not is_due and (outage.is_told or self._has_told_enough(now)):
            return False
        if not outage.is_told:
            self._told.append(now)
        outage.is_told = True
        outage.final_told = now if is_final else outage.final_told
        return True

    def _has_told_enough(self, now: float) -> bool:
        return len(self._told) == _AT_MOST and now - self._told[0] < _WITHIN

    def first_answered(self, name: str, took: float) -> None:
        """Tells that the model answers again, if it did not before.

        Args:
            name: The model's name.
            took: For how many seconds it was asked. An answer to a question from before the
                outage does not end it.
        """
        with self._lock:
            outage, now = self.current, self._clock()
            if outage is None or now - took < outage.since:
                return
            self.current = None
        logger.log(
            logging.WARNING if outage.is_told else logging.INFO,
            "%s answers again. Others have answered %s in %s.",
            name,
            "one call" if outage.calls == 1 else f"{outage.calls:,} calls",
            _duration(now - outage.since),
        )

    def refused(self, name: str, sentence: str) -> None:
        """Tells why a model does not take its requests: each reason once.

        Args:
            name: The model's name.
            sentence: The service's own words; empty where there are none.
        """
        reason = _NUMBER.sub("#", sentence)  # such as how many tokens were too many
        with self._lock:
            if not sentence or reason in self._refusals or len(self._refusals) == _REFUSALS:
                return
            self._refusals.add(reason)
        logger.warning("%s refuses requests: %s", name, sentence)

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        self._lock = threading.RLock()  # re-entrant: a signal's handler may make a call


def _duration(seconds: float) -> str:
    """A length of time for people.

    Example:
        >>> _duration(0.04), _duration(75), _duration(2000), _duration(9000)
        ('0 s', '75 s', '33 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


_logs: Final = SharedByKey(OutageLog)


def outage_log(key: str | None) -> OutageLog:
    """The log that all models of this process share whose circuit has this key; one's own if None.

    Example:
        >>> ours = outage_log("tunedModels/x#1")
        >>> outage_log("tunedModels/x#1") is ours, outage_log(None) is outage_log(None)
        (True, False)
    """
    return OutageLog() if key is None else _logs.get(key)
