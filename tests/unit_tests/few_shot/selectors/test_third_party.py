"""A selector of another package that fails costs examples, never the answer, nor its blame."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import (
    DatasetError,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    FixedExampleSelector,
    LexicalExampleSelector,
    ParameterError,
    UserCodeError,
)
from langchain_tuned_gemini.few_shot.selectors import OtherSelector
from langchain_tuned_gemini.testing import ScriptedChatModel

EXAMPLES = [{"text_input": str(number), "output": str(number + 1)} for number in range(3)]


class Selector(BaseExampleSelector):
    """Gives its examples, or raises; its asynchronous method is LangChain's own."""

    def __init__(self, error: BaseException | None = None, examples: Any = EXAMPLES) -> None:
        self.error = error
        self.examples = examples
        self.asked = 0

    def add_example(self, example: dict[str, str]) -> None:
        raise NotImplementedError

    def select_examples(self, input_variables: dict[str, str]) -> Any:
        self.asked += 1
        if self.error:
            raise self.error
        return self.examples


class AsyncSelector(Selector):
    """With an asynchronous method of its own."""

    async def aselect_examples(self, input_variables: dict[str, str]) -> Any:
        return self.select_examples(input_variables)


class WithStatusError(Exception):
    """As of OpenAI's client and its likes."""

    status_code = 503


def _from(cause: Exception) -> Exception:
    error = RuntimeError("the client's own error")
    error.__cause__ = cause
    return error


OUTAGES = [
    ConnectionError("refused"),
    ConnectionResetError("reset"),
    TimeoutError("too slow"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("too slow"),
    WithStatusError("down"),
    _from(httpx.ConnectError("refused")),
]

BUGS = [KeyError("id"), ValueError("no such metric"), TypeError("a bug"), RuntimeError("a bug")]


async def _read(model: Any) -> list[Any]:
    return [chunk async for chunk in model.astream("1")]


def _sum(chunks: list[Any]) -> AIMessage:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


WAYS: dict[str, Callable[[FallbackChatModel], AIMessage]] = {
    "invoke": lambda model: model.invoke("1"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("1")),
    "stream": lambda model: _sum(list(model.stream("1"))),
    "astream": lambda model: _sum(asyncio.run(_read(model))),
}

every_way = pytest.mark.parametrize("way", WAYS)
every_kind = pytest.mark.parametrize("kind", [Selector, AsyncSelector])


def robust(prompt: FewShotPrompt) -> tuple[FallbackChatModel, ScriptedChatModel]:
    down = ScriptedChatModel(answers=[ConnectionError()])
    base = ScriptedChatModel(answers=["from the base"])
    models = [down, FewShotChatModel(wrapped=base, prompt=prompt)]
    return FallbackChatModel(models=models, circuit_breaker=False, retry_budget=False), base


def few_shot(answer: AIMessage) -> dict[str, Any]:
    told: dict[str, Any] = answer.response_metadata["tuned_gemini"]["few_shot"]
    return told


@every_way
@every_kind
@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_while_it_is_down_the_base_is_asked_without_examples_and_that_is_told(
    error: Exception, kind: type[Selector], way: str
) -> None:
    model, base = robust(FewShotPrompt(kind(error)))

    answer = WAYS[way](model)

    assert answer.text.strip() == "from the base"
    assert [message.text for message in base.calls[0]["messages"]] == ["1"]
    told = few_shot(answer)
    assert (told["examples"], told["selector"]) == (0, kind.__name__)
    assert type(error).__name__ in told["outage"]


@every_way
@every_kind
def test_where_there_is_a_tuning_set_the_lexical_one_selects(
    kind: type[Selector], way: str
) -> None:
    prompt = FewShotPrompt(kind(ConnectionError()), stand_in=EXAMPLES, instruction=None)
    model, base = robust(prompt)

    answer = WAYS[way](model)

    told = few_shot(answer)
    assert (told["examples"], told["selector"]) == (3, "bm25")
    assert told["outage"] == "connection (ConnectionError)"
    assert len(base.calls[0]["messages"]) == 7


@every_way
@every_kind
@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_a_bug_in_it_is_raised_as_its_own(error: Exception, kind: type[Selector], way: str) -> None:
    model, base = robust(FewShotPrompt(kind(error), stand_in=EXAMPLES))

    with pytest.raises(UserCodeError, match=f"example selector {kind.__name__} raised") as raised:
        WAYS[way](model)

    assert raised.value.__cause__ is error
    assert base.calls == []


@every_way
def test_one_that_gives_no_examples_is_named(way: str) -> None:
    model, _ = robust(FewShotPrompt(Selector(examples=[{"question": "1"}])))

    with pytest.raises(DatasetError, match="Selector"):
        WAYS[way](model)


@every_way
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_one_that_hangs_leaves_the_base_half_of_the_time(way: str, kind: str) -> None:
    over = threading.Event()

    class Hangs(Selector):
        def select_examples(self, input_variables: dict[str, str]) -> Any:
            over.wait(20)
            return []

    class HangsAsync(Hangs):
        async def aselect_examples(self, input_variables: dict[str, str]) -> Any:
            await asyncio.sleep(20)
            return []

    selector = Hangs() if kind == "sync" else HangsAsync()
    model, _ = robust(FewShotPrompt(selector, stand_in=FixedExampleSelector(EXAMPLES)))
    model = model.model_copy(update={"total_timeout": 2.0, "first_token_timeout": 2.0})

    answer = WAYS[way](model)

    over.set()
    assert few_shot(answer)["outage"] == "timeout (TimeoutError)"
    assert answer.response_metadata["tuned_gemini"]["attempts"][-1]["duration_s"] < 5.0


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["sync", "async"])
def choose(request: pytest.FixtureRequest) -> Iterator[Callable[[OtherSelector], Any]]:
    if request.param == "sync":
        yield lambda selector: selector.choose("1")
    else:
        yield lambda selector: asyncio.run(selector.achoose("1"))


