"""Retrieval: the context, the history and the examples go together, whoever answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableBranch, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import BaseModel

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, TUNED
from tests.states import in_both_states, state

LIBRARY = {
    "opening": "The library is open from 9 to 18.",
    "fines": "A day late costs 20 cents.",
    "cards": "A card costs 10 euros a year.",
}
EXAMPLES = [(f"Answer question {n} briefly.", f"Brief answer {n}.") for n in range(30)]


class Keywords(BaseRetriever):
    """Finds the documents that have a word of the question in their name or their text."""

    seen: list[str] = []  # noqa: RUF012  # pydantic copies it

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.seen.append(query)
        words = query.lower().strip("?").split()
        return [
            Document(text, id=name, metadata={"source": name})
            for name, text in LIBRARY.items()
            if any(len(word) > 3 and word in f"{name} {text}".lower() for word in words)
        ]


class Down(BaseRetriever):
    """A vector store that can't be reached."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        raise ConnectionError("the vector store is down")


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=EXAMPLES)
        yield emulator


@pytest.fixture
def robust(gemini: Emulator) -> FallbackChatModel:
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=gemini.base_url)
    return tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, k=4)


def as_text(documents: list[Document]) -> str:
    return "\n".join(
        f"[{document.metadata['source']}] {document.page_content}" for document in documents
    )


PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from this context, and name its source.\n{context}"),
        MessagesPlaceholder("history", optional=True),
        ("human", "{question}"),
    ]
)


def chain_of(retriever: Runnable[Any, Any], model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    return (
        RunnablePassthrough.assign(context=itemgetter("question") | retriever | as_text)
        | PROMPT
        | model
    )


def asked_of_models(gemini: Emulator) -> list[Any]:
    return [r.body for r in gemini.requests if r.path.endswith("Content")]


@in_both_states
def test_context_and_examples_reach_the_model_together(
    is_down: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    chain = chain_of(Keywords(), robust) | StrOutputParser()

    with state(gemini, is_down=is_down), gemini.script("20 cents [fines]"):
        answer = chain.invoke({"question": "What does a late book cost?"})

    assert answer == "20 cents [fines]"
    last = asked_of_models(gemini)[-1]
    told = last["systemInstruction"]["parts"][0]["text"]
    assert told.startswith("Answer from this context")
    assert "[fines] A day late costs 20 cents." in told
    assert len(last["contents"]) == (9 if is_down else 1)  # four examples, and the question
    assert last["contents"][-1]["parts"][0]["text"] == "What does a late book cost?"


def test_the_examples_are_selected_by_the_question_and_not_by_the_context(
    robust: FallbackChatModel, gemini: Emulator
) -> None:
    misleading = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    misleading.add_documents([Document("Answer question 3 briefly.", metadata={"source": "a"})])

    with gemini.fault(model=TUNED, status=503):
        chain_of(misleading.as_retriever(), robust).invoke(
            {"question": "Answer question 27 briefly."}
        )

    turns = [turn["parts"][0]["text"] for turn in asked_of_models(gemini)[-1]["contents"]]
    assert "Answer question 27 briefly." in turns[:-1]


@in_both_states
async def test_a_question_is_made_whole_by_its_history_before_retrieval(
    is_down: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    retriever = Keywords()
    rephrase = (
        ChatPromptTemplate.from_messages(
            [MessagesPlaceholder("history"), ("human", "Make whole: {question}")]
        )
        | robust
        | StrOutputParser()
    )
    whole: Any = RunnablePassthrough.assign(
        question=RunnableBranch((itemgetter("history"), rephrase), itemgetter("question"))
    )
    chain = whole | chain_of(retriever, robust) | StrOutputParser()
    history = [HumanMessage("When is it open?"), AIMessage("From 9 to 18.")]

    with (
        state(gemini, is_down=is_down),
        gemini.script("What does a card cost?", when="Make whole"),
        gemini.script("10 euros [cards]", when=re.compile(r"^What does a card cost")),
    ):
        asked: Any = {"question": "And a card?", "history": history}
        answers = [chain.invoke(asked), await chain.ainvoke(asked)]

    assert answers == ["10 euros [cards]"] * 2
    assert retriever.seen == ["What does a card cost?"] * 2
    answered = asked_of_models(gemini)[-1]
    assert "[cards] A card costs 10 euros a year." in str(answered["systemInstruction"])
    turns = [turn["parts"][0]["text"] for turn in answered["contents"]]
    assert turns[-3:] == ["When is it open?", "From 9 to 18.", "What does a card cost?"]


class Cited(BaseModel):
    """An answer, and the documents that it is taken from."""

    answer: str
    sources: list[str]


@in_both_states
def test_citations_come_from_whichever_model_gives_them_in_the_schema(
    is_down: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    cited = {"answer": "20 cents a day", "sources": ["fines"]}
    chain = chain_of(Keywords(), robust.with_structured_output(Cited))

    with state(gemini, is_down=is_down), gemini.script(cited):
        answer = chain.invoke({"question": "What does a late book cost?"})

    assert answer == Cited(**cited)
    assert set(answer.sources) <= LIBRARY.keys()


def test_citations_that_are_missing_are_a_reason_to_fall_back(
    robust: FallbackChatModel, gemini: Emulator
) -> None:
    cited = {"answer": "20 cents a day", "sources": ["fines"]}
    chain = chain_of(Keywords(), robust.with_structured_output(Cited, include_raw=True))

    with (
        gemini.script({"answer": "20 cents a day"}, model=TUNED),
        gemini.script(cited, model=f"models/{BASE}"),
    ):
        answer = chain.invoke({"question": "What does a late book cost?"})

    assert answer["parsed"] == Cited(**cited)
    assert answer["raw"].response_metadata["tuned_gemini"]["reason"] == "bad_output"


def invoke(chain: Any, question: Any) -> Any:
    return chain.invoke(question)


def ainvoke(chain: Any, question: Any) -> Any:
    return asyncio.run(chain.ainvoke(question))


def stream(chain: Any, question: Any) -> Any:
    return list(chain.stream(question))


@pytest.mark.parametrize("ask", [invoke, ainvoke, stream])
def test_a_failure_of_the_retriever_is_the_chains_and_no_model_is_asked(
    ask: Callable[..., Any], robust: FallbackChatModel, gemini: Emulator
) -> None:
    with pytest.raises(ConnectionError, match="the vector store is down"):
        ask(chain_of(Down(), robust), {"question": "What does a late book cost?"})

    assert asked_of_models(gemini) == []
    assert robust.circuit is not None
    assert robust.circuit.view().state == "closed"


@in_both_states
def test_sources_are_handed_out_beside_the_streamed_answer(
    is_down: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    retrieved: Any = RunnablePassthrough.assign(documents=itemgetter("question") | Keywords())
    answered: Any = (
        RunnablePassthrough.assign(context=lambda given: as_text(given["documents"]))
        | PROMPT
        | robust
        | StrOutputParser()
    )
    chain = retrieved | RunnablePassthrough.assign(answer=answered)

    with state(gemini, is_down=is_down), gemini.script("20 cents a day"):
        parts = list(chain.stream({"question": "What does a late book cost?"}))

    assert "".join(part.get("answer", "") for part in parts) == "20 cents a day"
    (documents,) = [part["documents"] for part in parts if "documents" in part]
    assert "fines" in {document.metadata["source"] for document in documents}
