"""google-genai, unmodified: its own function calling, parsed answers and chats, in both modes."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

from langchain_tuned_gemini.emulator import FunctionCall
from tests.integration_tests.emulator.model.conftest import Service

MODELS = ["gemini-2.5-flash", "gemini-3.5-flash"]


def get_weather(city: str, days: int) -> str:
    """Tells the weather."""
    return f"It rains in {city} for {days} days."


class Person(BaseModel):
    name: str
    age: int


class Animal(Enum):
    CAT = "cat"
    DOG = "dog"


@pytest.fixture
def client(service: Service) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=service.gemini.base_url)
    if service.is_vertex:
        client = genai.Client(
            vertexai=True,
            project="acme",
            location="us-central1",
            credentials=Credentials("t"),
            http_options=options,
        )
    else:
        client = genai.Client(api_key="k", vertexai=False, http_options=options)
    yield client
    client.close()


@pytest.mark.parametrize("name", MODELS)
def test_it_calls_a_python_function_and_tells_its_result(client: genai.Client, name: str) -> None:
    config = types.GenerateContentConfig(tools=[get_weather])

    answer = client.models.generate_content(
        model=name, contents="What is the weather in Oslo for 3 days?", config=config
    )

    assert answer.text == "It rains in Oslo for 3 days."
    assert len(answer.automatic_function_calling_history or []) == 3


@pytest.mark.parametrize("name", MODELS)
def test_a_chat_goes_on_after_function_calls(
    client: genai.Client, service: Service, name: str
) -> None:
    config = types.GenerateContentConfig(tools=[get_weather])
    chat = client.chats.create(model=name, config=config)
    calls = [FunctionCall("get_weather", {"city": c, "days": 1}) for c in ("Oslo", "Rome")]

    with service.gemini.script(calls, "Rain in both.", "Goodbye."):
        said = [chat.send_message(text).text for text in ("Oslo and Rome?", "Thanks, bye.")]

    assert said == ["Rain in both.", "Goodbye."]
    assert [content.role for content in chat.get_history()] == ["user", "model"] * 3


@pytest.mark.parametrize("name", MODELS)
def test_a_stream_calls_a_function(client: genai.Client, name: str) -> None:
    config = types.GenerateContentConfig(tools=[get_weather])

    chunks = client.models.generate_content_stream(
        model=name, contents="The weather in Oslo for 3 days?", config=config
    )

    texts = [
        part.text
        for chunk in chunks
        for candidate in chunk.candidates or []
        for part in (candidate.content and candidate.content.parts) or []
        if part.text
    ]
    assert "".join(texts) == "It rains in Oslo for 3 days."


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_parsed(client: genai.Client, name: str) -> None:
    def parsed(question: str, schema: object) -> object:
        config = types.GenerateContentConfig(
            response_mime_type="text/x.enum" if schema is Animal else "application/json",
            response_schema=schema,  # type: ignore[arg-type] # any type will do
        )
        return client.models.generate_content(model=name, contents=question, config=config).parsed

    assert parsed("This is Ada Lovelace, 36.", Person) == Person(name="Ada Lovelace", age=36)
    assert parsed("This is Ada Lovelace, 36.", list[Person]) == [
        Person(name="Ada Lovelace", age=36)
    ]
    assert parsed("Is that a dog?", Animal) is Animal.DOG
