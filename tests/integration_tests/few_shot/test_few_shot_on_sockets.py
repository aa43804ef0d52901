"""Few-shot prompts in front of the emulator: budgets, questions, agents, novelty."""

import pytest
from google.genai import types
from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FewShotPrompt,
    LexicalExampleSelector,
    NovelInput,
    PromptTooLongError,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.middleware import TunedGeminiFallbackMiddleware

TUNED, BASE = "tunedModels/capitals", "gemini-2.5-flash"
ROWS = [
    {"text_input": f"What is the capital of {country}?", "output": capital}
    for country, capital in [
        ("France", "Paris"),
        ("Spain", "Madrid"),
        ("Norway", "Oslo"),
        ("Japan", "Tokyo"),
        ("Kenya", "Nairobi"),
    ]
]
UNLIKE = "sudo rm -rf /var/log && systemctl restart nginx"


@pytest.fixture
def gemini():
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=ROWS)
        yield emulator


@pytest.fixture
def model(gemini):
    return ChatTunedGemini(model=TUNED, api_key="k", base_url=gemini.base_url)


def asked(gemini, name):
    return [r.body for r in gemini.requests if r.call == "generateContent" and name in r.model]


def texts(body):
    return ["".join(part.get("text", "") for part in turn["parts"]) for turn in body["contents"]]


async def test_the_estimate_becomes_what_the_service_counts(gemini, model):
    """The emulator counts a token for 4 characters, digits too, which the estimate counts alone."""
    rows = [{"text_input": f"{'1234567890' * 4} {n}", "output": "5678" * 4} for n in range(4)]
    prompt = FewShotPrompt(rows, k=4)
    robust = model.with_few_shot_fallback(BASE, examples=prompt)
    gemini.fault(model=TUNED, status=503)
    question = [HumanMessage("1234567890")]
    before = prompt.select(question).tokens

    for ask in (robust.invoke, lambda q: list(robust.stream(q))[-1]):
        ask(question)
    answer = await robust.ainvoke(question)
    async for _ in robust.astream(question):
        pass

    counted = answer.usage_metadata["input_tokens"]
    assert before > 2 * counted
    assert prompt.select(question).tokens == pytest.approx(counted, rel=0.1)


def test_a_question_too_long_for_the_base_model_is_not_sent_to_it(gemini, model):
    robust = model.with_few_shot_fallback(BASE, examples=ROWS)
    gemini.fault(model=TUNED, status=503)

    with pytest.raises(ContextOverflowError) as caught:
        robust.invoke("word " * 1_200_000)

    assert isinstance(caught.value.exceptions[-1], PromptTooLongError)
    assert caught.value.exceptions[-1].limit == robust.models[1].profile["max_input_tokens"]
    assert asked(gemini, BASE) == []


def test_what_the_base_model_itself_finds_too_long_is_told_alike(gemini, model):
    robust = model.with_few_shot_fallback(BASE, examples=ROWS)
    gemini.fault(model=TUNED, status=503)

    with pytest.raises(ContextOverflowError) as caught:
        robust.invoke("word " * 900_000)  # a bit too long, so that the model is asked

    assert len(asked(gemini, BASE)) == 1
    assert type(caught.value.exceptions[-1]).__name__ == "GoogleContextOverflowError"


def test_a_rag_prompt_gets_the_examples_of_its_question(gemini, model):
    prompt = FewShotPrompt(ROWS, k=1, query="Question:")
    robust = model.with_few_shot_fallback(BASE, examples=prompt)
    gemini.fault(model=TUNED, status=503)

    robust.invoke(
        [
            SystemMessage("Use the context."),
            HumanMessage("Context: France, France, Spain, Japan.\n\nQuestion: And Norway?"),
        ]
    )

    (body,) = asked(gemini, BASE)
    assert texts(body)[:2] == ["What is the capital of Norway?", "Oslo"]
    assert body["systemInstruction"]["parts"][0]["text"].startswith("Use the context.")


def test_amid_tool_calls_examples_are_those_of_the_question(gemini, model):
    robust = model.with_few_shot_fallback(BASE, examples=ROWS, k=1)
    gemini.fault(model=TUNED, status=503)
    call = {"name": "atlas", "args": {"of": "Kenya"}, "id": "1"}

    robust.invoke(
        [
            HumanMessage("The capital of Kenya?"),
            AIMessage("", tool_calls=[call]),
            ToolMessage("France Spain Norway Japan", tool_call_id="1"),
        ]
    )

    (body,) = asked(gemini, BASE)
    assert texts(body)[:3] == ["What is the capital of Kenya?", "Nairobi", "The capital of Kenya?"]
    assert [
        set(part) & {"functionCall", "functionResponse"}
        for turn in body["contents"][-2:]
        for part in turn["parts"]
    ] == [
        {"functionCall"},
        {"functionResponse"},
    ]


def turn(role, *parts):
    return {"role": role, "parts": list(parts)}


