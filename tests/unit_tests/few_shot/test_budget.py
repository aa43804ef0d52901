"""How much a few-shot prompt may take: examples give way, the user's text never does."""

import asyncio

import pytest
from hypothesis import given, strategies as st
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGenerationChunk

from langchain_tuned_gemini import (
    AllModelsFailedError,
    AllModelsOverflowError,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    FixedExampleSelector,
    ParameterError,
    PromptTooLongError,
)
from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.few_shot.shown_examples import fitting
from langchain_tuned_gemini.testing import ScriptedChatModel

EIGHT = [{"text_input": f"{'abcd' * 9}-{letter}", "output": "abcd"} for letter in "abcdefgh"]
"""11 tokens each."""


def fixed(**settings):
    return FewShotPrompt(FixedExampleSelector(EIGHT, k=8), instruction=None, **settings)


@pytest.mark.parametrize(("limit", "kept"), [(1_000, 8), (88, 8), (87, 7), (11, 1), (10, 0)])
@pytest.mark.parametrize("form", ["turns", "block"])
def test_the_last_examples_are_dropped_until_the_rest_fits(form, limit, kept):
    extra = 4 * kept if form == "block" else 0  # the labels
    prompt = fixed(max_tokens=limit + extra, form=form)

    selection = prompt.select([HumanMessage("?")])

    assert [example.text_input[-1] for example in selection.examples] == list("abcdefgh"[:kept])
    assert selection.dropped == 8 - kept
    assert selection.tokens <= limit + extra


def test_an_example_that_can_never_fit_does_not_cost_the_others_their_place():
    rows = [{"text_input": "x" * 4_000, "output": "y"}, *EIGHT]
    prompt = FewShotPrompt(FixedExampleSelector(rows, k=3), instruction=None, max_tokens=30)

    selection = prompt.select([HumanMessage("?")])

    assert [example.text_input[-1] for example in selection.examples] == ["a", "b"]
    assert selection.as_dict() == {
        "examples": 2,
        "selector": "fixed",
        "tokens": 22,
        "dropped": 1,
    }


@given(st.lists(st.integers(1, 30)), st.integers(0, 100))
def test_what_fits_is_in_order_and_as_much_as_can_be(sizes, limit):
    examples = [TuningExample("x" * size, str(place)) for place, size in enumerate(sizes)]

    def size(some):
        return sum(len(example.text_input) for example in some)

    kept = fitting(examples, size, limit)

    possible = [example for example in examples if size([example]) <= limit]
    assert size(kept) <= limit
    assert list(kept) == possible[: len(kept)]
    assert len(kept) == len(possible) or size([*kept, possible[len(kept)]]) > limit


def base(limit):
    return ScriptedChatModel(name="base", answers=["ok"], profile={"max_input_tokens": limit})


def few_shot_model(limit, **settings):
    return FewShotChatModel(wrapped=base(limit), prompt=fixed(**settings))


CONVERSATION = [SystemMessage("abcd" * 10), HumanMessage("abcd" * 40)]  # 50 tokens


@pytest.mark.parametrize(("limit", "kept"), [(200, 8), (120, 5), (80, 2), (55, 0), (45, 0)])
def test_examples_take_what_the_models_context_leaves(limit, kept):
    model = few_shot_model(limit)

    answer = model.invoke(CONVERSATION)

    (call,) = model.wrapped.calls
    assert answer.response_metadata["few_shot"]["examples"] == kept
    assert len(call["messages"]) == 2 + 2 * kept
    assert [call["messages"][0], call["messages"][-1]] == CONVERSATION


def test_the_smaller_of_both_limits_holds():
    assert few_shot_model(200, max_tokens=22).invoke(CONVERSATION).response_metadata["few_shot"][
        "examples"
    ] == (2)


async def test_a_conversation_that_is_too_long_is_refused_and_never_cut():
    model = few_shot_model(39)

    with pytest.raises(PromptTooLongError) as caught:
        model.invoke(CONVERSATION)
    for call in (model.ainvoke, lambda asked: anext(model.astream(asked))):
        with pytest.raises(ContextOverflowError, match="about 50 tokens, and the model takes 39"):
            await call(CONVERSATION)

    assert (caught.value.tokens, caught.value.limit) == (50, 39)
    assert model.wrapped.calls == []


def test_in_doubt_the_model_itself_says_whether_it_is_too_long():
    model = few_shot_model(41)

    assert model.invoke(CONVERSATION).text == "ok"
    assert model.wrapped.calls[0]["messages"] == CONVERSATION


def test_a_model_without_a_known_limit_gets_all_examples():
    model = FewShotChatModel(wrapped=ScriptedChatModel(answers=["ok"]), prompt=fixed())

    assert model.invoke(CONVERSATION).response_metadata["few_shot"]["examples"] == 8


