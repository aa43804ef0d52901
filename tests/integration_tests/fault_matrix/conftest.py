"""One emulator a module, a key that no other test has, and a look at what was written down."""

from __future__ import annotations

import gc
import itertools
import logging
import warnings
from collections.abc import Iterator

import pytest

from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import Deployed
from tests.integration_tests.fault_matrix.stacks import Lab
from tests.integration_tests.fault_matrix.task import (
    BASE_TEXT,
    ENDPOINT,
    EXAMPLES,
    QUESTION,
    SPARE,
    TRAINING_SET,
    TUNED,
    TUNED_TEXT,
)
from tests.tcp_proxy import TcpProxy

pytest.register_assert_rewrite("tests.integration_tests.fault_matrix.experiment")

_numbers = itertools.count()


@pytest.fixture(scope="module")
def gemini() -> Iterator[Emulator]:
    """A Gemini API with the tuned model, on both platforms, and one that stands in."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=TRAINING_SET)
        gemini.add_tuned_model(SPARE, examples=EXAMPLES)
        assert Deployed.add(gemini, "vertex", TRAINING_SET).name == ENDPOINT
        yield gemini


@pytest.fixture(scope="module")
def proxy(gemini: Emulator) -> Iterator[TcpProxy]:
    """A TCP proxy in front of it."""
    with TcpProxy(gemini.base_url) as proxy:
        yield proxy


@pytest.fixture
def key() -> str:
    """An API key that looks like Google's; so each test has a circuit of its own, too."""
    return f"AIza{next(_numbers):035d}"


@pytest.fixture
def lab(key: str, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(key, monkeypatch)


@pytest.fixture(autouse=True)
def nothing_written_down_shows_a_secret(
    key: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Looks for the key in all logs, of whatever library and level, and in what was printed.

    Our own log has nothing of what was asked and answered, either.
    """
    caplog.set_level(logging.DEBUG)
    yield
    formatter, records = logging.Formatter(), caplog.get_records("call")
    told = [f"{formatter.format(record)} {record.args!r}" for record in records]
    own = [line for line, record in zip(told, records, strict=True) if is_ours(record)]
    assert [line for line in (*told, *capfd.readouterr()) if key in line] == []
    assert [line for line in own if any(t in line for t in (QUESTION, TUNED_TEXT, BASE_TEXT))] == []


def is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("langchain_tuned_gemini")


@pytest.fixture(scope="module", autouse=True)
def no_garbage() -> Iterator[None]:
    """What plain models leave behind is collected here and not in other modules."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
