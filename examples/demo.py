"""The main job from beginning to end: tune, wait, answer, fail, fall back, recover, clean up.

Without arguments it runs on the local emulator and needs no key: `make demo`; with
`--platform vertex` on its Vertex AI. With `--model` it asks a tuned model of yours on Google, and
leaves out everything that would change or delete something there: `tunedModels/…` takes a key in
GOOGLE_API_KEY, and `projects/…` Google Cloud's default credentials.
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

from google.auth.exceptions import GoogleAuthError
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
    TunedModelNotDeletableError,
    TunedModelService,
    TunedModelState,
    TuningDataset,
    VertexService,
    wait_until_active,
)
from langchain_tuned_gemini.emulator import Emulator, after

DATA = Path(__file__).parent / "data"
TRAIN = DATA / "text_to_sql_train.jsonl"
MODEL_ID = "sql-expert-v1"
DOOMED = ["sql-expert-too-few", "sql-expert-bad-labels"]
BASE = "gemini-3.5-flash"
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


@dataclass(frozen=True, slots=True)
class Place:
    """One of the emulator's two platforms.

    Attributes:
        gemini: The emulator.
        service: Its control plane.
        tunable: The base model that is tuned.
        id_as: How `create` is told the new model's id, or its name for people.
    """

    gemini: Emulator
    service: TunedModelService
    tunable: str
    id_as: str

    @classmethod
    def developer(cls, gemini: Emulator) -> Place:
        """The Gemini Developer API, where a model has the id that it is given."""
        service = GenerativeAIService("any-key", gemini.base_url)
        return cls(gemini, service, "models/gemini-1.5-flash-001-tuning", "model_id")

    @classmethod
    def vertex(cls, gemini: Emulator) -> Place:
        """Vertex AI, which reads its examples from Cloud Storage and makes ids itself."""

        def upload(path: Path) -> str:
            uri = f"gs://demo/{path.name}"
            gemini.add_file(uri, path)
            return uri

        service = VertexService(
            "demo", "us-central1", api_key="any-key", base_url=gemini.base_url, upload=upload
        )
        return cls(gemini, service, "gemini-3.5-flash", "display_name")

    def create(self, examples: TuningDataset, model_id: str, **hyperparameters: int) -> TunedModel:
        """Starts to tune a model."""
        named: dict[str, Any] = {self.id_as: model_id, **hyperparameters}
        return self.service.create(examples, base_model=self.tunable, **named)

    def chat(self, name: str) -> ChatTunedGemini:
        """The chat model for a tuned model here."""
        return ChatTunedGemini(
            model=name, api_key="any-key", base_url=self.gemini.base_url, task="strict"
        )


class Interview:
    """Asks held-back questions in a chain, and shows who answered each and why."""

    def __init__(self, model: ChatTunedGemini, base: str) -> None:
        self.base = base
        held_back = TuningDataset.read(DATA / "text_to_sql_test.jsonl")
        self.questions = [example.text_input for example in held_back[:QUESTIONS]]
        self.asked: list[Asked] = []
        self.call_upon(model)

    def call_upon(self, model: ChatTunedGemini) -> None:
        """Builds the chain around a tuned model."""
        robust = model.with_few_shot_fallback(self.base, examples=TRAIN)
        prompt = ChatPromptTemplate.from_messages([("human", "{question}")])
        # The parser's text for the reader, and the message for who answered.
        self.chain = prompt | robust | {"text": StrOutputParser(), "message": RunnablePassthrough()}

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


def tune(place: Place) -> TunedModel:
    """Creates the tuned model, and waits until it can serve."""
    created = place.create(TuningDataset.read(TRAIN), MODEL_ID, epochs=3, batch_size=8)
    columns = (TextColumn("  {task.fields[state]}"), BarColumn(), TextColumn("{task.fields[more]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        bar = bars.add_task("", total=100.0, state=created.raw_state, more="")

        def on_progress(seen: Any) -> None:
            more = seen.doing if seen.loss is None else f"loss {seen.loss:.2f}"
            state = seen.model.raw_state if seen.model else "?"
            bars.update(bar, completed=seen.percent or 0.0, state=state, more=more)

        return wait_until_active(
            place.service, created, timeout=60, poll_interval=0.2, on_progress=on_progress
        )


def fail_and_recover(place: Place, tuned: TunedModel, interview: Interview) -> None:
    """Makes the tuned model fail in three ways; the same chain keeps answering."""
    for status, what in {503: "is overloaded", 429: "is out of quota"}.items():
        step(f"The tuned model {what}: it answers {status}")
        with place.gemini.fault(model=tuned.endpoint, status=status):
            interview.ask()

    step("The tuned model is deleted")
    place.service.delete(tuned.name)
    interview.ask()

    step("It is tuned again, and answers again")
    model = place.chat(tune(place).name)
    model.wait_until_active()
    interview.call_upon(model)
    interview.ask()


def failed_models(service: TunedModelService) -> list[TunedModel]:
    """Lists all tuned models, and returns those that FAILED."""
    step("All tuned models")
    models = service.list()
    for model in models:
        console.print(f"  {escape(model.name):32} {model.raw_state} {model.display_name}")
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


def delete_failed(place: Place) -> None:
    """Deletes the models that FAILED, as far as there is anything to delete."""
    failed = failed_models(place.service)
    step("Deleting the FAILED ones")
    for lost in failed:
        try:
            place.service.delete(lost.name)
            console.print(f"  deleted {escape(lost.name)}")
        except TunedModelNotDeletableError as reason:
            console.print(f"  {escape(str(reason))}")


def on_the_emulator(platform: str) -> None:
    """The whole story."""
    with Emulator(progression=after(TUNING_SECONDS), fails=DOOMED) as gemini:
        console.print(
            f"The emulator listens on {gemini.base_url}: no key, no network. It is no language "
            "model: it answers with the nearest example that it was tuned on, or is shown."
        )
        place = Place.vertex(gemini) if platform == "vertex" else Place.developer(gemini)
        for name in DOOMED:
            place.create(TuningDataset.read(TRAIN)[:4], name)

        step(f"Tuning {MODEL_ID} on {TRAIN.name}")
        tuned = tune(place)
        interview = Interview(place.chat(tuned.name), BASE)
        step("Held-back questions, in a chain: prompt | model | parser")
        interview.ask()
        fail_and_recover(place, tuned, interview)
        delete_failed(place)
        interview.show()


def on_google(name: str, base: str) -> None:
    """Asks a tuned model of yours; nothing is changed or deleted."""
    model = ChatTunedGemini(model=name)
    step(f"Held-back questions to {name}, with {base} to fall back on")
    interview = Interview(model, base)
    interview.ask()
    interview.show()
    step(f"{len(failed_models(control_plane(name)))} of them FAILED; nothing is deleted here")


def control_plane(name: str) -> TunedModelService:
    """The one that knows a tuned model of yours on Google, and its neighbours."""
    parsed = TunedModelName.parse(name)
    if parsed.platform == "vertex":
        return VertexService(parsed.project, parsed.location)
    return GenAIService.from_api_key(os.environ["GOOGLE_API_KEY"])


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--model",
        help="a tuned model of yours on Google: tunedModels/ID, or on Vertex AI "
        "projects/P/locations/L/endpoints/E",
    )
    parser.add_argument(
        "--platform",
        choices=["developer", "vertex"],
        default="developer",
        help="whose API the emulator speaks (%(default)s)",
    )
    parser.add_argument("--base", default=BASE, help="the model to fall back on (%(default)s)")
    options = parser.parse_args(arguments)
    is_developers = (options.model or "").startswith("tunedModels/")
    if is_developers and not os.environ.get("GOOGLE_API_KEY"):
        parser.error("--model asks Google: put your key into GOOGLE_API_KEY")
    try:
        with quiet():
            if options.model:
                on_google(options.model, options.base)
            else:
                on_the_emulator(options.platform)
    except (TunedGeminiError, GoogleAuthError) as error:
        console.print(f"[red]{escape(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
