"""Two versions of a tuned model and a base model with examples, compared before one is promoted.

The task: which table of the bike rental's database is a question about? Version 2 was tuned with
more examples than version 1; the questions of the test were held back from both.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FewShotChatModel,
    FewShotPrompt,
    OneOf,
    TuningDataset,
)
from langchain_tuned_gemini.comparison import ComparisonProgress, PriceTable, compare, is_better
from langchain_tuned_gemini.emulator import Emulator

DATA = Path(__file__).parent / "data"
TABLES = ["bikes", "rentals", "repairs", "riders", "stations"]
BASE = "gemini-3.5-flash"

# Made up, for a million tokens: put in what your models cost you.
PRICES = PriceTable.of(
    {
        "tunedModels/router-v1": {"input": 0.10, "output": 0.40},
        "tunedModels/router-v2": {"input": 0.10, "output": 0.40},
        BASE: {"input": 0.10, "output": 0.40},
    }
)


def labelled(questions: TuningDataset) -> TuningDataset:
    """Questions to the database, each with the first table that its query reads."""
    pairs = []
    for example in questions:
        table = re.search(r"\bFROM (\w+)", example.output)
        pairs.append((example.text_input, table[1] if table else "bikes"))
    return TuningDataset.of(pairs)


def show(progress: ComparisonProgress) -> None:
    """Prints how far it is, now and then."""
    if progress.done % 40 == 0 or progress.done == progress.total:
        print(f"{progress.done} of {progress.total} answers", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Compares the three, and says whether version 2 may be promoted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--html", type=Path, help="where to write the report")
    parser.add_argument("--journal", type=Path, help="where to keep the answers, to go on later")
    options = parser.parse_args(arguments)

    everything = TuningDataset.read(DATA / "text_to_sql_train.jsonl")
    everything += TuningDataset.read(DATA / "text_to_sql_test.jsonl")
    more, test = labelled(everything).split(0.4)
    few = more[:12]

    with Emulator() as gemini:
        gemini.add_tuned_model("tunedModels/router-v1", examples=few)
        gemini.add_tuned_model("tunedModels/router-v2", examples=more)
        at = {"api_key": "any-key", "base_url": gemini.base_url}
        v1 = ChatTunedGemini(model="tunedModels/router-v1", **at)
        v2 = ChatTunedGemini(model="tunedModels/router-v2", **at)
        base = FewShotChatModel(wrapped=v2.base_chat_model(BASE), prompt=FewShotPrompt(more))

        comparison = compare(
            {"router-v1": v1, "router-v2": v2, "base+few-shot": base},
            test,
            guards=[OneOf(TABLES)],
            prices=PRICES,
            journal=options.journal,
            on_progress=show,
        )

    print(comparison)
    decision = is_better(comparison, "router-v2", than="router-v1")
    print("promote it" if decision else "keep the old one")
    if options.html:
        comparison.write_html(options.html)


if __name__ == "__main__":
    main()
