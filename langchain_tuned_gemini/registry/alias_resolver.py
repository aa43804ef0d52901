"""The resolver of an alias, which does not read the file for every call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from langchain_tuned_gemini.errors import TunedGeminiError
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.registry.catalog import RecordedVersion
from langchain_tuned_gemini.registry.records_file import Records
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

_logger = logging.getLogger(__name__)

FRESH_FOR = 10.0
"""How long a look at the file is good for, in seconds: a promotion is seen within this time. It
is far less than the 300 s for which an ACTIVE state is, since a look at a file costs less than a
request, and a rollback is urgent."""

_Stamp: TypeAlias = tuple[int, int, int] | None

T = TypeVar("T")


class AliasResolver(Generic[T]):
    """Tells what stands for an alias now.

    Whoever asks once in a call, and uses the answer to the call's end, never mixes two versions.

    The file is looked at once in 10 s, and read only when it was replaced. While it can't be
    used, or does not have the alias any more, or has a version that nothing can be built from,
    what stood for it before goes on: a slip in an editor must not stop a service that runs. That
    is logged as an error, once. One caller looks and builds; meanwhile the others get the old one.

    Args:
        records: The file.
        alias: The alias.
        build: Makes what stands for a version.
        clock: The time in seconds.

    Raises:
        RecordsError: The file can't be used.
        RecordNotFoundError: It has no such alias.
    """

    _lock: threading.Lock

    def __init__(
        self,
        records: Records,
        alias: AliasName,
        build: Callable[[RecordedVersion], T],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._alias = alias
        self._build = build
        self._clock = clock
        self._until = clock() + FRESH_FOR
        self._stamp = self._stamp_now()
        self._version = records.load().target(alias)
        self._built = build(self._version)
        self._problem = ""
        self.renew()
        renew_after_fork(self)

    def current(self) -> T:
        """The object that stands for it, as of the last look; the same until something changes."""
        if self._clock() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._built

    def _look(self) -> None:
        self._until = self._clock() + FRESH_FOR
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        kept = f"{self._alias} stays at {self._version.label}"
        try:
            version = self._records.load().target(self._alias)
            kept = f"{version} can't be used, so {self._version} answers on"
            if version != self._version:
                self._built, self._version = self._build(version), version
        except (TunedGeminiError, OSError) as problem:
            if not _may_pass(problem):
                self._stamp = stamp  # it is as it is until the file is replaced
            if str(problem) != self._problem:
                self._problem = str(problem)
                _logger.error("%s: %s", kept, problem)  # noqa: TRY400  # the trace says no more
            return
        self._stamp, self._problem = stamp, ""

    def _stamp_now(self) -> _Stamp:
        """The stamp that tells one state of the file from another; None where it is not there."""
        try:
            found = self._records.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> AliasResolver[T]:
        """The same object: copies of a chat model follow the same alias."""
        return self


def _may_pass(problem: Exception) -> bool:
    """Whether a look may go better though nobody replaces the file: its reading has failed."""
    return isinstance(problem, OSError) or isinstance(problem.__cause__, OSError)
