"""`tuned-gemini chat`: lines in, answers out, until the end of the input."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from langchain_tuned_gemini.cli.command import MODELS, command
from langchain_tuned_gemini.cli.commands.ask import AskedModel, answer
from langchain_tuned_gemini.cli.context import CommandContext

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from langchain_tuned_gemini.cli.output import Output

_HELP = "/new begins a new conversation, /quit (or Ctrl-D) ends the chat, Ctrl-C stops an answer."


@command("chat", panel=MODELS)
def chat(context: CommandContext, asked: AskedModel) -> None:
    """Chat with a tuned model; see who answers, and why."""
    _Conversation(context.out, asked.chat_model(context), asked.instruction()).run()


class _Conversation:
    """A conversation with a model.

    A failed or stopped answer leaves the conversation as it was before its question.
    """

    def __init__(self, out: Output, model: BaseChatModel, beginning: list[BaseMessage]) -> None:
        self._out = out
        self._model = model
        self._beginning = beginning
        self._messages = list(beginning)
        self._asks = sys.stdin.isatty()

    def run(self) -> None:
        """Goes on until the input ends. A Ctrl-C at the prompt leaves, too."""
        if self._asks:
            with suppress(ImportError):  # some Pythons lack it; then lines can't be edited
                import readline  # noqa: F401
            self._out.say(_HELP, "dim")
        while (line := self._next_line()) is not None:
            match line.strip():
                case "":
                    continue
                case "/quit":
                    return
                case "/new":
                    self._messages = list(self._beginning)
                case "/help":
                    self._out.say(_HELP, "dim")
                case question:
                    self._ask(question)

    def _next_line(self) -> str | None:
        if not self._asks:
            return sys.stdin.readline() or None
        try:
            return input("> ")
        except EOFError:
            self._out.piece("\n")
            return None
        except KeyboardInterrupt:
            self._out.piece("\n")  # or the shell's prompt stands behind this one
            raise

    def _ask(self, question: str) -> None:
        from langchain_core.messages import AIMessage, HumanMessage

        from langchain_tuned_gemini.cli.errors import sentence_for

        messages = [*self._messages, HumanMessage(question)]
        try:
            text = answer(self._out, self._model, messages)
        except KeyboardInterrupt:
            if not self._asks:
                raise
            self._out.say("\nStopped.", "dim")
        except Exception as error:
            sentence = sentence_for(error)
            if sentence is None or not self._asks:
                raise
            self._out.error(sentence)
        else:
            self._messages = [*messages, AIMessage(text)]
