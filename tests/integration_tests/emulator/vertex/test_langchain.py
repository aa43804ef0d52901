"""ChatGoogleGenerativeAI in Vertex mode, unmodified, against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.oauth2.credentials import Credentials
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_google_genai.chat_models import (
    GoogleModelNotFoundError,
    GooglePermissionDeniedError,
    GoogleRateLimitError,
)

from tests.discovery import problems_of_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tuned_gemini.emulator import Emulator, VertexModel

QUESTION = "How many users are there?"
ANSWER = "SELECT COUNT(*) FROM users"


@pytest.fixture
def model(gemini: Emulator, tuned: VertexModel) -> Iterator[ChatGoogleGenerativeAI]:
    chat_model = ChatGoogleGenerativeAI(
        model=tuned.endpoint,
        vertexai=True,
        project="acme",
        location="us-central1",
        credentials=Credentials("a-token"),
        base_url=gemini.base_url,
        max_retries=1,
    )
    yield chat_model
    assert chat_model.client is not None
    chat_model.client.close()


def test_invoke_and_stream_answer(model: ChatGoogleGenerativeAI) -> None:
    answer = model.invoke(QUESTION)
    chunks = list(model.stream(QUESTION))

    assert answer.text == "".join(chunk.text for chunk in chunks) == ANSWER
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 7 + 7 + 512  # thoughts
    assert model.get_num_tokens(QUESTION) == 7


def test_every_kind_of_message_is_what_the_documents_describe(
    model: ChatGoogleGenerativeAI, gemini: Emulator
) -> None:
    call = {"name": "look", "args": {"where": "db"}, "id": "1"}
    messages = [
        SystemMessage("Answer in SQL."),
        HumanMessage("Look."),
        AIMessage("", tool_calls=[call]),
        ToolMessage("users", tool_call_id="1", name="look"),
        HumanMessage(QUESTION),
    ]

    assert model.invoke(messages, temperature=0.2, stop=["FROM"]).text == "SELECT COUNT(*) "
    (request,) = gemini.requests
    assert problems_of_request(request.method, request.path, request.body) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, GooglePermissionDeniedError),
        (404, GoogleModelNotFoundError),
        (429, GoogleRateLimitError),
    ],
)
def test_a_refusal_is_langchains_error(
    model: ChatGoogleGenerativeAI, gemini: Emulator, status: int, error: type[Exception]
) -> None:
    gemini.fault(status=status)

    with pytest.raises(error):
        model.invoke(QUESTION)
