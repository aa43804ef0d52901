"""A chat model that is told what to do in another way than the conversation says."""

from __future__ import annotations

from itertools import dropwhile

from langchain_core.messages import BaseMessage, SystemMessage

from langchain_tuned_gemini.chat_models.fallback.tracing import current_attempt
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel


class SystemPromptChatModel(WrapperChatModel):
    """Puts its own system prompt in the place of the conversation's.

    A tuned model's prompt is short, for what it says was tuned in; its base must be told.
    """

    system_prompt: str
    """The prompt."""

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """The module: the class is none of the package's public names."""
        return cls.__module__.split(".")

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        prompted = self._prompted(messages)
        if (attempt := current_attempt()) is not None:
            attempt.note(prompted)
        return prompted

    def _prompted(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        conversation = dropwhile(lambda message: isinstance(message, SystemMessage), messages)
        return [SystemMessage(self.system_prompt), *conversation]


class DefaultSystemPromptChatModel(SystemPromptChatModel):
    """Puts its own system prompt before a conversation that has none.

    What a model was told in its training, it must be told again.
    """

    def _prompted(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        has_one = any(isinstance(message, SystemMessage) for message in messages)
        return messages if has_one else super()._prompted(messages)
