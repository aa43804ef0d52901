"""`tuned-gemini ask`: one question, answered bit by bit, and by whom."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import MODELS, command
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.options import Columns, Examples, Fallback, K, Task, columns_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage, BaseMessageChunk

    from langchain_tuned_gemini.cli.output import Output


@dataclass(frozen=True, slots=True)
class AskedModel:
    """The model that is asked, and how: options of `ask` and `chat`."""

    name: Annotated[str, typer.Argument(help="The tuned model.")]
    system: Annotated[str | None, typer.Option(help="A system instruction.")] = None
    fallback: Fallback = None
    examples: Examples = None
    k: K = None
    columns: Columns = None
    task: Task = None

    def chat_model(self, context: CommandContext) -> BaseChatModel:
        """The chat model; by an alias, with the fallback that is recorded for it."""
        from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

        recorded = context.recorded(self.name)
        if recorded is None and (self.fallback is None) != (self.examples is None):
            raise typer.BadParameter("--fallback and --examples go together.")
        if recorded:
            name, platform = self.name, recorded.platform
        else:
            parsed = context.name(self.name)
            name, platform = str(parsed), parsed.platform
        rights = context.target.rights(platform)
        if recorded:
            rights["records"] = context.target.records
        tuned = ChatTunedGemini(model=name, task=self.task, **rights)
        if not (self.fallback or self.examples or (recorded and recorded.record.fallback)):
            return tuned
        return tuned.with_few_shot_fallback(
            self.fallback, examples=self.examples, k=self.k, columns=columns_of(self.columns)
        )

    def instruction(self) -> list[BaseMessage]:
        """The messages that stand before the first question."""
        from langchain_core.messages import SystemMessage

        return [SystemMessage(self.system)] if self.system else []


@command("ask", panel=MODELS)
def ask(
    context: CommandContext,
    asked: AskedModel,
    question: Annotated[
        str, typer.Argument(help="The question; '-' reads it from the input.")
    ] = "-",
) -> None:
    """Ask a tuned model one question."""
    from langchain_core.messages import HumanMessage

    text = sys.stdin.read().rstrip("\n") if question == "-" else question
    if not text.strip():
        raise typer.BadParameter("The question is empty.")
    model = asked.chat_model(context)
    answer(context.out, model, [*asked.instruction(), HumanMessage(text)])


def answer(out: Output, model: BaseChatModel, messages: list[BaseMessage]) -> str:
    """Writes an answer while it comes, says who gave it, and returns it."""
    start = time.perf_counter()
    text = ""
    provenance: dict[str, Any] = {
        "answered_by": "tuned",
        "model": getattr(model, "model", ""),
        "reason": None,
    }
    for chunk in _chunks(model, messages):
        provenance = chunk.response_metadata.get("tuned_gemini") or provenance
        text += chunk.text
        if not out.as_json:
            out.piece(chunk.text)
    seconds = time.perf_counter() - start
    if out.as_json:
        out.json_line({"answer": text, "seconds": round(seconds, 3), **provenance})
        return text
    out.piece("" if text.endswith("\n") else "\n")
    out.say(who_answered(provenance, seconds), "dim")
    return text


def _chunks(model: BaseChatModel, messages: list[BaseMessage]) -> Iterator[BaseMessageChunk]:
    """The answer's chunks; an error of upstream becomes the sentence for what it means."""
    from langchain_tuned_gemini.cli.errors import CommandError, meaning_of_call
    from langchain_tuned_gemini.errors import TunedGeminiError

    try:
        yield from model.stream(messages)
    except TunedGeminiError:
        raise
    except Exception as error:
        if sentence := meaning_of_call(error):
            raise CommandError(sentence) from error
        raise


def who_answered(provenance: dict[str, Any], seconds: float) -> str:
    """One line that says who answered, why, and how long it took.

    Example:
        >>> told = {"answered_by": "base_fallback", "model": "gemini-3.5-flash", "reason": "quota"}
        >>> who_answered(told, 0.25)
        '-- gemini-3.5-flash, standing in (quota), 0.2 s'
    """
    standing_in = ""
    if provenance.get("answered_by") == "base_fallback":
        standing_in = f", standing in ({provenance.get('reason')})"
    return f"-- {provenance['model']}{standing_in}, {seconds:.1f} s"
