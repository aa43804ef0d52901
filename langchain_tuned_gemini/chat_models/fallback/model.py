"""A chat model that tries its models in order, and says who answered and why."""

from __future__ import annotations

import warnings
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from functools import cached_property, partial
from typing import Annotated, Any, Literal, Self, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.load.serializable import SerializedConstructor, SerializedNotImplemented
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny, field_validator, model_validator

from langchain_tuned_gemini.chat_models.agent_answers import AgentAnswer, neutral
from langchain_tuned_gemini.chat_models.arguments import check_arguments, check_structured_options
from langchain_tuned_gemini.chat_models.cache_keys import depends_on, settings_of
from langchain_tuned_gemini.chat_models.caller import current_caller
from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt
from langchain_tuned_gemini.chat_models.fallback.call import FallbackCall, OnFallback
from langchain_tuned_gemini.chat_models.fallback.candidate import (
    HasCircuit,
    ModelCandidate,
    held_to,
    model_name_of,
)
from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgePolicy
from langchain_tuned_gemini.chat_models.fallback.held_stream import (
    Commit,
    Limits,
    OnBlocked,
    OnBrokenStream,
)
from langchain_tuned_gemini.chat_models.fallback.outage_log import OutageLog, outage_log
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.chat_models.fallback.round import (
    Hedge,
    afirst_chunk,
    arun_with_hedge,
    first_chunk,
    run_with_hedge,
)
from langchain_tuned_gemini.chat_models.fallback.structured_call import StructuredCall
from langchain_tuned_gemini.chat_models.fallback.token_counter import TokenCounter
from langchain_tuned_gemini.chat_models.fallback.tracing import CallTrace, current_attempt
from langchain_tuned_gemini.chat_models.foundation import TunedGeminiChatModel, is_added_up
from langchain_tuned_gemini.chat_models.pickling import unpickled
from langchain_tuned_gemini.chat_models.structured_output import (
    STRUCTURED,
    for_tracers,
    read_with,
)
from langchain_tuned_gemini.circuit_breaker import (
    CircuitBreaker,
    CircuitKey,
    CircuitPolicy,
    MemoryCircuitStore,
)
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot.novelty import NovelInput
from langchain_tuned_gemini.guards import FinishReason, Guard, NonEmpty, as_guards
from langchain_tuned_gemini.registry.alias_resolver import AliasResolver
from langchain_tuned_gemini.runtime.error_origins import is_async
from langchain_tuned_gemini.secrets.secret_values import remember, secrets_of

_LONGEST = 30.0
_LONGEST_OF_THE_LAST = 120.0

_OF_MODELS = frozenset({"api_key", "max_retries", "max_tokens", "stop", "temperature", "timeout"})