ASKED = turn("user", {"text": "And of Oslo?"})
TALE = [
    turn("user", {"text": "What is known of Paris?"}),
    turn("model", {"functionCall": {"name": "atlas", "args": {"country": "France"}}}),
    turn("user", {"functionResponse": {"name": "atlas", "response": {"people": 2}}}),
    turn("model", {"text": "Two live there."}),
]
CALLS = [{"contents": TALE}, *ROWS]


@tool
def atlas(country: str) -> str:
    """Looks a country up."""
    return country


@tool
def gazetteer(place: str) -> str:
    """Looks a place up."""
    return place


@pytest.mark.parametrize("base", ["gemini-3.5-flash", "gemini-2.5-flash"])
async def test_what_the_model_called_in_an_example_is_sent_as_calls(gemini, model, base):
    robust = model.with_few_shot_fallback(base, examples=CALLS, k=1).bind_tools([atlas])
    agent = create_agent(
        model, [atlas], middleware=[TunedGeminiFallbackMiddleware(base, examples=CALLS, k=1)]
    )
    gemini.fault(model=TUNED, status=503)
    question = "And of Oslo?"

    robust.invoke(question)
    await robust.ainvoke(question)
    list(robust.stream(question))
    async for _ in robust.astream(question):
        pass
    agent.invoke({"messages": [HumanMessage(question)]})

    sent = [r.body["contents"] for r in gemini.requests if base in r.model]
    assert sent == [[*TALE, ASKED]] * 5  # no call before the question needs a thought signature


PLACE = {"type": "object", "properties": {"country": {"type": "string"}}}
ATLAS = {"name": "atlas", "description": "Looks a country up.", "parameters": PLACE}


@pytest.mark.parametrize(
    "offered",
    [
        {"function_declarations": [ATLAS]},
        types.Tool.model_validate({"function_declarations": [ATLAS]}),
        {"type": "function", "function": ATLAS},
    ],
)
def test_functions_are_known_in_whichever_form_they_are_offered(gemini, model, offered):
    robust = model.with_few_shot_fallback(BASE, examples=CALLS, k=1)
    gemini.fault(model=TUNED, status=503)

    robust.bind_tools([offered]).invoke("And of Oslo?")

    (body,) = asked(gemini, BASE)
    assert body["contents"] == [*TALE, ASKED]


def test_a_call_that_ends_an_example_is_sent_with_a_response_as_models_want_one(gemini, model):
    robust = model.with_few_shot_fallback(BASE, examples=[{"contents": TALE[:2]}])
    gemini.fault(model=TUNED, status=503)

    robust.bind_tools([atlas]).invoke("And of Oslo?")

    (body,) = asked(gemini, BASE)
    told = {"output": "You have correctly called this tool."}
    response = turn("user", {"functionResponse": {"name": "atlas", "response": told}})
    assert body["contents"] == [*TALE[:2], response, ASKED]


@pytest.mark.parametrize(
    ("tools", "form"),
    [([], "turns"), ([gazetteer], "turns"), ([{"google_search": {}}], "turns"), ([atlas], "block")],
)
def test_calls_are_shown_to_no_model_that_can_not_make_them_or_takes_text(
    gemini, model, caplog, tools, form
):
    robust = model.with_few_shot_fallback(BASE, examples=FewShotPrompt(CALLS, form=form))
    gemini.fault(model=TUNED, status=503)

    (robust.bind_tools(tools) if tools else robust).invoke("What is the capital of Norway?")

    (body,) = asked(gemini, BASE)
    assert "Oslo" in str(body)
    assert "functionCall" not in str(body["contents"])
    assert "Two live there." not in str(body)
    assert ("left out" in caplog.text) == (tools != [gazetteer])  # there, the provenance counts it


async def test_a_novel_question_never_reaches_the_tuned_model(gemini, model):
    selector = LexicalExampleSelector(ROWS)
    novel = NovelInput(selector)
    robust = model.with_few_shot_fallback(BASE, examples=selector, novel_input=novel)

    usual = await robust.ainvoke("What's the capital of Norway?")
    other = await robust.ainvoke(UNLIKE)

    assert usual.response_metadata["tuned_gemini"]["answered_by"] == "tuned"
    said = other.response_metadata["tuned_gemini"]
    assert (said["answered_by"], said["reason"]) == ("base_fallback", "novel_input")
    assert len(asked(gemini, TUNED)) == 1


def test_an_agents_middleware_takes_a_prompt_and_a_guard_for_novel_questions(gemini, model):
    selector = LexicalExampleSelector(ROWS, k=2)
    middleware = TunedGeminiFallbackMiddleware(
        BASE,
        examples=FewShotPrompt(selector, max_tokens=60),
        novel_input=NovelInput(selector),
    )
    agent = create_agent(model, [atlas], middleware=[middleware])

    answer = agent.invoke({"messages": [HumanMessage(UNLIKE)]})

    said = answer["messages"][-1].response_metadata["tuned_gemini"]
    assert (said["reason"], said["few_shot"]["examples"]) == ("novel_input", 2)
    assert said["few_shot"]["tokens"] <= 60
    assert asked(gemini, TUNED) == []
