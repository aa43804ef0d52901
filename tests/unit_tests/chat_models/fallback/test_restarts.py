"""A stream that began anew ends as one model's answer, wherever LangChain adds up the chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from langchain_tuned_gemini import BrokenStreamError, FallbackChatModel, WrapperChatModel
from langchain_tuned_gemini.testing import ScriptedChatModel


def restarting(**settings: Any) -> FallbackChatModel:
    models = [
        ScriptedChatModel(name="tuned", answers=[("half an", ConnectionResetError())]),
        ScriptedChatModel(name="base", answers=["whole answer"]),
    ]
    return FallbackChatModel(models=models, on_broken_stream="restart", **settings)


def invoke(model: Any, config: Any) -> AIMessage:
    return model.invoke("Hi", config, stream=True)  # type: ignore[no-any-return]


def ainvoke(model: Any, config: Any) -> AIMessage:
    return asyncio.run(model.ainvoke("Hi", config, stream=True))


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke])
Ask = Callable[[Any, Any], AIMessage]


class Listener(BaseCallbackHandler, _StreamingCallbackHandler[Any]):
    """Shows tokens as they come, and hears the end, as LangGraph does."""

    def tap_output_iter(self, run_id: Any, output: Any) -> Any:
        return output

    def tap_output_aiter(self, run_id: Any, output: Any) -> Any:
        return output

    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.ends: list[Any] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.ends.append(response.generations[0][0].message.text)


@every_way
def test_the_answer_is_what_was_said_after_the_restart(ask: Ask) -> None:
    listener = Listener()

    answer = ask(restarting(), {"callbacks": [listener]})

    assert answer.text.strip() == "whole answer"
    assert type(answer) is AIMessage
    assert answer.id is not None
    assert answer.id.startswith("lc_run-")
    said = answer.response_metadata["tuned_gemini"]
    assert (said["answered_by"], said["reason"]) == ("base_fallback", "connection")
    assert "restarted" not in said
    assert "half " in listener.tokens  # somebody has seen it
    assert [end.strip() for end in listener.ends] == ["whole answer"]


@every_way
def test_it_is_in_blocks_where_the_first_version_of_output_is_asked_for(ask: Ask) -> None:
    answer = ask(restarting(output_version="v1"), {})

    texts = [block["text"] for block in answer.content if isinstance(block, dict)]
    assert "".join(texts).strip() == "whole answer"


@every_way
def test_a_restart_within_a_fallback_of_a_fallback_is_no_part_of_the_answer(ask: Ask) -> None:
    outer = FallbackChatModel(models=[restarting(), ScriptedChatModel(answers=["never"])])

    assert ask(outer, {}).text.strip() == "whole answer"


def test_a_guard_of_an_outer_fallback_sees_the_answer_without_what_is_void() -> None:
    seen: list[str] = []

    def guard(message: AIMessage) -> None:
        seen.append(message.text.strip())

    outer = FallbackChatModel(
        models=[restarting(), ScriptedChatModel(answers=["never"])],
        guards=[guard],
        commit="complete",
    )

    chunks = list(outer.stream("Hi"))

    assert seen == ["whole answer"]
    assert "".join(chunk.text for chunk in chunks).strip() == "whole answer"


async def test_calls_side_by_side_each_have_their_own_answer() -> None:
    calm = FallbackChatModel(models=[ScriptedChatModel(answers=["calm"])])
    models = [restarting(), calm, restarting(), calm]

    answers = await asyncio.gather(*(model.ainvoke("Hi", stream=True) for model in models))

    assert [a.text.strip() for a in answers] == ["whole answer", "calm"] * 2


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_stream_of_events_that_would_glue_the_two_is_raised() -> None:
    stream = restarting().stream_events("Hi", version="v3")

    with pytest.raises(BrokenStreamError, match="broke after 8 characters"):
        _ = stream.output


def test_a_plain_stream_is_restarted_after_a_mark() -> None:
    chunks = list(restarting().stream("Hi"))

    (mark,) = [
        n
        for n, chunk in enumerate(chunks)
        if chunk.response_metadata.get("tuned_gemini", {}).get("restarted")
    ]
    assert "".join(chunk.text for chunk in chunks[mark:]).strip() == "whole answer"


@every_way
def test_a_wrapper_around_it_answers_with_what_came_after_the_restart(ask: Ask) -> None:
    assert ask(WrapperChatModel(wrapped=restarting()), {}).text.strip() == "whole answer"