class FallbackChatModel(TunedGeminiChatModel):
    """Answers with the first of its models that can.

    A failure that another model may answer for (see `Reason`) goes to the next model at once; a
    wrong key, a bug, a cancellation or an interrupt is raised as it is. On a stream that holds
    until the first chunk has been handed out.

    Every answer says who gave it: `message.response_metadata["tuned_gemini"]`, on a stream the
    last chunk's. Tools are kept in LangChain's neutral form and bound anew for each model, so
    the models may be of different providers.

    Raises:
        AllModelsFailedError: When no model could answer; it holds each model's error.

    Example:
        >>> from langchain_tuned_gemini.testing import ScriptedChatModel
        >>> tuned = ScriptedChatModel(name="tuned", answers=[TimeoutError()])
        >>> base = ScriptedChatModel(name="base", answers=["42"])
        >>> answer = FallbackChatModel(models=[tuned, base]).invoke("What is it?")
        >>> answer.text, answer.response_metadata["tuned_gemini"]["reason"]
        ('42', 'timeout')
    """

    models: Sequence[SerializeAsAny[BaseChatModel]] = Field(min_length=1)
    """The models, in the order in which they are tried; the first one is the tuned model."""

    first_token_timeout: float | None = Field(default=10.0, gt=0)
    """How long a stream may take to its first chunk, in seconds, while there is another model
    to answer; None for ever. A deadline: bytes that drip in don't put it off."""

    stall_timeout: float | None = Field(default=10.0, gt=0)
    """How long each further chunk of a stream may take, in seconds; None for ever."""

    total_timeout: Annotated[float, Field(gt=0)] | Literal["auto"] | None = "auto"
    """How long each model's whole answer may take, in seconds, streamed or not, with the time in
    its rate limiter; None for ever. It holds for the last model, too: `"auto"` is 30 s, and 120 s
    for the last one, after which nobody answers. What whoever reads a stream does between two
    chunks is not part of it. What a model has for a timeout of its own, such as the 30 s of
    `ChatTunedGemini.timeout`, holds besides. A call in a thread that nobody can end, of a model
    that is not of this package, runs on in a thread of its own: give it a timeout, too."""

    streaming: bool | None = None
    """Whether `invoke` streams from the service, too, and hands out the whole: then
    `first_token_timeout` and `stall_timeout` hold there as well, and a silent model is given up
    sooner, however long the answer. Without it only `total_timeout` does: an answer in one piece
    begins when it is finished."""

    commit: Commit = "first_token"
    """When a stream is handed out: from its first content on, or `"complete"`, when all of it
    has arrived and passed the guards; then a failure is never visible."""

    on_broken_stream: OnBrokenStream = "raise"
    """What happens to a stream that breaks after it was begun: `"raise"` a `BrokenStreamError`
    with the text so far, or `"restart"` with the next model, after a chunk whose
    `response_metadata["tuned_gemini"]["restarted"]` is true: what came before it is void, and
    no part of what `invoke` returns, in an agent, for one. A stream of `stream_events` in
    version 3, which would glue the two, raises in any case."""

    hedge_after: Annotated[float, Field(gt=0)] | Literal["p95"] | None = None
    """After how many seconds of silence the second model is asked beside the first one, so that
    the quicker of the two answers; `"p95"` is the time within which 95 of 100 of the last calls
    were answered. None for never. At most one call in 20 is hedged, whatever happens, and the
    model that was slower is cancelled. Threads can cancel the Gemini models of this package
    only: another one runs on to its end, unheard."""

    novel_input: NovelInput | None = Field(default=None, exclude=True)
    """Tells questions that are unlike what the first model was tuned with, which go to the second
    model directly. None asks the first model whatever the question is."""

    guards: Sequence[Guard] = ()
    """Checks of an answer, besides those that it is there and was neither cut off nor blocked.
    An answer that one refuses makes way for the next model's."""

    on_blocked: OnBlocked = "raise"
    """What becomes of a refusal, or of what was blocked for safety: `"raise"` a
    `ContentBlockedError`; hand out the `"message"` as it is, with the `refusal` block in its
    `content_blocks`, as LangChain's chat models do; or ask the `"next"` model, which may get round
    a policy. What a guard of yours blocks is never handed out, nor is a refusal in the place of an
    answer in a schema: both raise then."""

    circuit_breaker: CircuitBreaker | Literal[False] | None = Field(default=None, exclude=True)
    """The circuit breaker of the first model; by default one that all models of the process
    which name the same tuned model share. False for none."""

    retry_budget: RetryBudget | Literal[False] | None = Field(default=None, exclude=True)
    """Pays for a second try of the first model after a quick 5xx or broken connection, as long
    as it mostly answers; by default one of this model's own. False for no second try."""

    on_fallback: OnFallback | None = Field(default=None, exclude=True)
    """Called with the provenance of each answer that the first model did not give."""

    trace_prompts: bool = False
    """Whether traces show all that a model was sent. By default the run of an attempt shows the
    question, the numbers of the rows that were shown as examples, and a hash of the prompt: the
    examples are tuning data, and a tracing service need not have them."""

    _tokens: TokenCounter = PrivateAttr(default_factory=TokenCounter)
    _new_resolver: Callable[[], AliasResolver[FallbackChatModel]] | None = PrivateAttr(default=None)
    _versions: AliasResolver[FallbackChatModel] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _leave_their_settings_to_the_models(cls, values: Any) -> Any:
        """LangChain's standard parameters are taken, as everywhere, but not in silence."""
        if isinstance(values, dict) and (of_models := sorted(values.keys() & _OF_MODELS)):
            warnings.warn(
                f"{', '.join(of_models)}: no effect on {cls.__name__}. Set it on its models.",
                UserWarning,
                stacklevel=2,
            )
            return {name: value for name, value in values.items() if name not in _OF_MODELS}
        return values

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        self.cache = False  # or a base model's answer would be kept under the tuned model's key
        remember(self, *secrets_of(self))  # other providers' models tell nobody
        if self.hedge_after is not None and len(self.models) == 1:
            raise ParameterError("hedge_after needs a second model, which is asked then, too.")
        if self.circuit_breaker:
            self.circuit_breaker.policy.check_deadline(self._longest)
        if self.novel_input is not None:
            if len(self.models) == 1:
                raise ParameterError("novel_input needs a second model, which answers instead.")
            self.novel_input.build()  # now, and not when somebody is waiting
        return self

    @field_validator("on_fallback")
    @classmethod
    def _can_be_called_without_waiting(cls, listener: OnFallback | None) -> OnFallback | None:
        if listener is not None and is_async(listener):
            raise ParameterError(
                "on_fallback is async, but nobody waits for it: pass a plain function, such as one "
                "that puts what it gets into a queue."
            )
        return listener

    @cached_property
    def _candidates(self) -> tuple[ModelCandidate, ...]:
        first, *others = self.models
        budget = RetryBudget() if self.retry_budget is None else self.retry_budget or None
        limits = self._limits
        *limited, last = [
            ModelCandidate(first, model_name_of(first), "tuned", limits, self._circuit, budget),
            *(
                ModelCandidate(one, model_name_of(one), "base_fallback", limits, None, None)
                for one in others
            ),
        ]
        # There is nobody left to answer for the last one, so it gets its time.
        total = _LONGEST_OF_THE_LAST if self.total_timeout == "auto" else self.total_timeout
        unlimited = {"first_token_timeout": None, "stall_timeout": None, "total_timeout": total}
        return (*limited, *held_to(unlimited, [last]))

    @property
    def _longest(self) -> float | None:
        """How long an answer may take, of a model that is not the last one."""
        return _LONGEST if self.total_timeout == "auto" else self.total_timeout

    @cached_property
    def _limits(self) -> Limits:
        return Limits(
            first_token_timeout=self.first_token_timeout,
            stall_timeout=self.stall_timeout,
            total_timeout=self._longest,
            commit=self.commit,
            on_broken_stream=self.on_broken_stream,
            guards=(NonEmpty(), FinishReason(), *as_guards(self.guards)),
            on_blocked=self.on_blocked,
        )

    @property
    def keeps_deadline(self) -> bool:
        """True: whatever its models do."""
        return True

    @cached_property
    def _hedge_policy(self) -> HedgePolicy | None:
        return None if self.hedge_after is None else HedgePolicy(self.hedge_after)

    @property
    def circuit(self) -> CircuitBreaker | None:
        """The circuit of the first model; None without another one, or if it was switched off.

        All models of this process that name the same tuned model with the same key share it.
        `circuit.view()` shows it; `force_open()`, `force_closed()` and `reset()` set it.
        """
        return self.current._circuit

    @cached_property
    def _circuit(self) -> CircuitBreaker | None:
        if self.circuit_breaker is not None or len(self.models) == 1:
            return self.circuit_breaker or None
        first = self.models[0]
        if isinstance(first, HasCircuit):
            return CircuitBreaker(
                first.circuit_key, policy=CircuitPolicy.for_deadline(self._longest)
            )
        key = CircuitKey.of(model_name_of(first), address=None, api_key=None)
        return CircuitBreaker(key, store=MemoryCircuitStore())

    @cached_property
    def _outages(self) -> OutageLog:
        first = self.models[0]
        return outage_log(str(first.circuit_key) if isinstance(first, HasCircuit) else None)

    @classmethod
    def of_alias(cls, new_resolver: Callable[[], AliasResolver[FallbackChatModel]]) -> Self:
        """A model each of whose calls is answered as an alias says when it begins.

        It shows the settings of the version that the alias points to now.

        Args:
            new_resolver: Makes what resolves the alias, also where this is unpickled.
        """
        resolver = new_resolver()
        now = resolver.current()
        self = cls(**{name: getattr(now, name) for name in now.model_fields_set})
        self._new_resolver, self._versions = new_resolver, resolver
        return self

    @property
    def current(self) -> FallbackChatModel:
        """The model that answers now: itself, or that of the version its alias points to."""
        return self if self._versions is None else self._versions.current()

    def _attempts(
        self,
        messages: list[BaseMessage],
        run_manager: BaseRunManager | None,
        arguments: dict[str, Any],
        *,
        is_streamed: bool = False,
    ) -> FallbackCall:
        """Begins a call; takes out of its arguments what is not a model's, or refuses it."""
        if self._versions is not None:
            now = self._versions.current()
            return now._attempts(messages, run_manager, arguments, is_streamed=is_streamed)
        if arguments:
            check_arguments(arguments, self)
        candidates = self._candidates
        if structured := arguments.pop(STRUCTURED, None):
            candidates = structured.asked_of(candidates, messages)
        if is_streamed and run_manager is not None and not is_added_up():
            # LangChain adds up the chunks of v3 events; no mark would keep it from gluing.
            candidates = held_to({"on_broken_stream": "raise"}, candidates)
        policy = self._hedge_policy
        hedge = Hedge(policy, candidates[1], is_streamed) if policy else None
        caller = current_caller(run_manager)
        if is_streamed and is_added_up() and not (caller and caller.wants_tokens()):
            candidates = held_to({"commit": "complete"}, candidates)  # none is seen before
        novelty = self.novel_input.assess(messages) if self.novel_input else None
        is_heard = caller is not None and bool(caller.handlers)
        within = current_attempt() if is_heard else None
        trace = CallTrace(caller, is_heard, self, self.models, messages, self.trace_prompts, within)
        listener, outages = self.on_fallback, self._outages
        return FallbackCall(
            candidates, trace, hedge, listener, novelty, outages, is_streamed=is_streamed
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ask = partial(Attempt.generate, messages=messages, stop=stop, arguments=kwargs)
        for round_ in self._attempts(messages, run_manager, kwargs):
            answer = run_with_hedge(round_, ask)
        return cast("ChatResult", answer)  # that of the last round

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ask = partial(Attempt.agenerate, messages=messages, stop=stop, arguments=kwargs)
        for round_ in self._attempts(messages, run_manager, kwargs):
            answer = await arun_with_hedge(round_, ask)
        return cast("ChatResult", answer)  # that of the last round

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for round_ in self._attempts(messages, run_manager, kwargs, is_streamed=True):
            begun = run_with_hedge(
                round_, lambda one: first_chunk(one.chunks(messages, stop, kwargs))
            )
            if begun is not None:
                first, rest = begun
                with closing(rest):
                    yield first
                    yield from rest

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for round_ in self._attempts(messages, run_manager, kwargs, is_streamed=True):
            begun = await arun_with_hedge(
                round_, lambda one: afirst_chunk(one.achunks(messages, stop, kwargs))
            )
            if begun is not None:
                first, rest = begun
                async with aclosing(rest):
                    yield first
                    async for chunk in rest:
                        yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offers tools to whichever model answers.

        Args:
            tools: Tools in any form that LangChain knows.
            tool_choice: `"auto"`, `"any"`, `"none"` or a tool's name.
            **kwargs: Further arguments for each call.
        """
        arguments = {**neutral(tools, tool_choice), **kwargs}
        if waited_for := AgentAnswer.waited_for(tools, arguments):
            arguments[STRUCTURED] = waited_for
        return self.bind(**arguments)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers in a schema; an answer that does not fit it makes way for the next model's.

        Each model is asked in its own way: a tuned model as it was tuned, the others as their
        `with_structured_output` does by default. On a stream nothing is handed out before it is
        known to fit. The circuit does not hear of an answer that does not fit: the model may be
        well, and tuned to something else; a guard, `ValidJSON(schema)`, would tell it.

        Args:
            schema: A pydantic class, a TypedDict, or a JSON schema; without the extra `json`,
                of that only whether there is an object with the required keys is checked.
            include_raw: Whether to give `{"raw", "parsed", "parsing_error"}`. Then what the last
                model says is given out even if it does not fit.
            **kwargs: Passed on to each model's `with_structured_output`, such as `method`.

        Raises:
            AllModelsFailedError: When the call is made, and no model's answer fits.
            ParameterError: For what is no schema.
        """
        check_structured_options(kwargs)
        call = StructuredCall.of(tuple(self.models), schema, kwargs, include_raw=include_raw)
        asked = self.bind(**{STRUCTURED: call}, **for_tracers(schema, kwargs))
        chain = read_with(call.parser, asked, include_raw=include_raw)
        return cast("Runnable[LanguageModelInput, dict[str, Any] | BaseModel]", chain)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the models and the settings; what is remembered of calls stays behind.

        For an alias how it is resolved: its settings are those of the version.
        """
        if self._new_resolver is not None:
            return unpickled, (partial(type(self).of_alias, self._new_resolver),)
        settings = {name: getattr(self, name) for name in self.model_fields_set}
        return partial(type(self), **settings), ()

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """What `dumpd` writes down; nothing for an alias, which is resolved by a file."""
        if self._versions is None:
            return super().to_json()
        unwritten = self.to_json_not_implemented()
        unwritten["name"] = self.get_name()  # handlers are told it
        return unwritten

    def get_num_tokens(self, text: str) -> int:
        """The last model's count; while it can't be reached, an estimate: 4 characters each."""
        return self._tokens.count(self.current.models[-1], text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        """That of the first model which has one, but for native structured output.

        LangChain's agents would choose it, even together with tools, which no Gemini before 3
        takes; a tool call does for every model.
        """
        profile = next((model.profile for model in self.models if model.profile), None)
        return cast("ModelProfile", {**profile, "structured_output": False}) if profile else None

    @property
    def _llm_type(self) -> str:
        return "tuned-gemini-fallback"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"models": [candidate.name for candidate in self.current._candidates]}

    def _depends_on(self) -> object:
        now = self.current
        settings = settings_of(now, "models")
        return type(self).__qualname__, settings, [depends_on(model) for model in now.models]

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.current.models[0]._get_ls_params(stop=stop, **kwargs)
