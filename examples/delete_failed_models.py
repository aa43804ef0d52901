"""Lists all tuned models, finds the FAILED ones, and deletes them to free quota.

A dry run unless `--delete` is given. Without GOOGLE_API_KEY it runs on the emulator.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from langchain_tuned_gemini import GenAIService, ModelLibrary, TunedGeminiError
from langchain_tuned_gemini.emulator import Emulator

EXAMPLES = [{"text_input": "1", "output": "2"}]


def delete_failed(library: ModelLibrary, *, is_dry_run: bool) -> bool:
    """Deletes the models that FAILED.

    Args:
        library: The models.
        is_dry_run: Whether to leave it at saying what would be deleted.

    Returns:
        Whether nothing of what was to be deleted is left.
    """
    for model in library.list():
        print(f"{model.state:9} {model.name}")
    plan = library.plan_deletion(failed=True)
    if is_dry_run:
        for planned in plan.deletions:
            print(f"would delete {planned.name}")
        return True
    report = library.delete(plan, on_progress=lambda one: print(f"{one.outcome} {one.name}"))
    return report.is_complete


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--delete", action="store_true", help="really delete them")
    options = parser.parse_args(arguments)
    key = os.environ.get("GOOGLE_API_KEY")
    try:
        if key:
            library = ModelLibrary(GenAIService.from_api_key(key))
            return 0 if delete_failed(library, is_dry_run=not options.delete) else 1
        with Emulator() as gemini, tempfile.TemporaryDirectory() as directory:
            gemini.add_tuned_model("tunedModels/sql-expert-v2", examples=EXAMPLES)
            for name in ("sql-expert-v1", "sql-expert-v3"):
                gemini.add_tuned_model(f"tunedModels/{name}", examples=EXAMPLES, state="FAILED")
            service = GenAIService.from_api_key("any-key", base_url=gemini.base_url)
            library = ModelLibrary(service, Path(directory) / "tuned-models.toml")
            return 0 if delete_failed(library, is_dry_run=not options.delete) else 1
    except TunedGeminiError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
