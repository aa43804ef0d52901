"""A wrapped model is taken for the model itself."""

from __future__ import annotations

import asyncio
import typing
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tuned_gemini import (
    ChatTunedGemini,
    CircuitOpenError,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    GatedChatModel,
    TunedModelNotReadyError,
    WrapperChatModel,
)
from langchain_tuned_gemini.chat_models.wrapper import WrappedCall
from langchain_tuned_gemini.testing import ScriptedChatModel


class WithoutStream(ScriptedChatModel):
    """A model that can't stream."""

    _stream = BaseChatModel._stream  # type: ignore[assignment]
    _astream = BaseChatModel._astream  # type: ignore[assignment]


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


class Capital(BaseModel):
    """A capital."""

    city: str


@pytest.mark.parametrize("kind", [ScriptedChatModel, WithoutStream])
async def test_a_wrapper_answers_as_its_model_on_every_path(kind: type[ScriptedChatModel]) -> None:
    wrapper = WrapperChatModel(wrapped=kind(answers=["one two"]))

    answers = [
        wrapper.invoke("Hi").text,
        (await wrapper.ainvoke("Hi")).text,
        "".join(chunk.text for chunk in wrapper.stream("Hi")),
        "".join([chunk.text async for chunk in wrapper.astream("Hi")]),
        wrapper.batch(["Hi"])[0].text,
        (await wrapper.abatch(["Hi"]))[0].text,
    ]

    assert {answer.strip() for answer in answers} == {"one two"}


def test_a_model_that_can_not_stream_yields_one_chunk_with_its_tool_calls() -> None:
    call = {"name": "weather", "args": {"city": "Oslo"}, "id": "1", "type": "tool_call"}
    wrapper = WrapperChatModel(wrapped=WithoutStream(answers=[AIMessage("", tool_calls=[call])]))

    first, *_ = wrapper.stream("Hi")

    assert first.tool_calls == [call]


def test_settings_are_adopted_from_the_wrapped_model() -> None:
    limiter, cache = InMemoryRateLimiter(), InMemoryCache()
    wrapped = ScriptedChatModel(
        answers=["x"],
        rate_limiter=limiter,
        cache=cache,
        disable_streaming=True,
        output_version="v1",
        profile={"max_input_tokens": 7},
    )

    wrapper = WrapperChatModel(wrapped=wrapped)

    assert wrapper.rate_limiter is limiter
    assert wrapper.cache is cache
    assert wrapper.disable_streaming is True
    assert wrapper.output_version == "v1"
    assert wrapper.profile == {"max_input_tokens": 7}


def test_what_is_set_on_the_wrapper_is_kept() -> None:
    wrapped = ScriptedChatModel(answers=["x"], disable_streaming=True)

    assert WrapperChatModel(wrapped=wrapped, disable_streaming=False).disable_streaming is False


def test_what_langchain_fills_in_by_itself_is_not_in_the_repr() -> None:
    model = WrapperChatModel(wrapped=ScriptedChatModel(answers=["1"]), metadata={"team": "sql"})

    assert repr(model).startswith("WrapperChatModel(metadata={'team': 'sql'}, wrapped=Scripted")


