"""Lists all tuned models, finds the FAILED ones, and deletes them to free quota.

A dry run unless `--delete` is given. Without GOOGLE_API_KEY it runs on the emulator.
"""

from __future__ import annotations

import argparse
import os
import sys

from langchain_tuned_gemini import (
    GenAIService,
    TunedGeminiError,
    TunedModelNotFoundError,
    TunedModelService,
    TunedModelState,
)
from langchain_tuned_gemini.emulator import Emulator

EXAMPLES = [{"text_input": "1", "output": "2"}]


def delete_failed(service: TunedModelService, *, is_dry_run: bool) -> list[str]:
    """Deletes the models that FAILED.

    Args:
        service: Who knows the models.
        is_dry_run: Whether to leave it at saying what would be deleted.

    Returns:
        The names of the models that were, or would be, deleted.
    """
    models = service.list()
    for model in models:
        print(f"{model.state:9} {model.name}")
    names = [model.name for model in models if model.state is TunedModelState.FAILED]
    for name in names:
        if is_dry_run:
            print(f"would delete {name}")
            continue
        try:
            # Once more, right before: a state may change between the list and here.
            if service.get(name).state is TunedModelState.FAILED:
                service.delete(name)
        except TunedModelNotFoundError:
            print(f"{name} is already gone")
        else:
            print(f"deleted {name}")
    return names


def main(arguments: list[str] | None = None) -> int:
    """Runs the example; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--delete", action="store_true", help="really delete them")
    options = parser.parse_args(arguments)
    key = os.environ.get("GOOGLE_API_KEY")
    try:
        if key:
            delete_failed(GenAIService.from_api_key(key), is_dry_run=not options.delete)
            return 0
        with Emulator() as gemini:
            gemini.add_tuned_model("tunedModels/sql-expert-v2", examples=EXAMPLES)
            for name in ("sql-expert-v1", "sql-expert-v3"):
                gemini.add_tuned_model(f"tunedModels/{name}", examples=EXAMPLES, state="FAILED")
            service = GenAIService.from_api_key("any-key", base_url=gemini.base_url)
            delete_failed(service, is_dry_run=not options.delete)
    except TunedGeminiError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
