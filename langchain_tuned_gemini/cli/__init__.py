"""The command line, `tuned-gemini`.

To add a command, write a module of `commands`, named as the command is, and name it in `app`:

```python
@command("double", panel=TOOLS)
def double(
    context: CommandContext, number: Annotated[int, typer.Argument(help="Any number.")]
) -> None:
    \"\"\"Double a number.\"\"\"
    context.out.result({"double": 2 * number}, f"{2 * number}")
```

`command` adds the options that all have (`--json`, and unless `has_target=False` those of the
`Target`), and hands over the `CommandContext`. A parameter whose type is a dataclass stands for the
options that its fields are; options of several commands are declared in `options`:

| | |
| --- | --- |
| `context.out.result(data, *views)` | JSON with `--json`; else text, `Table`s, `Details` |
| `context.out.say`, `.warn`, `.progress()` | what stands beside it, on the error stream |
| `context.target.name(text)` | the tuned model that the user means |
| `context.service_of(name)` | the control plane that knows it |

A module imports nothing heavy at its top, so that `--help` stays instant: typer, and what is in
this package. It prints nothing itself: all output is made safe in `output`. It lets errors pass:
`app` tells them in one sentence, and `errors` says which code they end with. The test
`tests/integration_tests/cli/test_every_command.py` asks for a line for each command, and the
README's table of commands is what `tests/cli_reference.py` makes of the docstrings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

_NOT_INSTALLED = (
    "error: tuned-gemini needs an optional dependency. Install it with: "
    'pip install "langchain-tuned-gemini[cli]"\n'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code.

    Args:
        arguments: What stands after the program's name; this process's own when None.
    """
    try:
        from langchain_tuned_gemini.cli.app import run

        return run(arguments)
    except ModuleNotFoundError as missing:
        if missing.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(_NOT_INSTALLED)
        return 2
    except KeyboardInterrupt:  # before or after a command; within one, typer sees it
        return 130
