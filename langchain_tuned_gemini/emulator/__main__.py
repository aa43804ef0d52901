"""The emulator by hand: `python -m langchain_tuned_gemini.emulator --port 8080`."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from langchain_tuned_gemini.emulator.emulator import Emulator
from langchain_tuned_gemini.emulator.state.progression import after, immediate

if TYPE_CHECKING:
    from collections.abc import Sequence

WRONG_INPUT = 2


class _Parser(argparse.ArgumentParser):
    """An argument parser that is brief about mistakes."""

    def error(self, message: str) -> NoReturn:
        """One line; argparse would print the usage before it."""
        self.exit(WRONG_INPUT, f"emulator: error: {message} (see --help)\n")


def main(
    arguments: Sequence[str] | None = None,
    program: str = "python -m langchain_tuned_gemini.emulator",
) -> int:
    """Serves until Ctrl-C; returns the exit code.

    Args:
        arguments: What stands after the program's name; this process's own when None.
        program: What `--help` calls it.
    """
    options = _parser(program).parse_args(arguments)
    try:
        progression = immediate() if options.after is None else after(options.after)
        gemini = Emulator(port=options.port, progression=progression, latency=options.latency)
        for uri, file in options.file:
            gemini.add_file(uri, file)
        if options.examples:
            is_vertex = options.model.startswith("projects/")
            add = gemini.add_vertex_model if is_vertex else gemini.add_tuned_model
            add(options.model, examples=options.examples)
        gemini.start()
    except (ValueError, OSError) as error:
        _say(f"emulator: error: {error}")
        return WRONG_INPUT
    _serve(gemini, options.model if options.examples else None, as_json=options.json)
    return 0


def _file(text: str) -> tuple[str, str]:
    uri, equals, file = text.partition("=")
    if not equals or not file:
        raise argparse.ArgumentTypeError(f"{text!r} is not gs://bucket/object=FILE")
    return uri, file


def _serve(gemini: Emulator, model: str | None, *, as_json: bool) -> None:
    url = gemini.base_url
    hint = f"serving {model}; " if model else ""
    try:
        _say(json.dumps({"base_url": url, "model": model}) if as_json else url, sys.stdout)
        _say(f"{hint}any API key or token will do; Ctrl-C stops it")
        threading.Event().wait()
    except KeyboardInterrupt:
        _say("stopped")
    finally:
        gemini.stop()


def _say(text: str, stream: TextIO | None = None) -> None:
    """The base URL goes to the output, for scripts; everything else to the error stream."""
    print(text, file=stream or sys.stderr, flush=True)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program,
        description=(
            "A local Gemini tuning API on 127.0.0.1: the Gemini Developer API (tunedModels) "
            "and Vertex AI (tuningJobs, endpoints). Prints its base URL and serves until "
            "Ctrl-C. Not a language model: a tuned model repeats its nearest training example."
        ),
    )
    parser.add_argument(
        "--port", type=int, default=0, help="TCP port; 0, the default, is a free one"
    )
    _add_data_options(parser)
    parser.add_argument(
        "--after",
        type=float,
        metavar="SECONDS",
        help="how long created models are in the making (default: not at all)",
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long a model thinks before each answer (default: 0)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the address as JSON: base_url, model"
    )
    return parser


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FILE",
        help='JSONL with {"text_input": ..., "output": ...}, or CSV; becomes an ACTIVE tuned model',
    )
    parser.add_argument(
        "--model",
        default="tunedModels/demo",
        metavar="NAME",
        help=(
            "name of that tuned model, tunedModels/ID, or on Vertex AI "
            "projects/P/locations/L/endpoints/E (default: %(default)s)"
        ),
    )
    parser.add_argument(
        "--file",
        type=_file,
        action="append",
        default=[],
        metavar="gs://BUCKET/OBJECT=FILE",
        help="JSONL that tuning jobs of Vertex AI find at this URI; may be repeated",
    )


if __name__ == "__main__":
    sys.exit(main())