def test_bound_tools_reach_the_wrapped_model_through_the_wrapper() -> None:
    wrapped = ScriptedChatModel(answers=["x"])
    wrapper = WrapperChatModel(wrapped=wrapped)

    bound = wrapper.bind_tools([weather], tool_choice="any")

    assert isinstance(bound, RunnableBinding)
    assert bound.bound is wrapper
    bound.invoke("Hi")
    assert wrapped.calls[0]["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize("include_raw", [False, True])
def test_structured_output_is_answered_through_the_wrapper(include_raw: bool) -> None:
    seen = []

    class Watched(WrapperChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(True)
            return super()._generate(*args, **kwargs)

    call = AIMessage("", tool_calls=[{"name": "Capital", "args": {"city": "Oslo"}, "id": "1"}])
    wrapper = Watched(wrapped=ScriptedChatModel(answers=[call]))

    answer = wrapper.with_structured_output(Capital, include_raw=include_raw).invoke("Norway?")

    assert (answer["parsed"] if include_raw else answer) == Capital(city="Oslo")
    assert seen == [True]


class Noted(WrappedCall):
    """Notes what happens to a call, and takes a timeout as handled."""

    events: ClassVar[list[str]] = []

    def begin(self) -> None:
        self.events.append("begins")

    def finish(self, generation: ChatGeneration) -> None:
        self.events.append(generation.text.strip())

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        self.events.append("ends" if error is None else type(error).__name__)
        return isinstance(error, TimeoutError)


class Noting(WrapperChatModel):
    """Asks twice."""

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        return [SystemMessage("Be brief."), *messages]

    def _calls(self, messages: Any, arguments: Any, run_manager: Any) -> list[WrappedCall]:
        told = self._prepare(messages)
        return [Noted(self.wrapped, told, arguments) for _ in range(2)]


def test_a_call_begins_changes_its_answer_and_ends_on_every_path() -> None:
    wrapped = ScriptedChatModel(answers=["one"])

    for call in on_every_path(Noting(wrapped=wrapped)):
        Noted.events.clear()
        call()
        assert [event for event in Noted.events if event] == ["begins", "one", "ends"]

    told = [SystemMessage("Be brief."), HumanMessage("Hi")]
    assert [call["messages"] for call in wrapped.calls] == [told] * 4


def test_a_call_that_takes_an_error_as_handled_makes_way_for_the_next_on_every_path() -> None:
    for answers, events in [
        ([TimeoutError(), "two"], ["begins", "TimeoutError", "begins", "two", "ends"]),
        ([ConnectionError(), "two"], ["begins", "ConnectionError"]),
    ]:
        for number in range(4):
            call = list(on_every_path(Noting(wrapped=ScriptedChatModel(answers=answers))))[number]
            Noted.events.clear()
            with suppress(ConnectionError):
                call()
            assert [event for event in Noted.events if event] == events


class ScriptedGate:
    """Raises what it was told to, and notes that it was emptied."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.forgotten = 0

    def check(self) -> None:
        if self.error:
            raise self.error

    async def acheck(self) -> None:
        self.check()

    def forget(self) -> None:
        self.forgotten += 1


def on_every_path(model: BaseChatModel) -> Iterator[Any]:
    yield lambda: model.invoke("Hi")
    yield lambda: asyncio.run(model.ainvoke("Hi"))
    yield lambda: list(model.stream("Hi"))

    async def collect() -> None:
        async for _ in model.astream("Hi"):
            pass

    yield lambda: asyncio.run(collect())


def test_a_closed_gate_keeps_every_path_from_the_model() -> None:
    wrapped = ScriptedChatModel(answers=["x"])
    gate = ScriptedGate(TunedModelNotReadyError("not yet", name="tunedModels/x"))

    for call in on_every_path(GatedChatModel(wrapped=wrapped, gate=gate)):
        with pytest.raises(TunedModelNotReadyError):
            call()

    assert wrapped.calls == []


def test_an_error_that_speaks_of_the_model_empties_the_gate_on_every_path() -> None:
    from langchain_core.exceptions import ModelNotFoundError

    gate = ScriptedGate()
    wrapped = ScriptedChatModel(answers=[ModelNotFoundError("gone")])

    for call in on_every_path(GatedChatModel(wrapped=wrapped, gate=gate)):
        with pytest.raises(ModelNotFoundError):
            call()

    assert gate.forgotten == 4


def test_the_refusal_of_an_inner_circuit_leaves_the_gate_alone() -> None:
    """The model was not asked, so that nothing new is known of its state."""
    refusal = CircuitOpenError("", name="tunedModels/x", opened_by="gone", retry_after=30.0)
    gate = ScriptedGate()
    model = GatedChatModel(wrapped=ScriptedChatModel(answers=[refusal]), gate=gate)

    with pytest.raises(CircuitOpenError):
        model.invoke("Hi")

    assert gate.forgotten == 0


def test_an_error_that_speaks_of_the_service_leaves_the_gate_alone() -> None:
    gate = ScriptedGate()
    model = GatedChatModel(wrapped=ScriptedChatModel(answers=[TimeoutError()]), gate=gate)

    with pytest.raises(TimeoutError):
        model.invoke("Hi")

    assert gate.forgotten == 0


EXAMPLES = [{"text_input": "one", "output": "two"}, {"text_input": "red", "output": "blue"}]


def test_examples_go_before_the_conversation_on_every_path() -> None:
    wrapped = ScriptedChatModel(answers=["x"])
    model = FewShotChatModel(wrapped=wrapped, prompt=FewShotPrompt(EXAMPLES, k=1))

    for call in on_every_path(model):
        call()

    assert len(wrapped.calls) == 4
    for call in wrapped.calls:
        system, question, answer, asked = call["messages"]
        assert isinstance(system, SystemMessage)
        assert (question.text, answer.text) in {("one", "two"), ("red", "blue")}
        assert asked == HumanMessage("Hi")


async def test_the_answer_says_which_examples_were_shown_once() -> None:
    model = FewShotChatModel(
        wrapped=ScriptedChatModel(answers=["one two"]), prompt=FewShotPrompt(EXAMPLES, k=2)
    )

    async def chunks() -> AsyncIterator[Any]:
        for chunk in model.stream("Hi"):
            yield chunk

    said = [
        model.invoke("Hi").response_metadata,
        (await model.ainvoke("Hi")).response_metadata,
    ]
    streams = [
        [chunk.response_metadata async for chunk in chunks()],
        [chunk.response_metadata async for chunk in model.astream("Hi")],
    ]

    assert [metadata["few_shot"]["examples"] for metadata in said] == [2, 2]
    for stream in streams:
        assert ["few_shot" in metadata for metadata in stream] == [True] + [False] * (
            len(stream) - 1
        )


@pytest.mark.parametrize(
    "kind",
    [ChatTunedGemini, FallbackChatModel, FewShotChatModel, GatedChatModel, WrapperChatModel],
)
def test_type_hints_of_every_public_method_resolve_at_run_time(kind: type) -> None:
    methods = {
        name: member
        for name in dir(kind)
        if not name.startswith("_")
        and callable(member := getattr(kind, name))
        and getattr(member, "__module__", "").startswith("langchain_tuned_gemini")
    }

    assert {"bind_tools", "with_structured_output"} <= methods.keys()
    for method in methods.values():
        typing.get_type_hints(method)
