"""A conversation that several models have answered in, on its way to the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from google.genai import types
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel, ParameterError
from langchain_tuned_gemini.emulator import Emulator, FunctionCall
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, NEXT_NUMBER, Deployed

ENDPOINT = "projects/acme/locations/us-central1/endpoints/42"
PLACEHOLDER = "skip_thought_signature_validator"
OSLO = FunctionCall("weather", {"city": "Oslo"})


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


def invoke(model: Any, messages: Any) -> Any:
    return model.invoke(messages)


def ainvoke(model: Any, messages: Any) -> Any:
    return asyncio.run(model.ainvoke(messages))


def stream(model: Any, messages: Any) -> Any:
    first, *rest = model.stream(messages)
    for chunk in rest:
        first += chunk
    return first


Ask = Callable[[Any, Any], AIMessage]
every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream])


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tuned(gemini: Emulator) -> ChatTunedGemini:
    """One of a base model that signs its thoughts and wants them signed."""
    endpoint = gemini.add_vertex_model(ENDPOINT, examples=NEXT_NUMBER).endpoint
    return ChatTunedGemini(
        model=endpoint, api_key="key", base_url=gemini.base_url, base_model="gemini-3.5-flash"
    )


def signatures(gemini: Emulator) -> list[Any]:
    """Those of the function calls that the last request has sent back."""
    contents = gemini.requests[-1].body["contents"]
    parts = [part for content in contents for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]


def told(answer: AIMessage) -> list[BaseMessage]:
    call = answer.tool_calls[0]
    return [HumanMessage("Oslo?"), answer, ToolMessage("Rain.", tool_call_id=call["id"])]


@every_way
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("first", ["base", "tuned"])
def test_another_models_signature_is_not_sent_back(
    first: str,
    output_version: Any,
    ask: Ask,
    tuned: ChatTunedGemini,
    gemini: Emulator,
) -> None:
    robust = tuned.with_few_shot_fallback(
        "gemini-3.5-flash",
        examples=NEXT_NUMBER,
        circuit_breaker=False,
        **({"output_version": output_version} if output_version else {}),
    )
    agent = robust.bind_tools([weather])
    gemini.script(OSLO, "It rains.")
    down = {"model": tuned.model, "status": 404}

    if first == "base":
        with gemini.fault(**down):
            answer = ask(agent, "Oslo?")
        last = ask(agent, told(answer))
    else:
        answer = ask(agent, "Oslo?")
        with gemini.fault(**down):
            last = ask(agent, told(answer))

    by = [a.response_metadata["tuned_gemini"]["answered_by"] for a in (answer, last)]
    assert by == (["base_fallback", "tuned"] if first == "base" else ["tuned", "base_fallback"])
    assert signatures(gemini) == [PLACEHOLDER]


@every_way
def test_a_models_own_signature_is_sent_back(
    ask: Ask, tuned: ChatTunedGemini, gemini: Emulator
) -> None:
    for model in (tuned, tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)):
        gemini.script(OSLO, "It rains.")

        answer = ask(model.bind_tools([weather]), "Oslo?")
        ask(model.bind_tools([weather]), told(answer))

        (signature,) = signatures(gemini)
        assert signature not in (None, PLACEHOLDER)


@every_way
def test_a_tuned_model_alone_gets_no_signature_of_another_one(
    ask: Ask, tuned: ChatTunedGemini, gemini: Emulator
) -> None:
    gemini.script(OSLO, "It rains.")
    base = tuned.base_chat_model("gemini-3.5-flash").bind_tools([weather])

    ask(tuned.bind_tools([weather]), told(ask(base, "Oslo?")))

    assert signatures(gemini) == [PLACEHOLDER]


@every_way
def test_a_model_that_wants_no_signatures_gets_none_of_another_one(
    ask: Ask, gemini: Emulator
) -> None:
    gemini.add_tuned_model("tunedModels/x", examples=NEXT_NUMBER)
    tuned = ChatTunedGemini(model="tunedModels/x", api_key="key", base_url=gemini.base_url)
    agent = tuned.with_few_shot_fallback(
        "gemini-3.5-flash", examples=NEXT_NUMBER, circuit_breaker=False
    ).bind_tools([weather])
    gemini.script(OSLO, "It rains.")

    with gemini.fault(model=tuned.model, status=404):
        answer = ask(agent, "Oslo?")
    ask(agent, told(answer))

    assert signatures(gemini) == [None]


@every_way
@pytest.mark.parametrize("messages", [[SystemMessage("Count.")], [], [HumanMessage("")]], ids=str)
def test_a_conversation_with_nothing_to_answer_reaches_no_model(
    messages: Any, ask: Ask, deployed: Deployed
) -> None:
    tuned = deployed.chat()
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
    base_alone = FallbackChatModel(models=[tuned.base_chat_model(BASE)])

    for model in (tuned, robust, base_alone):
        with pytest.raises(ParameterError, match="nothing to answer"):
            ask(model, messages)
    with (
        deployed.emulator.fault(model=deployed.name, status=503),
        pytest.raises(ParameterError, match="nothing to answer"),
    ):
        ask(robust, messages)

    assert not [r for r in deployed.emulator.requests if "enerateContent" in r.path]


LOOK = types.FunctionDeclaration(
    name="look",
    description="Look around.",
    parameters=types.Schema(
        type=types.Type.OBJECT, properties={"where": types.Schema(type=types.Type.STRING)}
    ),
)
TOOLS = {
    "search": ([types.Tool(google_search=types.GoogleSearch())], [{"googleSearch": {}}]),
    "code": ([types.Tool(code_execution=types.ToolCodeExecution())], [{"codeExecution": {}}]),
    "functions": ([types.Tool(function_declarations=[LOOK]), weather], None),
}


@every_way
@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize(("tools", "sent"), TOOLS.values(), ids=TOOLS)
def test_googles_own_tools_reach_whichever_model_answers(
    tools: list[Any], sent: Any, is_down: bool, ask: Ask, deployed: Deployed
) -> None:
    robust = deployed.chat().with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    down = deployed.emulator.fault(model=deployed.name, status=503)
    with down if is_down else nullcontext():
        ask(robust.bind_tools(tools), "7")

    body = deployed.emulator.requests[-1].body
    names = [f["name"] for t in body["tools"] for f in t.get("functionDeclarations", ())]
    assert body["tools"] == sent if sent else names == ["look", "weather"]


def test_a_model_that_does_not_take_googles_tools_is_named(deployed: Deployed) -> None:
    other = ScriptedChatModel(answers=["8"])
    robust = deployed.chat().with_few_shot_fallback(other, examples=NEXT_NUMBER)

    with (
        deployed.emulator.fault(model=deployed.name, status=503),
        pytest.raises(ParameterError, match="scripted, a FewShotChatModel"),
    ):
        robust.bind_tools([types.Tool(google_search=types.GoogleSearch())]).invoke("7")


def test_tokens_are_counted_in_an_outage(deployed: Deployed) -> None:
    robust = deployed.chat().with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
    counted = robust.get_num_tokens("one two three four")

    with deployed.emulator.fault(method="countTokens", status=503):
        estimate = robust.get_num_tokens("one two three four")

    assert counted == 5
    assert estimate == 9
