"""A file of all answers so far, a line each: an interrupted comparison goes on from it.

Answers are found by the candidate's version and by what was asked. So a comparison with another
test set, or with candidates that have changed, takes over what is still true and asks for the rest.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self

from langchain_tuned_gemini.comparison.candidates import Candidate
from langchain_tuned_gemini.comparison.scoring import CandidateAnswer
from langchain_tuned_gemini.errors import JournalError

_log = logging.getLogger("langchain_tuned_gemini")


class Journal:
    """The answers so far, in a file or, without one, nowhere.

    Args:
        path: The file; it is made when the first answer arrives.

    Raises:
        JournalError: If the file is something else; nothing is written to it.
        OSError: If it can't be read.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = Path(path) if path is not None else None
        self._file: IO[str] | None = None
        self._answers = tuple(_read(self._path)) if self._path and self._path.exists() else ()

    def answers_of(self, candidate: Candidate) -> dict[str, CandidateAnswer]:
        """A candidate's answers by their questions; failures are none, to be asked again."""
        return {
            answer.question: answer
            for answer in self._answers
            if answer.version == candidate.version and answer.message is not None
        }

    def warn_of_changes(self, candidates: Iterable[Candidate]) -> None:
        """Logs which candidates are no longer those that have answered under their names."""
        for candidate in candidates:
            versions = Counter(a.version for a in self._answers if a.candidate == candidate.name)
            if versions and candidate.version not in versions:
                _log.warning(
                    "%s: %s has changed since it gave the %d answers there, so all questions are "
                    "asked again.",
                    self._path,
                    candidate.name,
                    versions.total(),
                )

    def add(self, answer: CandidateAnswer) -> None:
        """Writes an answer down at once, so that nothing can be lost."""
        if self._path is None:
            return
        if self._file is None:
            self._file = _opened_to_append(self._path)
        line = json.dumps(answer.as_dict(), ensure_ascii=False, default=str)
        self._file.write(f"{line}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _read(path: Path) -> Iterator[CandidateAnswer]:
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield CandidateAnswer.from_dict(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            if number == len(lines):
                return  # it was interrupted while it wrote: the line has no end
            raise JournalError(str(path), number) from error


def _opened_to_append(path: Path) -> IO[str]:
    """The file, behind the last of its whole lines."""
    file = path.open("r+b" if path.exists() else "w+b")
    with file:
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
    return path.open("a", encoding="utf-8", newline="\n")
