"""A chat model that is shown examples of the task with every question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_tuned_gemini.chat_models.conversation import require_contents
from langchain_tuned_gemini.chat_models.fallback.tracing import current_attempt
from langchain_tuned_gemini.chat_models.wrapper import WrappedCall, WrapperChatModel
from langchain_tuned_gemini.few_shot import ExampleSelection, FewShotPrompt
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY


class FewShotChatModel(WrapperChatModel):
    """Puts examples in front of the conversation, and says in the answer how many.

    `message.response_metadata["few_shot"]` holds the number of examples, the selector, about how
    many tokens they took, and how many were dropped because they did not fit into the model's
    context (its profile's `max_input_tokens`) or the prompt's `max_tokens`; a
    `FallbackChatModel` moves that into its provenance. The tokens that the model reports correct
    the estimate.

    Raises:
        PromptTooLongError: If the conversation alone is certainly longer than the model takes.
        ParameterError: If there is nothing in it but system messages.
    """

    prompt: FewShotPrompt
    """Selects the examples and puts them into the messages."""

    def _depends_on(self) -> object:
        return self.prompt.depends_on(), super()._depends_on()

    def _calls(
        self,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,  # noqa: ARG002  # it has nothing to say there
    ) -> tuple[WrappedCall]:
        context = (self.profile or {}).get("max_input_tokens")
        return (_FewShotCall(self.wrapped, messages, arguments, self.prompt, context),)


@dataclass(slots=True)
class _FewShotCall(WrappedCall):
    """One call whose conversation gets examples.

    Attributes:
        prompt: Selects them.
        context: How many tokens the model takes, if that is known.
        noted: What the answer is yet to say of the examples.
        counted: How many tokens of the prompt the answer has reported.
    """

    prompt: FewShotPrompt
    context: int | None
    noted: dict[str, Any] = field(default_factory=dict)
    counted: int = 0

    def begin(self) -> None:
        """Selects the examples."""
        self._show(self.prompt.select(self.messages, **self._situation()))

    async def abegin(self) -> None:
        """The same without blocking the event loop."""
        self._show(await self.prompt.aselect(self.messages, **self._situation()))

    def _situation(self) -> dict[str, Any]:
        """The facts that decide which examples can be shown."""
        functions = _offered(self.arguments.get("tools") or ())
        return {"context": self.context, "functions": functions}

    def _show(self, selection: ExampleSelection) -> None:
        """Puts the examples into the conversation; a trace is told which they are."""
        require_contents(self.messages)  # or the examples would be all that there is
        self.noted = {FEW_SHOT_KEY: selection.as_dict()}
        self.messages = self.prompt.insert(self.messages, selection)
        if (attempt := current_attempt()) is not None:
            rows = {"rows": self.prompt.rows(selection)}
            attempt.note(self.messages, {**selection.as_dict(), **rows})

    def finished(self, result: ChatResult) -> ChatResult:
        """Notes the examples in the first of the answers, each of which reports all tokens."""
        self.finish(result.generations[0])
        return result

    def finish(self, generation: ChatGeneration) -> None:
        """Notes the examples once: LangChain adds up the metadata of chunks."""
        message = generation.message
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        self.counted += usage["input_tokens"] if usage else 0  # a chunk reports a part of them
        if self.noted:
            message.response_metadata = {**message.response_metadata, **self.noted}
            self.noted = {}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Corrects the estimate of tokens; tools are counted by the model, and not known here."""
        if error is None and self.counted and not self.arguments.get("tools"):
            self.prompt.learn(self.messages, self.counted)


def _offered(tools: Iterable[Any]) -> set[str]:
    """The names of the functions among tools, in the form of Gemini, OpenAI or Anthropic."""
    names: set[str] = set()
    for tool in tools:
        if isinstance(tool, Mapping):
            declared = tool.get("function_declarations") or [tool.get("function", tool)]
            names.update(one["name"] for one in declared if isinstance(one.get("name"), str))
    return names
