"""The fallback for those who keep `create_agent(model=tuned)`, as a middleware of the agent.

It hands the agent a `FallbackChatModel` in the place of the tuned model, and that is all: the
same reasons, circuit, deadlines, provenance and traces as everywhere. So the fallback lives below
every other middleware, and a retry finds it whether it stands before or after this one.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Unpack

from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from langchain_tuned_gemini.chat_models.base_model_names import base_of_fallback
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.chat_models.system_prompt import SystemPromptChatModel
from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.errors import MissingExtraError, ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.provenance import METADATA_KEY

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
    from langchain.agents.middleware.types import ExtendedModelResponse
except ImportError:
    raise MissingExtraError("TunedGeminiFallbackMiddleware", extra="agents") from None

Answered = ModelResponse[Any] | AIMessage | ExtendedModelResponse[Any]


class FallbackBypassedWarning(UserWarning):
    """An agent's model call went past `TunedGeminiFallbackMiddleware`."""


class TunedGeminiFallbackMiddleware(AgentMiddleware[Any, Any, Any]):
    """Lets a base model answer an agent's call when its tuned Gemini model can't.

    The base model is asked in its own way: with examples of the tuning set, with a system prompt
    of its own in the place of the agent's, or with both.

    Args:
        base: The model that stands in: a Gemini model's name, or any chat model. See
            `ChatTunedGemini.with_few_shot_fallback`.
        examples: What the tuned model was tuned on, or a `FewShotPrompt`.
        system_prompt: What the base model is told instead of the agent's own system prompt.
        k: How many examples go into the prompt at the most.
        **settings: Further parameters of `FallbackChatModel`, such as `guards`.

    Raises:
        ParameterError: Without examples and system prompt, or for an unknown setting.
        DatasetError: If the examples can't be read; it names file, line and field.

    Warns:
        FallbackBypassedWarning: When an agent runs, if its model is no `ChatTunedGemini`, or
            another middleware, after this one, has put a model or an answer of its own in place.

    Example:
        ```python
        from langchain.agents import create_agent

        middleware = TunedGeminiFallbackMiddleware("gemini-3.5-flash", examples="train.jsonl")
        agent = create_agent(ChatTunedGemini(model="..."), tools, middleware=[middleware])
        ```
    """

    def __init__(
        self,
        base: str | BaseChatModel,
        *,
        examples: Examples | BaseExampleSelector | FewShotPrompt | None = None,
        system_prompt: str | None = None,
        k: int | None = None,
        **settings: Unpack[FallbackSettings],
    ) -> None:
        super().__init__()
        if examples is None and system_prompt is None:
            raise ParameterError(
                "A base model that is asked as the tuned one is gives another kind of answer: "
                "pass examples=..., what the model was tuned on, or system_prompt=..., or both."
            )
        FallbackChatModel._check_names(settings)
        self._base = base_of_fallback(base, tuned="", needs_rules=False)
        self._prompt = FewShotPrompt.of(examples, k=k) if examples is not None else None
        if self._prompt is not None:
            self._prompt.build()  # now, and not when somebody is waiting
        if (novel := settings.get("novel_input")) is not None:
            novel.build()  # the same
        self._system_prompt = system_prompt
        self._settings = settings
        self._robust: dict[int, FallbackChatModel] = {}

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> Answered:
        """Asks the tuned model, and the base model in its place if it can't answer."""
        robust = self._made_robust(request)
        return _checked(handler(robust), is_ours=robust is not request)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> Answered:
        """The same without blocking the event loop."""
        robust = self._made_robust(request)
        return _checked(await handler(robust), is_ours=robust is not request)

    def _made_robust(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        tuned = request.model
        if not isinstance(tuned, ChatTunedGemini):
            _warn(
                f"The agent's model is a {type(tuned).__name__}, for which there is no fallback "
                "here: pass the ChatTunedGemini itself to create_agent, and let no middleware "
                "before this one replace it."
            )
            return request
        tuned = tuned.current  # each version of an alias has a circuit of its own
        if id(tuned) not in self._robust:
            # What is kept keeps the tuned model, so that no other one can have its id.
            self._robust.setdefault(id(tuned), self._robust_model(tuned))
        return request.override(model=self._robust[id(tuned)])

    def _robust_model(self, tuned: ChatTunedGemini) -> FallbackChatModel:
        if self._prompt is None:
            base_model = tuned.base_chat_model(self._base)
        else:
            robust = tuned.with_few_shot_fallback(
                self._base, examples=self._prompt, **self._settings
            )
            if self._system_prompt is None:
                return robust
            base_model = robust.models[-1]
        told = SystemPromptChatModel(wrapped=base_model, system_prompt=str(self._system_prompt))
        return FallbackChatModel(models=[tuned, told], **self._settings)


def _checked(response: Answered, *, is_ours: bool) -> Answered:
    """Says so if a model of ours was handed on, and the answer is not its own."""
    inner = response.model_response if isinstance(response, ExtendedModelResponse) else response
    messages = [inner] if isinstance(inner, AIMessage) else inner.result
    answers = [message for message in messages if isinstance(message, AIMessage)]
    if is_ours and not any(METADATA_KEY in answer.response_metadata for answer in answers):
        _warn(
            "The answer is neither the tuned model's nor its fallback's: a middleware after "
            "TunedGeminiFallbackMiddleware has put another model in place, or has answered "
            "itself. Let TunedGeminiFallbackMiddleware be the last one."
        )
    return response


def _warn(message: str) -> None:
    warnings.warn(message, FallbackBypassedWarning, stacklevel=4)
