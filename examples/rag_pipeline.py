"""Answers from documents: a retriever, a prompt, a tuned model with a fallback, and a parser.

The tuned model has learnt to answer shortly and to name its source. While it can't, the base model
is shown how, with examples for each question, beside the documents that were found for it.

On Google: python examples/rag_pipeline.py tunedModels/... or projects/.../endpoints/...
"""

from __future__ import annotations

from functools import cache
from operator import itemgetter

import bm25s
from _local import DATA, tuned_model
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough

TRAIN = DATA / "rental_questions_train.jsonl"
DOCUMENTS = {
    "prices": "An hour costs 3 euros, with an electric bike 5. The monthly plan is 19 euros.",
    "returning": "Leave the bike at any station, or lock it within 50 metres of a full one.",
    "renting": "One account rents up to four bikes, each for 24 hours at the most.",
    "damage": "Report a damaged bike in the app. Wear and flat tyres are free of charge.",
    "contact": "We are there at all hours; the phone is answered from 7 to 22.",
}
QUESTIONS = ("How much is the monthly plan?", "Do I pay for a flat tyre?")


class Library(BaseRetriever):
    """Finds the documents whose words are most like the question's; yours is a vector store."""

    k: int = 2

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager  # nothing to tell
        asked = bm25s.tokenize([query], show_progress=False)
        found, _ = index().retrieve(asked, corpus=list(DOCUMENTS), k=self.k, show_progress=False)
        return [Document(DOCUMENTS[name], metadata={"source": name}) for name in found[0]]


@cache
def index() -> bm25s.BM25:
    """All documents, indexed once."""
    made = bm25s.BM25()
    words = bm25s.tokenize(list(DOCUMENTS.values()), show_progress=False)
    made.index(words, show_progress=False)
    return made


def as_context(documents: list[Document]) -> str:
    """The documents as the prompt shows them."""
    return "\n".join(f"[{found.metadata['source']}] {found.page_content}" for found in documents)


PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Answer from these documents:\n{context}"), ("human", "{question}")]
)


def main() -> None:
    """Asks the same questions of the tuned model and, as if it were down, of the base model."""
    with tuned_model("tunedModels/rental-expert", TRAIN) as tuned:
        robust = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=TRAIN, k=4)
        context = itemgetter("question") | Library() | as_context
        ask = RunnablePassthrough.assign(context=context) | PROMPT | robust

        for is_down in (False, True):
            if is_down:
                robust.circuit.force_open()
            for question in QUESTIONS:
                message = ask.invoke({"question": question})
                said = message.response_metadata["tuned_gemini"]
                print(f"{question}\n  {StrOutputParser().invoke(message)}")
                print(f"  answered by {said['model']}")
        robust.circuit.reset()


if __name__ == "__main__":
    main()
