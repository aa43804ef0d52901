"""The main job from beginning to end: tune, wait, answer, fail, fall back, recover, clean up.

Without arguments it runs on the local emulator and needs no key: `make demo`. With a key in
GOOGLE_API_KEY and `--model tunedModels/…` it asks a tuned model of yours on Google, and leaves
out everything that would change or delete something there.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from langchain_tuned_gemini import (
    ChatTunedGemini,
    GenAIService,
    GenerativeAIService,
    TunedGeminiError,
    TunedModel,
    TunedModelName,
    TunedModelService,
    TunedModelState,
    TuningDataset,
    wait_until_active,
)
from langchain_tuned_gemini.emulator import Emulator, after

DATA = Path(__file__).parent / "data"
TRAIN = DATA / "text_to_sql_train.jsonl"
TUNABLE = "models/gemini-1.5-flash-001-tuning"
MODEL = "tunedModels/sql-expert-v1"
BASE = "gemini-2.5-flash"
TUNING_SECONDS = 4.0
QUESTIONS = 2

console = Console()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was answered, for the table at the end."""

    question: str
    answered_by: str
    reason: str
    seconds: float


class Interview:
    """Asks held-back questions in a chain, and shows who answered each and why."""

    def __init__(self, model: ChatTunedGemini, base: str) -> None:
        self.model = model
        robust = model.with_few_shot_fallback(base, examples=TRAIN)
        prompt = ChatPromptTemplate.from_messages([("human", "{question}")])
        # The parser's text for the reader, and the message for who answered.
        self.chain = prompt | robust | {"text": StrOutputParser(), "message": RunnablePassthrough()}
        held_back = TuningDataset.read(DATA / "text_to_sql_test.jsonl")
        self.questions = [example.text_input for example in held_back[:QUESTIONS]]
        self.asked: list[Asked] = []

    def ask(self) -> None:
        """Asks the questions."""
        for question in self.questions:
            start = time.perf_counter()
            answer = self.chain.invoke({"question": question})
            seconds = time.perf_counter() - start
            said = answer["message"].response_metadata["tuned_gemini"]
            reason = said["reason"] or "-"
            self.asked.append(Asked(question, said["model"], reason, seconds))
            tuned = said["answered_by"] == "tuned"
            who = f"[green]{said['model']}" if tuned else f"[yellow]{said['model']}, {reason}"
            console.print(f"  [bold]{escape(question)}[/]\n    {escape(answer['text'])}")
            console.print(f"    {who}[/] in {seconds * 1e3:.0f} ms")

    def show(self) -> None:
        """Prints the table of all answers."""
        table = Table(title="\nWho answered")
        for column in ("question", "answered by", "reason"):
            table.add_column(column)
        table.add_column("time", justify="right")
        for row in self.asked:
            table.add_row(
                escape(row.question), row.answered_by, row.reason, f"{row.seconds * 1e3:.0f} ms"
            )
        console.print(table)


def step(text: str) -> None:
    """Announces what comes next."""
    console.print(f"\n[bold cyan]{text}")


def tune(service: TunedModelService) -> None:
    """Creates the tuned model, and waits until it can serve."""
    examples = TuningDataset.read(TRAIN)
    created = service.create(
        examples,
        base_model=TUNABLE,
        model_id=TunedModelName.parse(MODEL).id,
        epochs=3,
        batch_size=8,
    )
    columns = (TextColumn("  {task.fields[state]}"), BarColumn(), TextColumn("{task.fields[loss]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        bar = bars.add_task("", total=100.0, state=created.raw_state, loss="")

        def on_progress(seen: Any) -> None:
            loss = "" if seen.loss is None else f"loss {seen.loss:.2f}"
            state = seen.model.raw_state if seen.model else "?"
            bars.update(bar, completed=seen.percent or 0.0, state=state, loss=loss)

        wait_until_active(service, created, timeout=60, poll_interval=0.2, on_progress=on_progress)


def fail_and_recover(gemini: Emulator, service: TunedModelService, interview: Interview) -> None:
    """Makes the tuned model fail in three ways; the same chain keeps answering."""
    for status, what in {503: "is overloaded", 429: "is out of quota"}.items():
        step(f"The tuned model {what}: it answers {status}")
        with gemini.fault(model=MODEL, status=status):
            interview.ask()

    step("The tuned model is deleted")
    service.delete(MODEL)
    interview.ask()

    step("It is tuned again, and answers again")
    tune(service)
    interview.model.wait_until_active()
    interview.ask()


def failed_models(service: TunedModelService) -> list[TunedModel]:
    """Lists all tuned models, and returns those that FAILED."""
    step("All tuned models")
    models = service.list()
    for model in models:
        console.print(f"  {escape(model.name):32} {model.raw_state}")
    return [model for model in models if model.state is TunedModelState.FAILED]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the log, which tells what the demo shows anyway, off the screen."""
    logger = logging.getLogger("langchain_tuned_gemini")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def on_the_emulator() -> None:
    """The whole story."""
    doomed = ["sql-expert-too-few", "sql-expert-bad-labels"]
    with Emulator(progression=after(TUNING_SECONDS), fails=doomed) as gemini:
        console.print(
            f"The emulator listens on {gemini.base_url}: no key, no network. It is no language "
            "model: it answers with the nearest example that it was tuned on, or is shown."
        )
        service = GenerativeAIService("any-key", gemini.base_url)
        for name in doomed:
            service.create(TuningDataset.read(TRAIN)[:4], base_model=TUNABLE, model_id=name)

        step(f"Tuning {MODEL} on {TRAIN.name}")
        tune(service)
        model = ChatTunedGemini(
            model=MODEL, api_key="any-key", base_url=gemini.base_url, task="strict"
        )
        interview = Interview(model, BASE)
        step("Held-back questions, in a chain: prompt | model | parser")
        interview.ask()
        fail_and_recover(gemini, service, interview)

        failed = failed_models(service)
        step("Deleting the FAILED ones")
        for lost in failed:
            service.delete(lost.name)
            console.print(f"  deleted {escape(lost.name)}")
        interview.show()


def on_google(name: str, base: str) -> None:
    """Asks a tuned model of yours; nothing is changed or deleted."""
    model = ChatTunedGemini(model=name)
    step(f"Held-back questions to {name}, with {base} to fall back on")
    interview = Interview(model, base)
    interview.ask()
    failed = failed_models(GenAIService.from_api_key(os.environ["GOOGLE_API_KEY"]))
    step(f"{len(failed)} of them FAILED; nothing is deleted here")
    interview.show()


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", help="a tuned model of yours on Google: tunedModels/ID")
    parser.add_argument("--base", default=BASE, help="the model to fall back on (%(default)s)")
    options = parser.parse_args(arguments)
    if options.model and not os.environ.get("GOOGLE_API_KEY"):
        parser.error("--model asks Google: put your key into GOOGLE_API_KEY")
    try:
        with quiet():
            on_google(options.model, options.base) if options.model else on_the_emulator()
    except TunedGeminiError as error:
        console.print(f"[red]{escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
