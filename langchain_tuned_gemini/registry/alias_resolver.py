"""What an alias points to now, without reading the file for every call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from langchain_tuned_gemini.errors import RecordNotFoundError, RecordsError
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


class AliasWatch:
    """Tells what an alias points to.

    The file is looked at once in 10 s, and read only when it was replaced. While it can't be
    used, or does not have the alias any more, what it said before holds: a slip in an editor
    must not stop a service that runs. That is logged as an error, once.

    Args:
        records: The file.
        alias: The alias.
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
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._alias = alias
        self._clock = clock
        self._until = clock() + FRESH_FOR
        self._stamp = self._stamp_now()
        self._version = records.load().target(alias)
        self.renew()
        renew_after_fork(self)

    def version(self) -> RecordedVersion:
        """What it points to, as of the last look; the same object as long as nothing changes."""
        if self._clock() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._version

    def _look(self) -> None:
        self._until = self._clock() + FRESH_FOR
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            version = self._records.load().target(self._alias)
        except (RecordsError, RecordNotFoundError) as problem:
            _logger.error(  # noqa: TRY400  # the trace says nothing that the problem does not
                "%s stays at %s: %s", self._alias, self._version.label, problem
            )
            return
        if version != self._version:
            self._version = version

    def _stamp_now(self) -> _Stamp:
        """What tells one state of the file from another; None where it is not there."""
        try:
            found = self._records.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._lock = threading.Lock()
