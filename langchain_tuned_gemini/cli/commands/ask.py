"""`tuned-gemini ask` and `tuned-gemini chat`: questions, answered bit by bit, and by whom."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langchain_tuned_gemini.cli.command import MODELS, Columns, columns_of, command
from langchain_tuned_gemini.cli.context import CommandContext

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage, BaseMessageChunk

    from langchain_tuned_gemini.cli.output import Output

Name = Annotated[str, typer.Argument(help="The tuned model.")]
System = Annotated[str | None, typer.Option(help="A system instruction.")]
Fallback = Annotated[
    str | None,
    typer.Option(metavar="BASE", help="A base model that answers while the tuned one can't."),
]
Examples = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="With --fallback: the tuning set, of which it is shown the best examples.",
    ),
]
K = Annotated[int | None, typer.Option("-k", min=1, help="How many examples it is shown.")]
Task = Annotated[
    Literal["strict", "creative"] | None, typer.Option(help="A preset of the parameters.")
]


@command("ask", panel=MODELS)
def ask(
    context: CommandContext,
    name: Name,
    question: Annotated[
        str, typer.Argument(help="The question; '-' reads it from the input.")
    ] = "-",
    system: System = None,
    fallback: Fallback = None,
    examples: Examples = None,
    k: K = None,
    columns: Columns = None,
    task: Task = None,
) -> None:
    """Ask a tuned model one question."""
    text = sys.stdin.read().rstrip("\n") if question == "-" else question
    if not text.strip():
        raise typer.BadParameter("The question is empty.")
    model = chat_model(context, name, fallback, examples, k, columns, task)
    answer(context.out, model, [*_system(system), _human(text)])


@command("chat", panel=MODELS)
def chat(
    context: CommandContext,
    name: Name,
    system: System = None,
    fallback: Fallback = None,
    examples: Examples = None,
    k: K = None,
    columns: Columns = None,
    task: Task = None,
) -> None:
    """Chat with a tuned model; see who answers, and why."""
    from langchain_tuned_gemini.cli.commands.chat import Chat

    model = chat_model(context, name, fallback, examples, k, columns, task)
    Chat(context.out, lambda messages: answer(context.out, model, messages), _system(system)).run()


def chat_model(
    context: CommandContext,
    name: str,
    fallback: str | None,
    examples: Path | None,
    k: int | None,
    columns: list[str] | None,
    task: Literal["strict", "creative"] | None,
) -> BaseChatModel:
    """The chat model that is asked; by an alias, with the fallback that is recorded for it."""
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

    recorded = context.recorded(name)
    if recorded is None and (fallback is None) != (examples is None):
        raise typer.BadParameter("--fallback and --examples go together.")
    if recorded:
        rights = context.target.rights(recorded.platform)
        tuned = ChatTunedGemini(model=name, records=context.target.records, task=task, **rights)
    else:
        parsed = context.name(name)
        rights = context.target.rights(parsed.platform)
        tuned = ChatTunedGemini(model=str(parsed), task=task, **rights)
    has_fallback = fallback or examples or (recorded and recorded.record.fallback)
    if not has_fallback:
        return tuned
    return tuned.with_few_shot_fallback(
        fallback, examples=examples, k=k, columns=columns_of(columns)
    )


def answer(out: Output, model: BaseChatModel, messages: list[BaseMessage]) -> str:
    """Writes an answer while it comes, tells who gave it, and returns it."""
    start = time.perf_counter()
    text = ""
    told: dict[str, Any] = {
        "answered_by": "tuned",
        "model": getattr(model, "model", ""),
        "reason": None,
    }
    for chunk in _chunks(model, messages):
        told = chunk.response_metadata.get("tuned_gemini") or told
        text += chunk.text
        if not out.as_json:
            out.piece(chunk.text)
    seconds = time.perf_counter() - start
    if out.as_json:
        out.json_line({"answer": text, "seconds": round(seconds, 3), **told})
        return text
    out.piece("" if text.endswith("\n") else "\n")
    out.say(who_answered(told, seconds), "dim")
    return text


def _chunks(model: BaseChatModel, messages: list[BaseMessage]) -> Iterator[BaseMessageChunk]:
    """The answer's chunks; what upstream raises is told by what it means."""
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


def who_answered(told: dict[str, Any], seconds: float) -> str:
    """One line that says who answered, why, and how long it took.

    Example:
        >>> told = {"answered_by": "base_fallback", "model": "gemini-3.5-flash", "reason": "quota"}
        >>> who_answered(told, 0.25)
        '-- gemini-3.5-flash, standing in (quota), 0.2 s'
    """
    standing_in = ""
    if told.get("answered_by") == "base_fallback":
        standing_in = f", standing in ({told.get('reason')})"
    return f"-- {told['model']}{standing_in}, {seconds:.1f} s"


def _human(text: str) -> BaseMessage:
    from langchain_core.messages import HumanMessage

    return HumanMessage(text)


def _system(text: str | None) -> list[BaseMessage]:
    from langchain_core.messages import SystemMessage

    return [SystemMessage(text)] if text else []
