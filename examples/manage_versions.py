"""Versions of one tuned model: promoted, watched by an application, rolled back, and pruned.

It runs on the emulator, with records in a directory of its own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from langchain_tuned_gemini import (
    GenAIService,
    ModelLibrary,
    PromotionRefusedError,
    Records,
    init_tuned_gemini,
)
from langchain_tuned_gemini.emulator import Emulator

DATA = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"
ALIAS = "sql-expert@production"
QUESTION = "How many electric bikes are there?"

# What holds for all versions of the family. The rest of the file is written by the library.
SETTINGS = """\
[sql-expert]
task = "strict"
guards = [{ sql = "sqlite" }]
fallback = { base_model = "gemini-3.5-flash", examples = "train.jsonl", k = 4 }
"""


class Clock:
    """The application's time, moved on by hand: it looks at the records once in 10 s."""

    now = 0.0

    def __call__(self) -> float:
        """Tells it, in seconds."""
        return self.now


def manage(gemini: Emulator, records: Records) -> None:
    """Goes through the life of four versions."""
    library = ModelLibrary(
        GenAIService.from_api_key("any-key", base_url=gemini.base_url), records, user="ann"
    )
    for model in library.versions("sql-expert"):
        print(f"{model.version:4} {model.state:9} {model.name}")
    print(f"the next one is {library.next_version('sql-expert')}")

    print(f"{ALIAS} is {library.promote(ALIAS, 'v2').version}")
    clock = Clock()
    app = init_tuned_gemini(
        ALIAS,
        records=str(records.path),
        api_key="any-key",
        base_url=gemini.base_url,
        clock=clock,
    )

    def ask() -> None:
        clock.now += 10
        told = app.invoke(QUESTION).response_metadata["tuned_gemini"]
        print(f"  the application is answered by {told['model']}, reason: {told['reason']}")

    ask()
    print(f"{ALIAS} is {library.promote(ALIAS, 'v3').version}")
    ask()
    try:
        library.promote(ALIAS, "v4")
    except PromotionRefusedError as refusal:
        print(refusal)
    with gemini.fault(model="tunedModels/sql-expert-v3", status=503):
        ask()
        print(f"v3 is {library.probe(ALIAS).outcome}: back to {library.rollback(ALIAS).version}")
        ask()

    plan = library.plan_deletion(failed=True, prune=("sql-expert", 2))
    for planned in plan.deletions:
        print(f"to delete: {planned.name}, for {planned.why}")
    report = library.delete(plan)
    print(f"deleted: {', '.join(report.deleted)}")
    print(records.path.read_text(encoding="utf-8"))


def main() -> int:
    """Runs the example; returns the exit code."""
    with Emulator() as gemini, tempfile.TemporaryDirectory() as directory:
        for number in (1, 2, 3):
            gemini.add_tuned_model(f"tunedModels/sql-expert-v{number}", examples=DATA)
        gemini.add_tuned_model("tunedModels/sql-expert-v4", examples=DATA, state="FAILED")
        shutil.copy(DATA, Path(directory) / "train.jsonl")
        records = Records(Path(directory) / "tuned-models.toml")
        records.path.write_text(SETTINGS, encoding="utf-8")
        manage(gemini, records)
    return 0


if __name__ == "__main__":
    sys.exit(main())
