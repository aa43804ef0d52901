"""The command line in processes of its own: in a pipe, and on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

COMMAND = [sys.executable, "-m", "langchain_tuned_gemini"]
PROJECT, LOCATION = "acme", "us-central1"
AT = f"projects/{PROJECT}/locations/{LOCATION}"
ENDPOINT = f"{AT}/endpoints/42"
SGR = re.compile(r"\x1b\[[0-9;]*m")
"""What only colours; it moves no cursor."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str = ""

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def in_a_pipe(*arguments: str, stdin: str = "", **environment: str) -> Done:
    """Runs a command in a process of its own, into a pipe."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Terminal:
    """A command on a pseudo-terminal, 100 columns wide."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._leader, follower = pty.openpty()
        size = {"COLUMNS": "100", "LINES": "40"}
        self.process = subprocess.Popen(
            # The terminal that the leader of a session opens is the one whose Ctrl-C it gets.
            ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(follower), *COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, **size, **(environment or {})},
            start_new_session=True,
        )
        os.close(follower)
        self.shown = ""
        self._seen = 0

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        """Reads until something is shown that was not waited for before."""
        end = time.monotonic() + seconds
        while (at := self.shown.find(text, self._seen)) < 0:
            if not self._read(end - time.monotonic()):
                self.end(seconds=0)
                pytest.fail(f"no {text!r} in {self.shown!r}")
        self._seen = at + len(text)

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        """Reads until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            self._read(0.05)
            if time.monotonic() > end or self.process.poll() is not None:
                self.end(seconds=0)
                pytest.fail(f"it is not so, after {self.shown!r}")

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def ends_within(self, seconds: float) -> bool:
        """Reads for a while; tells whether it has ended."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        return time.monotonic() < end

    def end(self, *, seconds: float = 90) -> Done:
        """Reads to the end."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        os.close(self._leader)  # which hangs up on whatever still runs
        code = self.process.wait(timeout=10)
        return Done(code, self.shown.replace("\r\n", "\n"))

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._leader], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            piece = os.read(self._leader, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)


def plain(text: str) -> str:
    """What is left to see without the colours."""
    return SGR.sub("", text)


def rows(text: str) -> list[list[str]]:
    """The cells of lines for other programs."""
    return [line.split("\t") for line in text.splitlines()]
