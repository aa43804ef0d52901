"""Functions that a request declares: when they are called, with what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration_tests.emulator.model.conftest import Service, model, user

Json = dict[str, Any]


def declared(name: str, **properties: Json) -> Json:
    schema = {"type": "OBJECT", "properties": properties, "required": list(properties)}
    return {"name": name, "description": "...", "parameters": schema}


WEATHER = declared("get_weather", city={"type": "STRING"})
TIME = declared("getTime", city={"type": "STRING"})
ADD = declared("add", a={"type": "INTEGER"}, b={"type": "NUMBER"})
TOOLS = [{"functionDeclarations": [WEATHER, TIME]}, {"functionDeclarations": [ADD]}]
ASKED = "What is the weather in San Francisco, CA?"


def mode(name: str, *allowed: str) -> Json:
    config: Json = {"mode": name}
    return {
        "functionCallingConfig": config
        | ({"allowedFunctionNames": list(allowed)} if allowed else {})
    }


def call(name: str, *, signed: bool = False, **args: Any) -> Json:
    return {"functionCall": {"name": name, "args": args}} | (
        {"thoughtSignature": "c2lnbmVk"} if signed else {}
    )


def response(name: str, **told: Any) -> Json:
    return {"functionResponse": {"name": name, "response": told}}


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        (ASKED, [("get_weather", {"city": "San Francisco, CA"})]),
        ("Is the weatherman right about Oslo?", [("get_weather", {"city": "Oslo"})]),
        (
            "Tell me the weather and the time in Oslo.",
            [("get_weather", {"city": "Oslo"}), ("getTime", {"city": "Oslo"})],
        ),
        ("How are you?", []),
        ("Do you get it?", []),
    ],
)
def test_a_function_is_called_where_the_question_names_it(
    service: Service, question: str, calls: list[Any]
) -> None:
    for who in (service.old, service.new, service.tuned):
        parts = service.parts(question, model=who, tools=TOOLS)

        assert [
            (p["functionCall"]["name"], p["functionCall"]["args"])
            for p in parts
            if "functionCall" in p
        ] == calls


def test_of_functions_that_share_a_word_the_better_named_one_is_called(service: Service) -> None:
    tools = [{"functionDeclarations": [declared("search_orders"), declared("search_products")]}]

    for question, called in (
        ("Search the products!", ["search_products"]),
        ("Search!", ["search_orders", "search_products"]),
        ("Do search_orders for products.", ["search_orders"]),
    ):
        calls = service.calls(question, model=service.old, tools=tools)
        assert [name for name, _ in calls] == called


@pytest.mark.parametrize(
    ("config", "called"),
    [
        (mode("ANY"), ["get_weather"]),
        (mode("ANY", "add", "getTime"), ["getTime"]),
        (mode("AUTO"), []),
        (mode("VALIDATED"), []),
        (mode("NONE"), []),
        ({}, []),
    ],
)
def test_a_question_that_names_none_is_answered_by_the_mode(
    service: Service, config: Json, called: list[str]
) -> None:
    calls = service.calls("Hello!", model=service.old, tools=TOOLS, toolConfig=config)

    assert [name for name, _ in calls] == called


def test_none_means_that_nothing_is_called(service: Service) -> None:
    config = mode("NONE")

    assert service.calls(ASKED, model=service.old, tools=TOOLS, toolConfig=config) == []


def test_who_must_call_takes_the_one_that_the_question_names(service: Service) -> None:
    calls = service.calls(
        "Please add 17 and 4.5", model=service.tuned, tools=TOOLS, toolConfig=mode("ANY")
    )

    assert calls == [("add", {"a": 17, "b": 4.5})]


def test_what_a_function_returned_is_told(service: Service) -> None:
    turns = (ASKED, model(call("get_weather", signed=True, city="Oslo")))

    for told, text in (
        ({"output": "It rains."}, "It rains."),
        ({"result": {"sky": "grey"}}, '{"sky": "grey"}'),
        ({"sky": "grey"}, '{"sky": "grey"}'),
    ):
        answered = user(response("get_weather", **told))
        for who in (service.old, service.tuned):
            assert service.text(*turns, answered, model=who, tools=TOOLS) == text


def test_who_must_call_goes_on_to_a_function_that_was_not_called(service: Service) -> None:
    turns: list[Any] = [ASKED]
    called = []
    for _ in range(4):
        parts = service.parts(*turns, model=service.old, tools=TOOLS, toolConfig=mode("ANY"))
        name = parts[0]["functionCall"]["name"]
        called.append(name)
        turns += [model(*parts), user(response(name, output="done"))]

    assert called == ["get_weather", "getTime", "add", "get_weather"]


def test_a_json_schema_describes_arguments(service: Service) -> None:
    schema = {
        "type": "object",
        "properties": {"who": {"$ref": "#/$defs/Person"}, "note": {"type": "string"}},
        "required": ["who"],
        "$defs": {
            "Person": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "age": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
                    "sex": {"enum": ["male", "female"]},
                },
                "required": ["name", "age", "sex"],
            }
        },
    }
    tools = [{"functionDeclarations": [{"name": "enrol", "parametersJsonSchema": schema}]}]

    calls = service.calls(
        "Enrol 'Ada Lovelace', female, 36.", model=service.old, tools=tools, toolConfig=mode("ANY")
    )

    assert calls == [("enrol", {"who": {"name": "Ada Lovelace", "age": 36, "sex": "female"}})]


def test_a_function_without_parameters_is_called_without_arguments(service: Service) -> None:
    tools = [{"functionDeclarations": [{"name": "ping"}]}]

    assert service.calls("ping", model=service.old, tools=tools) == [("ping", {})]


def test_gemini_3_gives_ids_and_one_signature(service: Service) -> None:
    question = "The weather and the time in Oslo?"

    new = service.parts(question, model=service.new, tools=TOOLS)
    old = service.parts(question, model=service.old, tools=TOOLS)

    assert len({part["functionCall"]["id"] for part in new}) == 2
    assert ["thoughtSignature" in part for part in new] == [True, False]
    assert not any("id" in part["functionCall"] or "thoughtSignature" in part for part in old)


def test_a_turn_of_calls_ends_with_stop_and_is_counted(service: Service) -> None:
    answer = service.answer(ASKED, model=service.old, tools=TOOLS)

    (candidate,) = answer["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert candidate.get("finishMessage") == (
        None if service.is_vertex else "Model generated function call(s)."
    )
    assert answer["usageMetadata"]["candidatesTokenCount"] == 8  # {"city": "San Francisco, CA"}


def test_calls_arrive_in_a_stream_one_by_one_and_whole(service: Service) -> None:
    question = "The weather and the time in Oslo?"

    old = service.chunks(question, model=service.old, tools=TOOLS)
    new = service.chunks(question, model=service.new, tools=TOOLS)

    def parts(chunks: list[Json]) -> list[Json]:
        return [part for c in chunks for part in c["candidates"][0]["content"]["parts"]]

    assert [part["functionCall"]["name"] for part in parts(old)] == ["get_weather", "getTime"]
    assert parts(new)[-1] == {"text": ""}
    assert len(parts(new)) == 3
    for chunks in (old, new):
        ended = ["finishReason" in chunk["candidates"][0] for chunk in chunks]
        assert ended == [False] * (len(chunks) - 1) + [True]


CALLED = model(call("get_weather", city="Oslo"), call("getTime", city="Oslo"))
TOLD = user(response("get_weather", output="rain"), response("getTime", output="noon"))


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ((ASKED, CALLED, user(response("get_weather", output="rain"))), "number of function"),
        ((ASKED, CALLED, "And now?"), "number of function response parts"),
        ((ASKED, CALLED), "number of function response parts"),
        ((ASKED, TOLD), "response turn comes immediately after a function call turn"),
        ((CALLED, TOLD), "call turn comes immediately after a user turn"),
        ((ASKED, CALLED, TOLD, TOLD), "number of function response parts"),
    ],
)
def test_calls_and_responses_that_do_not_match_are_refused(
    service: Service, turns: tuple[Any, ...], words: str
) -> None:
    for who in (service.old, service.tuned):
        assert words in service.refusal(*turns, model=who, tools=TOOLS)


def test_turns_of_one_role_count_as_one(service: Service) -> None:
    """As google-genai sends what it got in a stream."""
    first, second = call("get_weather", signed=True, city="Oslo"), call("getTime", city="Oslo")
    said = (model({"text": "Well"}), model(first), model(second), model({"text": ""}))
    told = (user(response("get_weather", output="rain")), user(response("getTime", output="noon")))

    for who in (service.old, service.new):
        assert service.text(ASKED, *said, *told, model=who, tools=TOOLS) == "noon"


def test_a_call_may_follow_a_response(service: Service) -> None:
    turns = (ASKED, CALLED, TOLD, CALLED, TOLD)

    assert service.text(*turns, model=service.old, tools=TOOLS) == "rain\nnoon"


def test_gemini_3_wants_its_signatures_back(service: Service) -> None:
    unsigned = model(call("get_weather", city="Oslo"))
    signed = model(call("get_weather", signed=True, city="Oslo"))
    told = user(response("get_weather", output="rain"))

    refusal = service.refusal(ASKED, unsigned, told, model=service.new, tools=TOOLS)

    assert "missing a thought_signature" in refusal
    assert "`default_api:get_weather` , position 2" in refusal
    assert service.text(ASKED, signed, told, model=service.new, tools=TOOLS) == "rain"
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}
    shown = user(response("get_weather", output="rain"), picture)
    assert "position 2" in service.refusal(ASKED, unsigned, shown, model=service.new, tools=TOOLS)
    old_turns = (ASKED, unsigned, told, model({"text": "It rains."}), "Thanks!")
    assert service.text(*old_turns, model=service.new, tools=TOOLS)


def test_what_it_answers_it_takes_back(service: Service) -> None:
    for who in (service.old, service.new, service.tuned):
        parts = service.parts(ASKED, model=who, tools=TOOLS)
        told = user(response("get_weather", output="It rains."))

        assert service.text(ASKED, model(*parts), told, model=who, tools=TOOLS) == "It rains."


@pytest.mark.parametrize(
    ("tools", "config", "words"),
    [
        ([{"functionDeclarations": [{"name": "get weather"}]}], {}, "Invalid function name"),
        (TOOLS, mode("ANY", "nothing"), "nothing"),
        (TOOLS, mode("AUTO", "add"), "ANY"),
    ],
)
def test_what_can_not_be_called_is_refused(
    service: Service, tools: list[Any], config: Json, words: str
) -> None:
    assert words in service.refusal("Hi", model=service.old, tools=tools, toolConfig=config)


def test_a_history_of_calls_holds_no_examples(service: Service) -> None:
    turns = (ASKED, CALLED, TOLD, model({"text": "It rains at noon."}), ASKED)

    assert "no examples" in service.text(*turns, model=service.old)


def test_thoughts_in_the_history_are_no_answers(service: Service) -> None:
    thought = model({"text": "Hm.", "thought": True}, {"text": "CATS"})

    assert service.text("How many cats?", thought, "How many cats?", model=service.old) == "CATS"
