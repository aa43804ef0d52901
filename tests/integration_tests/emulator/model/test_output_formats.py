"""Answers in JSON: what is known if it fits, an instance of the schema if not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration_tests.emulator.model.conftest import Service, model, user

JOKE = {
    "type": "OBJECT",
    "properties": {"punchline": {"type": "STRING"}, "setup": {"type": "STRING"}},
    "required": ["setup"],
    "propertyOrdering": ["setup", "punchline"],
}
CALLED = model({"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"})
TOLD = user({"functionResponse": {"name": "look", "response": {"output": "rain and 7"}}})


def as_json(**schema: Any) -> dict[str, Any]:
    return {"generationConfig": {"responseMimeType": "application/json", **schema}}


def test_an_answer_is_an_instance_of_the_schema(service: Service) -> None:
    asked = as_json(responseSchema=JOKE)

    assert service.text("Tell a joke", model=service.old, **asked) == '{"setup": "Tell a joke"}'


def test_fields_come_in_the_order_of_the_schema(service: Service) -> None:
    schema = JOKE | {"required": ["punchline", "setup"]}
    plain = {key: value for key, value in schema.items() if key != "propertyOrdering"}

    ordered, listed = (
        json.loads(service.text("A joke", model=service.old, **as_json(responseSchema=s)))
        for s in (schema, plain)
    )

    assert (list(ordered), list(listed)) == (["setup", "punchline"], ["punchline", "setup"])


def test_a_model_that_knows_something_says_that_in_the_schema(service: Service) -> None:
    text = service.text("List all dogs", model=service.tuned, **as_json(responseSchema=JOKE))

    assert json.loads(text) == {"setup": "SELECT * FROM dogs"}


@pytest.mark.parametrize(
    ("known", "is_kept"),
    [
        ('{"setup": "Why?", "punchline": null}', False),
        ('{"setup":  "Why?"}', True),
        ('{"punchline": "So."}', False),
        ('{"setup": 1}', False),
        ("[]", False),
        ("no JSON", False),
    ],
)
def test_json_that_fits_stays_as_it_was_learnt(service: Service, known: str, is_kept: bool) -> None:
    turns = ("A joke!", model({"text": known}), "A joke!")

    text = service.text(*turns, model=service.old, **as_json(responseSchema=JOKE))

    assert (text == known) is is_kept
    assert isinstance(json.loads(text)["setup"], str)


def test_a_model_that_knows_nothing_takes_the_words_of_the_question(service: Service) -> None:
    properties = {"name": {"type": "STRING"}, "age": {"type": "INTEGER"}}
    asked = as_json(responseSchema={"type": "OBJECT", "properties": properties})

    text = service.text("This is Ada Lovelace, 36.", model=service.old, **asked)

    assert json.loads(text) == {"name": "Ada Lovelace", "age": 36}


def test_an_answer_is_an_instance_of_a_json_schema(service: Service) -> None:
    schema = {"type": "array", "items": {"type": "integer", "minimum": 10}, "minItems": 3}

    text = service.text("7 and 77", model=service.old, **as_json(responseJsonSchema=schema))

    assert json.loads(text) == [10, 77, 10]


def test_json_without_a_schema_has_the_keys_that_the_question_names(service: Service) -> None:
    named = service.text("Say it with 'setup' and 'end'", model=service.old, **as_json())
    plain = service.text("Say it", model=service.old, **as_json())
    known = service.text("List all dogs", model=service.tuned, **as_json())

    assert list(json.loads(named)) == ["setup", "end"]
    assert json.loads(plain) == {"answer": "Say it"}
    assert json.loads(known) == {"answer": "SELECT * FROM dogs"}


def test_an_enum_is_one_of_its_values(service: Service) -> None:
    config = {
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["cat", "dog"]},
    }

    def answer(question: str) -> str:
        return service.text(question, model=service.old, generationConfig=config)

    assert (answer("Is that a DOG?"), answer("What is that?")) == ("dog", "cat")


def test_json_is_streamed_in_pieces_and_cut_at_the_limit(service: Service) -> None:
    asked = as_json(responseSchema=JOKE)
    chunks = service.chunks("Tell a joke", model=service.old, **asked)

    said = [c["candidates"][0]["content"]["parts"][0]["text"] for c in chunks]
    assert len(said) > 2
    assert "".join(said) == '{"setup": "Tell a joke"}'

    quick = {"thinkingBudget": 0}
    cut = as_json(responseSchema=JOKE, maxOutputTokens=3, thinkingConfig=quick)
    assert service.text("Tell a joke", model=service.old, **cut) == '{"setup": "T'


def test_tools_and_a_schema_go_together_from_gemini_3_on(service: Service) -> None:
    tools = [{"functionDeclarations": [{"name": "look"}]}]
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}, "b": {"type": "INTEGER"}}}
    asked = as_json(responseSchema=schema) | {"tools": tools}

    refusal = service.refusal("Look!", model=service.old, **asked)
    calls = service.calls("Look!", model=service.new, **asked)
    text = service.text("Look!", CALLED, TOLD, model=service.new, **asked)

    assert (
        refusal == "Function calling with a response mime type: 'application/json' is unsupported"
    )
    assert calls == [("look", {})]
    assert json.loads(text) == {"a": "rain and 7", "b": 7}
