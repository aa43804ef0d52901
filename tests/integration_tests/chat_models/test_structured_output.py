"""An answer in a schema comes from the first model whose answer fits it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import PydanticOutputParser
from pydantic import BaseModel, v1 as pydantic_v1

from langchain_tuned_gemini import (
    AllModelsFailedError,
    CircuitState,
    FallbackChatModel,
    ParameterError,
    ValidJSON,
)
from langchain_tuned_gemini.emulator import Emulator, FunctionCall, ModelAnswer
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, Deployed


class City(BaseModel):
    """A city."""

    name: str
    inhabitants: int


class CityDict(TypedDict):
    """A city."""

    name: str
    inhabitants: int


JSON_SCHEMA = {
    "title": "City",
    "description": "A city.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["name", "inhabitants"],
}
OSLO = {"name": "Oslo", "inhabitants": 717_710}
FUNCTION = {
    "name": "City",
    "description": "A city.",
    "parameters": {key: JSON_SCHEMA[key] for key in ("type", "properties", "required")},
}
SCHEMAS = pytest.mark.parametrize(
    "schema",
    [City, CityDict, JSON_SCHEMA, FUNCTION, {"type": "function", "function": FUNCTION}],
    ids=["pydantic", "typeddict", "json", "function", "tool"],
)

FITTING = json.dumps(OSLO)
DEEP = '{"name":' * 2_000 + "1" + "}" * 2_000
MISFITS = {
    "prose": "Oslo has 717,710 inhabitants.",
    "a-key-is-missing": '{"name": "Oslo"}',
    "a-value-is-wrong": '{"name": "Oslo", "inhabitants": "many"}',
    "cut-off": '{"name": "Oslo", "inhab',
    "cut-off-in-a-number": '{"name": "Oslo", "inhabitants": 7177',
    "cut-off-before-its-brace": '```json\n{"name": "Oslo", "inhabitants": 717710',
    "too-deep": DEEP,
    "null": "null",
}
misfits = pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS)
CALL = AIMessage("", tool_calls=[{"name": "City", "args": OSLO, "id": "1"}])
MISCALL = AIMessage("", tool_calls=[{"name": "City", "args": {"name": "Oslo"}, "id": "1"}])

Ask = Callable[[Any], Any]


def invoke(chain: Any) -> Any:
    return chain.invoke("Tell me about Oslo")


def ainvoke(chain: Any) -> Any:
    return asyncio.run(chain.ainvoke("Tell me about Oslo"))


def stream(chain: Any) -> Any:
    return list(chain.stream("Tell me about Oslo"))[-1]


def astream(chain: Any) -> Any:
    async def collect() -> list[Any]:
        return [part async for part in chain.astream("Tell me about Oslo")]

    return asyncio.run(collect())[-1]


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


def add_up(parts: Iterator[Any]) -> Any:
    """What a map streams, each key for itself."""
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total[key] + value if key == "raw" and key in total else value
    return total


def as_dict(answer: Any) -> Any:
    return answer.model_dump() if isinstance(answer, BaseModel) else answer


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as gemini:
        yield gemini


def robust(gemini: Emulator, platform: str, said: str, **settings: Any) -> FallbackChatModel:
    """A model that was tuned to say this, and a base that is shown what it should have learnt."""
    tuned = Deployed.add(gemini, platform, [("Tell me about Oslo", said)]).chat()
    shown = [("Tell me about Oslo", FITTING)]
    return tuned.with_few_shot_fallback(BASE, examples=shown, **settings)


@SCHEMAS
@every_way
def test_a_tuned_model_that_was_tuned_to_it_answers_in_the_schema(
    ask: Ask, schema: Any, emulator: Emulator, platform: str
) -> None:
    chain = robust(emulator, platform, FITTING).with_structured_output(schema)

    assert as_dict(ask(chain)) == OSLO


@SCHEMAS
@misfits
@every_way
def test_an_answer_that_does_not_fit_is_given_by_the_base_model_instead(
    ask: Ask, misfit: str, schema: Any, emulator: Emulator
) -> None:
    told: list[dict[str, Any]] = []
    model = robust(emulator, "developer", misfit, on_fallback=told.append)

    answer = ask(model.with_structured_output(schema))

    assert as_dict(answer) == OSLO
    (provenance,) = told
    assert provenance["answered_by"] == "base_fallback"
    assert provenance["reason"] == "bad_output"
    assert provenance["attempts"][0]["error_type"] == "AnswerRefusedError"
    assert provenance["attempts"][0]["outcome"] == "rejected"


class OldCity(pydantic_v1.BaseModel):
    """A city, written for pydantic 1."""

    name: str
    inhabitants: int


def test_a_class_of_pydantic_1_is_a_schema_as_well(emulator: Emulator) -> None:
    chain = robust(emulator, "developer", FITTING).with_structured_output(OldCity)

    assert chain.invoke("Tell me about Oslo") == OldCity(**OSLO)
    with emulator.script(MISFITS["cut-off-in-a-number"], model="tunedModels/next-number"):
        assert chain.invoke("Tell me about Oslo") == OldCity(**OSLO)


METHODS = ["text", "json_schema", "json_mode", "function_calling"]


@every_way
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")  # google-genai 2.34's
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("word", ["A_NEW_WORD", "MALFORMED_RESPONSE", "RECITATION"])
def test_what_ended_badly_is_no_answer_of_a_tuned_model_alone(
    word: str, method: Any, ask: Ask, emulator: Emulator
) -> None:
    tuned = Deployed.add(emulator, "developer", [("Tell me about Oslo", FITTING)]).chat()
    chain = tuned.with_structured_output(City, method=method)

    with (
        emulator.fault(finish_reason=word),
        pytest.raises(OutputParserException, match=f"it ended with {word}"),
    ):
        ask(chain)


CUT_OFF = {
    "text": ModelAnswer(text='{"name": "Oslo", "inhabitants": 7177', finish_reason="MAX_TOKENS"),
    "call": ModelAnswer(
        calls=[FunctionCall("City", {**OSLO, "inhabitants": 7177})], finish_reason="MAX_TOKENS"
    ),
    "no closing brace": ModelAnswer(text='{"name": "Oslo", "inhabitants": 717710'),
}
cut_off = pytest.mark.parametrize("said", CUT_OFF.values(), ids=CUT_OFF)


@SCHEMAS
@pytest.mark.parametrize("ask", [invoke, astream])
@cut_off
@pytest.mark.parametrize("method", METHODS)
def test_a_record_that_was_cut_off_is_no_answer_though_the_last_model_gave_it(
    method: str, said: ModelAnswer, ask: Ask, schema: Any, emulator: Emulator
) -> None:
    tuned = Deployed.add(emulator, "developer", [("1", "2")]).chat()
    robust = FallbackChatModel(models=[tuned])
    alone = tuned.with_structured_output(schema, method=method)
    last = robust.with_structured_output(schema, method=method)

    with emulator.script(said):
        with pytest.raises(OutputParserException, match="max_output_tokens") as raised:
            ask(alone)
        with pytest.raises(AllModelsFailedError, match="bad_output"):
            ask(last)

    assert raised.value.llm_output == said.text
    assert "Oslo" not in str(raised.value)


@cut_off
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_with_include_raw_a_record_that_was_cut_off_is_told_beside_the_message(
    is_streamed: bool, method: str, said: ModelAnswer, emulator: Emulator
) -> None:
    tuned = Deployed.add(emulator, "developer", [("1", "2")]).chat()

    for model in (tuned, FallbackChatModel(models=[tuned])):
        chain: Any = model.with_structured_output(City, include_raw=True, method=method)
        with emulator.script(said):
            answer = add_up(chain.stream("Oslo")) if is_streamed else chain.invoke("Oslo")

        assert (answer["raw"].text, answer["parsed"]) == (said.text, None)
        assert isinstance(answer["parsing_error"], OutputParserException)


def test_a_stream_shows_parts_of_an_object_and_judges_its_end(emulator: Emulator) -> None:
    chain = Deployed.add(emulator, "developer", [("1", "2")]).chat().with_structured_output(City)
    whole: list[Any] = []
    cut: list[Any] = []

    with emulator.script(FITTING.replace("Oslo", "Oslo, the capital of Norway")):
        whole.extend(chain.stream("Oslo"))
    with (
        emulator.script(CUT_OFF["text"]),
        pytest.raises(OutputParserException, match="cut off"),
    ):
        cut.extend(chain.stream("Oslo"))

    assert whole[-1].inhabitants == OSLO["inhabitants"]
    assert cut  # what was there, until it was known that more was to come


@every_way
def test_a_whole_object_is_an_answer_though_more_was_to_follow(
    ask: Ask, emulator: Emulator
) -> None:
    tuned = Deployed.add(emulator, "developer", [("1", "2")]).chat()
    said = ModelAnswer(text=f"```json\n{FITTING}\n```\nOslo is", finish_reason="MAX_TOKENS")

    with emulator.script(said):
        assert ask(tuned.with_structured_output(City)) == City(**OSLO)


@every_way
def test_a_number_may_be_a_part_of_one(ask: Ask, emulator: Emulator) -> None:
    """Objects and lists say where they end; at the token limit a number does not."""
    tuned = Deployed.add(emulator, "developer", [("1", "2")]).chat()
    chain = tuned.with_structured_output({"title": "Inhabitants", "type": "integer"})

    with emulator.script("717710"):
        assert ask(chain) == 717_710
    with (
        emulator.script(ModelAnswer(text="7177", finish_reason="MAX_TOKENS")),
        pytest.raises(OutputParserException, match="cut off"),
    ):
        ask(chain)


def test_a_tool_call_that_was_cut_off_is_made_anew_by_the_base_model(emulator: Emulator) -> None:
    model = robust(emulator, "developer", FITTING).bind_tools([City])

    with (
        emulator.script(FunctionCall("City", OSLO)),
        emulator.script(CUT_OFF["call"], model="tunedModels/next-number"),
    ):
        whole = model.invoke("Oslo")
        *_, streamed = (chunk for chunk in model.stream("Oslo") if chunk.tool_calls)

    assert [call["args"] for call in (*whole.tool_calls, *streamed.tool_calls)] == [OSLO, OSLO]


@pytest.mark.parametrize("schema", [CityDict, JSON_SCHEMA], ids=["typeddict", "json"])
def test_what_is_given_out_as_it_is_must_be_of_the_right_type(
    schema: Any, emulator: Emulator
) -> None:
    """Pydantic's classes make a number of it; nobody does that here."""
    quoted = '{"name": "Oslo", "inhabitants": "717710"}'
    model = robust(emulator, "developer", quoted)

    assert model.with_structured_output(schema).invoke("Tell me about Oslo") == OSLO
    assert model.with_structured_output(City).invoke("Tell me about Oslo") == City(**OSLO)
    asked = [r.model for r in emulator.requests if r.path.endswith("generateContent")]
    assert len(asked) == 3


