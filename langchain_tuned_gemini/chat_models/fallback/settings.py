"""The keywords that are handed on to a `FallbackChatModel`, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

from langchain_core.callbacks import Callbacks
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_tuned_gemini.chat_models.fallback.call import OnFallback
from langchain_tuned_gemini.chat_models.fallback.held_stream import (
    Commit,
    OnBlocked,
    OnBrokenStream,
)
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker
from langchain_tuned_gemini.few_shot.novelty import NovelInput
from langchain_tuned_gemini.guards import Guard


class FallbackSettings(TypedDict, total=False):
    """All that a `FallbackChatModel` takes besides its models; it describes each."""

    first_token_timeout: float | None
    stall_timeout: float | None
    total_timeout: float | Literal["auto"] | None
    streaming: bool | None
    commit: Commit
    on_broken_stream: OnBrokenStream
    hedge_after: float | Literal["p95"] | None
    novel_input: NovelInput | None
    guards: Sequence[Guard]
    on_blocked: OnBlocked
    circuit_breaker: CircuitBreaker | Literal[False] | None
    retry_budget: RetryBudget | Literal[False] | None
    on_fallback: OnFallback | None
    trace_prompts: bool

    # LangChain's own; its `cache` is the models' business.
    name: str | None
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    verbose: bool
    profile: ModelProfile | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    custom_get_token_ids: Callable[[str], list[int]] | None