CALL = {"name": "atlas", "args": {"of": "Norway"}, "id": "1"}


def test_the_answers_of_tools_count_and_stay():
    model = few_shot_model(150)
    loop = [
        *CONVERSATION,
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("abcd" * 50, tool_call_id="1"),
    ]

    answer = model.invoke(loop)

    assert answer.response_metadata["few_shot"]["examples"] == 2
    assert model.wrapped.calls[0]["messages"][-3:] == loop[1:]


def test_the_fallback_says_that_it_was_too_long():
    tuned = ScriptedChatModel(name="tuned", answers=[TimeoutError()])
    robust = FallbackChatModel(models=[tuned, few_shot_model(39)])

    with pytest.raises(ContextOverflowError) as caught:
        robust.invoke(CONVERSATION)

    assert isinstance(caught.value, AllModelsOverflowError)
    assert [type(error) for error in caught.value.exceptions] == [TimeoutError, PromptTooLongError]
    assert caught.value.attempts[1].reason == "rejected"
    assert isinstance(caught.value.split(TimeoutError)[0], AllModelsFailedError)


def test_an_agent_that_summarizes_with_the_fallback_tries_again_with_less():
    tuned = ScriptedChatModel(name="tuned", answers=[TimeoutError()])
    robust = FallbackChatModel(models=[tuned, few_shot_model(3_000)], circuit_breaker=False)
    summarizing = SummarizationMiddleware(
        robust, trigger=("messages", 10), keep=("messages", 1), trim_tokens_to_summarize=None
    )
    agent = create_agent(ScriptedChatModel(answers=["done"]), middleware=[summarizing])
    history = [HumanMessage("abcd" * 200) for _ in range(30)]

    answer = agent.invoke({"messages": [*history, HumanMessage("And now?")]})

    assert answer["messages"][-1].text == "done"
    assert len(robust.models[1].wrapped.calls) == 1  # the second, shorter one


async def test_what_the_model_counts_corrects_the_estimate_on_every_path():
    """A word of 5 characters is one token to this model, where the estimate says 1.25."""
    asked = [HumanMessage("word " * 80)]

    async def astream(model):
        async for _ in model.astream(asked):
            pass

    for call in (
        lambda model: model.ainvoke(asked),
        astream,
    ):
        model = few_shot_model(10_000)
        assert model.prompt.select(asked).tokens == 88
        await call(model)
        assert model.prompt.select(asked).tokens == pytest.approx(88 * 96 / 188, abs=1)
    for call in (lambda model: model.invoke(asked), lambda model: list(model.stream(asked))):
        model = few_shot_model(10_000)
        call(model)
        assert model.prompt.select(asked).tokens == pytest.approx(88 * 96 / 188, abs=1)


class InParts(ScriptedChatModel):
    """Reports its count in parts, as langchain-google-genai does."""

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for counted in (60, 36, 0):
            usage = {"input_tokens": counted, "output_tokens": 1, "total_tokens": counted + 1}
            yield ChatGenerationChunk(message=AIMessageChunk("ok", usage_metadata=usage))


async def _streamed(model, asked):
    return [chunk async for chunk in model.astream(asked)]


@pytest.mark.parametrize(
    "stream",
    [
        lambda model, asked: list(model.stream(asked)),
        lambda model, asked: asyncio.run(_streamed(model, asked)),
    ],
    ids=["stream", "astream"],
)
def test_the_counts_of_a_streams_chunks_are_parts_of_one(stream):
    asked = [HumanMessage("word " * 80)]
    model = FewShotChatModel(wrapped=InParts(answers=["ok"]), prompt=fixed())

    stream(model, asked)

    assert model.prompt.select(asked).tokens == pytest.approx(88 * 96 / 188, abs=1)


def test_a_prompt_with_tools_teaches_nothing():
    model = few_shot_model(10_000)

    model.bind_tools([{"name": "atlas", "description": "Maps", "parameters": {}}]).invoke(
        [HumanMessage("word " * 80)]
    )

    assert model.prompt.select(CONVERSATION).tokens == 88


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"max_tokens": -1}])
def test_a_limit_that_lets_nothing_through_is_refused(wrong):
    with pytest.raises(ParameterError, match="max_tokens"):
        fixed(**wrong)


def test_a_ready_prompt_brings_its_own_number(tmp_path):
    from langchain_tuned_gemini import ChatTunedGemini

    model = ChatTunedGemini(model="tunedModels/x", api_key="k")
    prompt = fixed(max_tokens=22)

    robust = model.with_few_shot_fallback(base(1_000), examples=prompt)

    assert robust.models[1].prompt is prompt
    with pytest.raises(ParameterError, match="has its own k"):
        model.with_few_shot_fallback(base(1_000), examples=prompt, k=3)