def test_after_an_outage_it_is_left_alone_for_a_while(choose: Any) -> None:
    clock, selector = Clock(), Selector(ConnectionError())
    other = OtherSelector(selector, FixedExampleSelector(EXAMPLES, k=1), clock=clock)

    first = choose(other)
    selector.error = None
    clock.now += 29.9
    second = choose(other)
    clock.now += 0.2
    third = choose(other)

    assert [(choice.selector, bool(choice.outage)) for choice in (first, second, third)] == [
        ("fixed", True),
        ("fixed", True),
        ("Selector", False),
    ]
    assert selector.asked == 2


def test_an_outage_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    OtherSelector(Selector(ConnectionError("secret"))).choose("1")

    (record,) = caplog.records
    assert record.getMessage() == (
        "The example selector Selector can't be used: connection (ConnectionError). For 30 s there "
        "are no examples."
    )


def test_the_log_warns_when_an_outage_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "langchain_tuned_gemini")
    clock, selector = Clock(), Selector(ConnectionError())
    other = OtherSelector(selector, clock=clock)

    for error in (*[ConnectionError()] * 3, None, None):
        selector.error = error
        other.choose("1")
        clock.now += 31

    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.WARNING, logging.INFO, logging.INFO, logging.WARNING]
    assert caplog.messages[-1] == "The example selector Selector can be used again."


def test_a_copy_selects_the_same() -> None:
    prompt = FewShotPrompt(Selector(ConnectionError()), stand_in=EXAMPLES)
    prompt.invoke("1")

    twin = pickle.loads(pickle.dumps(prompt))

    assert twin.invoke("1") == prompt.invoke("1")


def test_a_selector_of_this_package_has_or_needs_no_stand_in_here() -> None:
    with pytest.raises(ParameterError, match="LexicalExampleSelector needs none"):
        FewShotPrompt(LexicalExampleSelector(EXAMPLES), stand_in=EXAMPLES)
