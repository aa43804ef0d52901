"""Faults as values: what goes wrong, and when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from langchain_tuned_gemini.emulator.armed_rules import ArmedRule
from langchain_tuned_gemini.emulator.http.requests import GENERATE, MethodCall
from langchain_tuned_gemini.emulator.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STATUSES = range(200, 600)
_GROUPS = frozenset({"generate", "any"})
_NO_EFFECT_ALONE = frozenset({"model", "method", "nth", "times", "message", "retry_after", "stall"})
_COUNTS = frozenset({"nth", "times"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with some calls.

    The first four fields say which calls, the others what happens to them; effects of
    different kinds combine. All durations are seconds.

    Attributes:
        model: Only calls of this model, `tunedModels/…` or `models/…`; on Vertex AI of this
            endpoint, tuning job or model, `projects/…`, as the client names it. A base model
            has one name, `models/…`, on both. Of all by default.
        method: Only this method: `get`, `list`, `create`, `patch`, `delete`,
            `operations.get`, `models.get`, `countTokens` and so on, on Vertex AI
            `tuningJobs.get`, `endpoints.list` and so on; `generate` (the default) is
            generateContent and streamGenerateContent, `any` is everything.
        nth: Only from the nth such call on, counted from 1 since the fault was armed.
        times: How many calls are hit. By default all, and with `nth` only that one.
        status: Answer with this HTTP status and Google's body for it; 502 is an HTML page.
        message: The text of that body.
        body: Answer with this instead: JSON, or text or bytes as they are. The status is
            200 unless `status` is given.
        headers: Further headers of the answer.
        retry_delay: `RetryInfo` in the body of an error, 429 unless `status` is given.
        quota: Which quota a 429 names in its `QuotaFailure`.
        retry_after: The `Retry-After` header, in whole seconds.
        redirect: Answer 307 to this URL.
        delay: Wait before answering.
        hang: Never answer.
        reset: Reset the TCP connection before answering; with `cut_after`, then.
        cut_after: Close the connection after so many chunks of a stream, or in the middle
            of an answer that is no stream.
        end_after: End a stream properly after so many chunks, without a finish reason.
        error_after: Send an error in a stream after so many chunks: that of `status`, 503
            unless given. An answer that is no stream becomes that error.
        limit_after: End with `MAX_TOKENS` after so many words of the text, which are a
            stream's chunks; 0 leaves none, as when thinking took all tokens.
        stall_after: Stop sending after so many chunks.
        stall: How long; for ever by default.
        malformed: Break the JSON of the first chunk, or of the answer.
        malformed_after: Break the JSON of the chunk after so many of a stream, and go on. An
            answer that is no stream is broken, whatever the number.
        drip: Wait this long after every byte.
        empty: Answer with an empty text.
        no_candidates: Answer without any candidate.
        blocked: Block the prompt: `promptFeedback.blockReason`.
        finish_reason: End with this reason. Those that withhold an answer, such as
            `SAFETY`, also take the text away; `FINISH_REASON_UNSPECIFIED` leaves the
            field out.
    """

    model: str | None = None
    method: str | None = None
    nth: int | None = None
    times: int | None = None

    status: int | None = None
    message: str | None = None
    body: Any = None
    headers: Mapping[str, str] | None = None
    retry_delay: float | None = None
    quota: Literal["minute", "day"] | None = None
    retry_after: int | None = None
    redirect: str | None = None

    delay: float | None = None
    hang: bool = False
    reset: bool = False

    cut_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    limit_after: int | None = None
    stall_after: int | None = None
    stall: float | None = None
    malformed: bool = False
    malformed_after: int | None = None
    drip: float | None = None

    empty: bool = False
    no_candidates: bool = False
    blocked: bool = False
    finish_reason: str | None = None

    def __post_init__(self) -> None:
        """Refuses a fault that would never hit, do nothing, or contradict itself."""
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        known = METHODS | _GROUPS
        if self.method is not None and self.method not in known:
            yield f"a fault can't hit the method {self.method!r}, only {', '.join(sorted(known))}"
        if self.quota not in (None, "minute", "day"):
            yield f'quota is "minute" or "day", not {self.quota!r}'
        if self.status is not None and self.status not in _STATUSES:
            yield f"status is an HTTP status from 200 to 599, not {self.status}"
        for field in fields(self):
            value, least = getattr(self, field.name), 1 if field.name in _COUNTS else 0
            if field.name != "body" and isinstance(value, int | float) and value < least:
                yield f"{field.name} is at least {least}, so it can't be {value}"
        effects = (f for f in fields(self) if f.name not in _NO_EFFECT_ALONE)
        if all(getattr(self, effect.name) == effect.default for effect in effects):
            yield "a fault needs an effect, for example status=503 or hang=True"
        ends = (self.cut_after, self.end_after, self.error_after, self.limit_after)
        if sum(end is not None for end in ends) > 1:
            yield (
                "a stream ends once: give one of cut_after, end_after, error_after and limit_after"
            )

    def selects(self, call: MethodCall) -> bool:
        """Whether a call is of the kind that this fault is for."""
        if not call.is_about(self.model):
            return False
        if self.method in (None, "generate"):
            return call.method in GENERATE
        return self.method in ("any", call.method)

    def is_due(self, calls: int, hits: int) -> bool:
        """Whether the last of so many such calls is to be hit, after so many hits."""
        if self.nth is not None:
            return self.nth <= calls < self.nth + (self.times or 1)
        return self.times is None or hits < self.times


ArmedFault: TypeAlias = ArmedRule[Fault]
"""A fault that is waiting for its calls: remove it, or use it as a context manager."""
