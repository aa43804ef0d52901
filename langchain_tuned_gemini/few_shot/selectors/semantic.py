"""Examples whose meaning is like the query's, found with embeddings; lexically in an outage."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Self
from uuid import UUID

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from langchain_tuned_gemini.dataset import (
    Examples,
    TuningDataset,
    TuningExample,
    outputs_are_labels,
)
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot.selectors.lexical import LexicalExampleSelector
from langchain_tuned_gemini.few_shot.selectors.outages import PAUSE, OutageWatch, patience
from langchain_tuned_gemini.few_shot.selectors.selector import (
    DEFAULT_K,
    Choice,
    TuningExampleSelector,
)
from langchain_tuned_gemini.runtime.threads import in_a_thread, in_a_thread_of_its_own
from langchain_tuned_gemini.runtime.visible_text import visible_text

_KEY = "example"
"""Under which name a document's metadata says which example it is."""
_BATCH = 500  # documents added at once
_CANDIDATES = 5
"""How many times as many examples are looked at as are selected, to find one of each label."""


class SemanticExampleSelector(TuningExampleSelector):
    """Selects the examples nearest in meaning, from any LangChain vector store.

    Embeddings come over the network, which is in trouble just when a fallback is needed. So each
    search has `timeout`, and where it fails, a `LexicalExampleSelector` of the same examples
    stands in, for this query and, without asking again, for the next 30 seconds. Which one chose
    is told in an answer's provenance: `"selector": "semantic"` or `"bm25"`. Bugs are raised.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> from langchain_core.vectorstores import InMemoryVectorStore
        >>> selector = SemanticExampleSelector(
        ...     [{"text_input": "1", "output": "2"}, {"text_input": "2", "output": "3"}],
        ...     InMemoryVectorStore(DeterministicFakeEmbedding(size=8)),
        ...     k=1,
        ... )
        >>> selector.select_examples({"text_input": "2"})
        [{'text_input': '2', 'output': '3'}]
    """

    def __init__(
        self,
        examples: Examples,
        vector_store: VectorStore,
        *,
        k: int = DEFAULT_K,
        label_diverse: bool | None = None,
        stand_in: TuningExampleSelector | None = None,
        timeout: float = 2.0,
        pause: float = PAUSE,
        outages: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keeps the examples; `build` or the first query adds them to the store.

        Args:
            examples: A file's path, a `TuningDataset`, or a list of
                `{"text_input", "output"}`.
            vector_store: Any vector store of LangChain, with its embeddings. Examples that it has
                from an earlier time are not embedded again; other documents in it are ignored.
            k: How many are selected, at least 1; all of them if there are fewer.
            label_diverse: Whether to select one example of each label among the nearest before a
                second one of any; by default if the outputs are labels.
            stand_in: Selects while the store can't be used; by default a
                `LexicalExampleSelector`.
            timeout: How long a query waits for the store, in seconds, more than 0, but no longer
                than half of what the deadline of the call leaves. Examples that are still being
                added then go on being added.
            pause: How long the store is left alone after a failure, in seconds.
            outages: Errors of your store, besides those of the network, that are no bugs.
            clock: The time in seconds.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `k` is less than 1, or `timeout` is not more than 0.
        """
        super().__init__(examples, k=k)
        if timeout <= 0:
            raise ParameterError(f"timeout is in seconds, more than 0, not {timeout!r}.")
        diverse = outputs_are_labels(self.dataset) if label_diverse is None else label_diverse
        self.vector_store = vector_store
        self.label_diverse = diverse
        self.stand_in = stand_in or LexicalExampleSelector(self.dataset, k=k, label_diverse=diverse)
        self.timeout = timeout
        self._outages = OutageWatch(
            "The vector store of the examples",
            f"they are selected by {type(self.stand_in).__name__} instead",
            pause=pause,
            kinds=outages,
            clock=clock,
        )
        self._known: dict[str, TuningExample] = {}
        self._missing: list[str] = []
        self._is_part = False
        self._learn_of(self.dataset)
        self._adding = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def build(self) -> None:
        """Adds the examples to the store, however long that takes, and builds the stand-in.

        An outage is told in the log, and a later query tries again.
        """
        self.stand_in.build()
        with self._outages.ended():
            self._add()

    def choose(self, query: str) -> Choice:
        """The examples nearest to a query; the stand-in's if the store can't be used."""
        if not self._outages.is_on:
            with self._outages.ended():
                if self._missing:
                    in_a_thread(self._add).result(patience(self.timeout))
                search = in_a_thread(self._search_for(query))
                return self._chosen(search.result(patience(self.timeout)))
        return replace(self.stand_in.choose(query), outage=self._outages.why)

    async def achoose(self, query: str) -> Choice:
        """Like `choose`, with the store's asynchronous methods."""
        if not self._outages.is_on:
            with self._outages.ended():
                if self._missing:
                    async with asyncio.timeout(patience(self.timeout)):
                        await asyncio.shield(self._aadding())
                async with asyncio.timeout(patience(self.timeout)):
                    return self._chosen(await self._afound(query))
        return replace(await self.stand_in.achoose(query), outage=self._outages.why)

    def _search_for(self, query: str) -> Callable[[], list[Document]]:
        return partial(self.vector_store.similarity_search, query, k=self._looked_at)

    async def _afound(self, query: str) -> list[Document]:
        store = self.vector_store
        if type(store).asimilarity_search is VectorStore.asimilarity_search:
            # LangChain would ask it in a thread that the end of the event loop waits for.
            return await in_a_thread_of_its_own(self._search_for(query))
        return await store.asimilarity_search(query, k=self._looked_at)

    def add_example(self, example: dict[str, str]) -> None:
        """Adds an example; the next query adds it to the store."""
        super().add_example(example)
        self.stand_in.add_example(example)
        self._learn_of([self.dataset[-1]])

    def _of(self, dataset: TuningDataset) -> Self:
        selector = super()._of(dataset)
        is_of_the_same = self.stand_in.dataset is self.dataset
        texts = self.stand_in._of(dataset) if is_of_the_same else self.stand_in.texts
        selector.stand_in, selector._is_part = texts or self.stand_in, True
        selector._known, selector._missing = {}, []
        selector._learn_of(dataset)
        return selector

    def depends_on(self) -> list[object]:
        """What decides which examples it selects, as a `repr` tells it."""
        store = self.vector_store
        kinds = [type(one).__qualname__ for one in (store, store.embeddings)]
        return [*super().depends_on(), self.label_diverse, *kinds, self.stand_in.depends_on()]

    @property
    def _looked_at(self) -> int:
        """How many documents are looked at: some may be of other examples, or of one label."""
        return self.k * (_CANDIDATES if self.label_diverse or self._is_part else 1)

    def _chosen(self, documents: Sequence[Document]) -> Choice:
        ids = (document.metadata.get(_KEY) for document in documents)
        found = [self._known[number] for number in dict.fromkeys(ids) if number in self._known]
        if not found:
            self._missing = list(self._known)
            raise _NothingFoundError
        if self.label_diverse:
            first: dict[str, TuningExample] = {}
            for example in found:
                first.setdefault(visible_text(example.output), example)
            best = list(first.values())
            found = best + [example for example in found if example not in best]
        return Choice(tuple(found[: self.k]), "semantic")

    def _learn_of(self, examples: Iterable[TuningExample]) -> None:
        """Takes in examples that the store may not have."""
        new = {_id_of(example): example for example in examples}
        self._missing += [number for number in new if number not in self._known]
        self._known |= new

    def _add(self) -> None:
        """Adds what the store does not have yet; one thread does."""
        if not self._adding.acquire(blocking=False):
            raise TimeoutError
        try:
            store = self.vector_store
            while numbers := self._missing[:_BATCH]:
                there: Sequence[Document] = ()
                with suppress(NotImplementedError):  # not every store can say
                    there = store.get_by_ids(numbers)
                if new := self._documents(numbers, there):
                    store.add_documents(list(new.values()), ids=list(new))
                self._missing = self._missing[len(numbers) :]
        finally:
            self._adding.release()

    async def _aadd(self) -> None:
        """The same without blocking the event loop; one task does."""
        store = self.vector_store
        while numbers := self._missing[:_BATCH]:
            there: Sequence[Document] = ()
            with suppress(NotImplementedError):  # not every store can say
                there = await store.aget_by_ids(numbers)
            if new := self._documents(numbers, there):
                await store.aadd_documents(list(new.values()), ids=list(new))
            self._missing = self._missing[len(numbers) :]

    def _aadding(self) -> asyncio.Task[None]:
        """The task that adds what is missing; it goes on when nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        task = self._task
        if task is None or task.get_loop() is not loop or task.done():
            task = self._task = loop.create_task(self._aadd())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def _documents(self, numbers: Iterable[str], there: Iterable[Document]) -> dict[str, Document]:
        """The documents of some examples, without those that are there."""
        known = {document.metadata.get(_KEY) for document in there}
        return {
            number: Document(self._known[number].text_input, metadata={_KEY: number}, id=number)
            for number in numbers
            if number not in known
        }

    def __getstate__(self) -> dict[str, Any]:
        # Neither a lock nor a task travels.
        return self.__dict__ | {"_adding": None, "_task": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._adding = threading.Lock()


class _NothingFoundError(ConnectionError):
    """The store knows none of the examples, though they were added to it: it was emptied."""


def _id_of(example: TuningExample) -> str:
    """The same for the same example at any time, in the form that all stores take."""
    return str(UUID(bytes=sha256(example.canonical()).digest()[:16]))
