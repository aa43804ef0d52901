"""Something that is built from what an alias points to, and built anew when that changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from langchain_tuned_gemini.errors import TunedGeminiError
from langchain_tuned_gemini.registry import RecordedVersion
from langchain_tuned_gemini.registry.alias_resolver import AliasWatch
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Following(Generic[_T]):
    """What an alias stands for.

    Whoever asks once in a call, and uses what it got to the call's end, never mixes two
    versions. One caller builds the new one; meanwhile the others are given the old one. One that
    can't be built is logged as an error, and the old one stays.

    Args:
        watch: Tells what the alias points to.
        build: Makes it.
    """

    _lock: threading.Lock

    def __init__(self, watch: AliasWatch, build: Callable[[RecordedVersion], _T]) -> None:
        self.watch = watch
        self._build = build
        self._built_from = watch.version()
        self._built = build(self._built_from)
        self.renew()
        renew_after_fork(self)

    def current(self) -> _T:
        """What it stands for now."""
        version = self.watch.version()
        if version is not self._built_from and self._lock.acquire(blocking=False):
            try:
                self._follow(version)
            finally:
                self._lock.release()
        return self._built

    def _follow(self, version: RecordedVersion) -> None:
        if version is self._built_from:  # somebody was quicker
            return
        before, self._built_from = self._built_from, version
        try:
            self._built = self._build(version)
        except (TunedGeminiError, OSError) as problem:
            _logger.error(  # noqa: TRY400  # what is wrong stands in the records
                "%s can't be used, so %s answers on: %s", version, before, problem
            )

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Following[_T]:
        """Itself: copies of a chat model follow the same alias."""
        return self
