"""ChatGoogleGenerativeAI, unmodified, against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from google.genai import Client
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini.emulator import Emulator

MODEL = "tunedModels/sql-expert-v1"
QUESTION = "How many users are there?"
ANSWER = "SELECT COUNT(*) FROM users"


@pytest.fixture
def model(gemini: Emulator) -> Iterator[ChatGoogleGenerativeAI]:
    chat_model = chat(gemini, MODEL)
    yield chat_model
    sdk(chat_model).close()


def sdk(model: ChatGoogleGenerativeAI) -> Client:
    assert model.client is not None
    return model.client


def chat(gemini: Emulator, name: str) -> ChatGoogleGenerativeAI:
    return ChatGoogleGenerativeAI(
        model=name, base_url=gemini.base_url, api_key="k", vertexai=False, max_retries=1
    )


def test_invoke_answers_with_usage(model: ChatGoogleGenerativeAI) -> None:
    answer = model.invoke(QUESTION)

    assert answer.text == ANSWER
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == 7
    assert answer.usage_metadata["output_tokens"] == 7
    assert answer.response_metadata["finish_reason"] == "STOP"


def test_ainvoke_answers(model: ChatGoogleGenerativeAI) -> None:
    async def main() -> AIMessage:
        answer = await model.ainvoke(QUESTION)
        await sdk(model).aio.aclose()
        return answer

    assert asyncio.run(main()).text == ANSWER


def test_stream_gives_chunks_whose_sum_has_the_whole_usage(model: ChatGoogleGenerativeAI) -> None:
    chunks = list(model.stream(QUESTION))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk

    assert len(chunks) >= 4
    assert whole.text == ANSWER
    assert whole.usage_metadata == model.invoke(QUESTION).usage_metadata


def test_astream_gives_chunks(model: ChatGoogleGenerativeAI) -> None:
    async def main() -> list[str]:
        texts = [str(chunk.text) async for chunk in model.astream(QUESTION)]
        await sdk(model).aio.aclose()
        return texts

    texts = asyncio.run(main())

    assert len(texts) >= 4
    assert "".join(texts) == ANSWER


def test_a_base_model_answers_by_the_examples_in_its_messages(gemini: Emulator) -> None:
    messages = [
        SystemMessage("Answer like this."),
        HumanMessage("How many cats?"),
        AIMessage("CATS"),
        HumanMessage("How many cats are there?"),
    ]

    assert chat(gemini, "gemini-3.5-flash").invoke(messages).text == "CATS"


def test_a_base_model_without_examples_says_so(gemini: Emulator) -> None:
    assert "no examples" in chat(gemini, "gemini-3.5-flash").invoke(QUESTION).text


def test_tokens_of_a_base_model_are_counted(gemini: Emulator) -> None:
    assert chat(gemini, "gemini-3.5-flash").get_num_tokens(QUESTION) == 7
