"""Telemetry that fails is counted and logged, and affects no call."""

from __future__ import annotations

import itertools
import logging
from types import TracebackType

_logger = logging.getLogger("langchain_tuned_gemini")


class Harmless:
    """Ends an exception of the telemetry inside `with`.

    OpenTelemetry promises not to raise, but the processors, readers and providers that an
    application plugs into it are anybody's code, and run inside the call. What is no
    `Exception`, such as a cancellation, passes.
    """

    def __init__(self) -> None:
        self._failures = itertools.count(1)

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        count = next(self._failures)
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...: an outage fills no disk
            _logger.warning(
                "Telemetry failed with %s, %d times so far; no call is affected. Log at DEBUG to "
                "see where.",
                type(error).__name__,
                count,
                # Its text may hold an exporter's address and headers, so only on request.
                exc_info=error if _logger.isEnabledFor(logging.DEBUG) else None,
            )
        return True


harmless = Harmless()