@pytest.mark.parametrize("misfit", ['"Oslo"', '{"name": "Oslo"}'])
def test_without_the_extra_a_json_schema_is_checked_at_a_glance(
    misfit: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    chain = robust(emulator, "developer", misfit).with_structured_output(JSON_SCHEMA)

    assert chain.invoke("Tell me about Oslo") == OSLO


@pytest.mark.parametrize("is_guarded", [False, True])
def test_the_circuit_hears_of_misfits_only_from_a_guard(
    is_guarded: bool, emulator: Emulator
) -> None:
    """A model that was tuned to something else must not be shut off for it."""
    guards = [ValidJSON(City)] if is_guarded else []
    model = robust(emulator, "developer", "no JSON", guards=guards)
    chain = model.with_structured_output(City)

    for _ in range(6):
        assert chain.invoke("Tell me about Oslo") == City(**OSLO)

    assert model.circuit is not None
    assert model.circuit.state is (CircuitState.OPEN if is_guarded else CircuitState.CLOSED)


def test_each_model_is_asked_in_its_own_way(emulator: Emulator, platform: str) -> None:
    """Controlled generation makes tuned models worse; a base model is better with it."""
    chain = robust(emulator, platform, "no JSON").with_structured_output(City)

    chain.invoke("Tell me about Oslo")

    tuned, base = [r.body for r in emulator.requests if r.path.endswith("generateContent")]
    assert "responseMimeType" not in tuned.get("generationConfig", {})
    assert base["generationConfig"]["responseMimeType"] == "application/json"
    assert base["generationConfig"]["responseJsonSchema"]["required"] == ["name", "inhabitants"]


@every_way
@pytest.mark.parametrize("first", [TimeoutError(), MISCALL, "no call", AIMessage("")], ids=repr)
def test_a_model_that_answers_by_a_tool_call_is_read(ask: Ask, first: Any) -> None:
    models = [ScriptedChatModel(answers=[first]), ScriptedChatModel(answers=[CALL])]

    assert ask(FallbackChatModel(models=models).with_structured_output(City)) == City(**OSLO)
    for model in models:
        assert model.calls[0]["tools"][0]["function"]["name"] == "City"
        assert model.calls[0]["tool_choice"] == "any"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_with_include_raw_the_message_says_who_answered_and_why(
    is_streamed: bool, emulator: Emulator
) -> None:
    chain = robust(emulator, "developer", "no JSON").with_structured_output(City, include_raw=True)

    if is_streamed:
        answer = add_up(chain.stream("Tell me about Oslo"))
    else:
        answer = chain.invoke("Tell me about Oslo")

    assert answer["parsed"] == City(**OSLO)
    assert answer["parsing_error"] is None
    said = answer["raw"].response_metadata["tuned_gemini"]
    assert (said["answered_by"], said["reason"]) == ("base_fallback", "bad_output")


def scripted(*answers: Any) -> FallbackChatModel:
    return FallbackChatModel(models=[ScriptedChatModel(answers=[answer]) for answer in answers])


@every_way
def test_when_no_answer_fits_the_error_says_so_of_each(ask: Ask) -> None:
    with pytest.raises(AllModelsFailedError, match="bad_output") as raised:
        ask(scripted(MISCALL, "prose").with_structured_output(City))

    told = [str(error) for error in raised.value.exceptions]
    assert all("it can't be read as City" in text for text in told)
    assert "Oslo" not in str(told)  # answers are not logged


def test_with_include_raw_an_answer_that_no_model_could_make_fit_is_told_as_langchain_does() -> (
    None
):
    answer = (
        scripted(MISCALL, "prose").with_structured_output(City, include_raw=True).invoke("Oslo")
    )

    assert answer["raw"].text == "prose"
    assert answer["parsed"] is None
    assert isinstance(answer["parsing_error"], ValueError)
    assert answer["raw"].response_metadata["tuned_gemini"]["reason"] == "bad_output"


def test_on_a_stream_nothing_is_handed_out_of_an_answer_that_does_not_fit(
    emulator: Emulator,
) -> None:
    chain = robust(emulator, "developer", '{"name": "Bergen"}').with_structured_output(CityDict)

    parts = list(chain.stream("Tell me about Oslo"))

    assert parts[-1] == OSLO
    assert not [part for part in parts if part.get("name", "").startswith("B")]


def test_a_fallback_within_a_fallback_and_a_wrapper_around_it_answer_in_a_schema() -> None:
    from langchain_tuned_gemini import WrapperChatModel

    inner = scripted("prose", CALL)
    outer = FallbackChatModel(models=[inner, ScriptedChatModel(answers=["never asked"])])

    for model in (outer, WrapperChatModel(wrapped=inner)):
        assert model.with_structured_output(City).invoke("Oslo") == City(**OSLO)


def test_what_is_no_schema_is_refused_before_any_call() -> None:
    with pytest.raises(ParameterError, match="'City' is no schema"):
        scripted(CALL).with_structured_output("City")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no JSON Schema"):
        scripted(CALL).with_structured_output({**JSON_SCHEMA, "type": "a city"})


def test_a_model_that_can_not_be_asked_for_a_schema_here_is_named() -> None:
    class Odd(ScriptedChatModel):
        def with_structured_output(self, schema: Any, **kwargs: Any) -> Any:
            return (lambda question: question) | super().with_structured_output(schema, **kwargs)

    with pytest.raises(ParameterError, match=r"Odd\.with_structured_output"):
        FallbackChatModel(models=[Odd(answers=[CALL])]).with_structured_output(City)


def test_the_method_of_the_models_can_be_chosen(emulator: Emulator) -> None:
    chain = robust(emulator, "developer", FITTING).with_structured_output(
        City, method="json_schema"
    )

    assert chain.invoke("Tell me about Oslo") == City(**OSLO)
    (asked,) = [r.body for r in emulator.requests if r.path.endswith("generateContent")]
    assert asked["generationConfig"]["responseMimeType"] == "application/json"


def test_a_trace_shows_the_schema(emulator: Emulator) -> None:
    shown: list[Any] = []

    from langchain_core.callbacks import BaseCallbackHandler

    class Listener(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            shown.append(kwargs["options"]["ls_structured_output_format"])

    chain = robust(emulator, "developer", FITTING).with_structured_output(City)
    chain.invoke("Tell me about Oslo", {"callbacks": [Listener()]})

    assert [told["schema"]["title"] for told in shown] == ["City"]


def test_the_same_chain_serves_the_parser_of_langchain(emulator: Emulator) -> None:
    """The plain way, without a schema in the call: then a misfit is the parser's to tell."""
    chain = robust(emulator, "developer", FITTING) | PydanticOutputParser(pydantic_object=City)

    assert chain.invoke("Tell me about Oslo") == City(**OSLO)
