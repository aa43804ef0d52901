"""The records of tuned models: a file for the user's version control."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from langchain_tuned_gemini.errors import RecordProblem, RecordsError
from langchain_tuned_gemini.registry.catalog import Catalog
from langchain_tuned_gemini.runtime.atomic_write import write_whole

if TYPE_CHECKING:
    from langchain_tuned_gemini.registry.editing import Editor

FILE = "tuned-models.toml"
"""What the file is called."""

VARIABLE = "TUNED_MODELS"
"""The environment variable that says where it is."""

_HEAD = """\
# Tuned models: their versions, and the aliases that point to them. Edit it by hand or with the
# library; put it under version control.
"""

_MARK = "\ufeff"
"""The byte order mark, which Windows' editors put first."""

_PATIENCE = 10.0
"""How long somebody else may be changing the file, in seconds; it takes milliseconds."""


class Records:
    """The file with the records.

    It may be edited by hand. Changes made here leave comments and order as they are, and are
    made one after the other, whichever process makes them: none is lost, and whoever reads the
    file sees all of a change or nothing of it.

    Args:
        path: The file; by default the one that `TUNED_MODELS` names, or `tuned-models.toml` in
            the current directory. It need not be there.

    Example:
        ```python
        records = Records("tuned-models.toml")
        records.load().target(AliasName.parse("sql-expert@production")).record.model
        ```
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path or os.environ.get(VARIABLE) or FILE).expanduser()

    def __repr__(self) -> str:
        return f"Records({str(self.path)!r})"

    def load(self) -> Catalog:
        """Reads the file; what is not there is empty.

        Raises:
            RecordsError: With everything that is wrong with it, and the lines.
        """
        return Catalog.parse(_plain(self._read()), self.path)

    @contextmanager
    def edit(self) -> Iterator[tuple[Catalog, Editor]]:
        """Changes the file: gives what it says now, and an editor; the change is made at the end.

        Others wait. If the block raises, nothing changes.

        Raises:
            RecordsError: What is in the file, or would be in it, is not in order; or somebody
                else holds it for longer than 10 s, or has changed it by hand in this moment.
        """
        from langchain_tuned_gemini.registry.editing import Editor

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            before = self._read()
            plain = _plain(before)
            editor = Editor(plain or _HEAD, self.path)
            yield Catalog.parse(plain, self.path), editor
            if editor.text == plain:
                return
            self._check(editor.text)
            # Editors ask for no lock.
            if self._read() != before:
                raise self._problem("was changed by somebody else in this moment. Try again")
            write_whole(self.path, [_in_the_form_of(before, editor.text)])

    def _check(self, text: str) -> None:
        from langchain_tuned_gemini.registry.editing import ADVICE

        try:
            Catalog.parse(text, self.path)
        except RecordsError as error:
            told = RecordProblem(None, f"would not be in order, so nothing was changed. {ADVICE}.")
            raise RecordsError(self.path, [told, *error.problems]) from None

    def _read(self) -> str:
        """The file as it is, with its byte order mark and its line ends."""
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise self._problem(f"can't be read: {error}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        target = self.path.resolve()
        lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=_PATIENCE)
        try:
            lock.acquire()
        except Timeout as timeout:
            problem = f"is being changed by somebody else for {_PATIENCE:g} s already"
            raise self._problem(f"{problem}. Try again later") from timeout
        try:
            yield
        finally:
            lock.release()

    def _problem(self, message: str) -> RecordsError:
        return RecordsError(self.path, [RecordProblem(None, f"{message}.")])


def _plain(text: str) -> str:
    """A document without what editors of other systems put into it."""
    return text.removeprefix(_MARK).replace("\r\n", "\n")


def _in_the_form_of(before: str, text: str) -> str:
    """A changed document with the byte order mark and the line ends that it had."""
    if before.count("\r\n") * 2 > before.count("\n"):
        text = text.replace("\n", "\r\n")
    return f"{_MARK}{text}" if before.startswith(_MARK) else text
