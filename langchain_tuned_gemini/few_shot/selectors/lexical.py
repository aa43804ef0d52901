"""Examples whose text is like the query's, found offline."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Self

from langchain_core.runnables import run_in_executor

from langchain_tuned_gemini.dataset import Examples, TuningDataset, outputs_are_labels
from langchain_tuned_gemini.few_shot.selectors.selector import (
    DEFAULT_K,
    Choice,
    TuningExampleSelector,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.few_shot.selectors.index import ExampleIndex


class LexicalExampleSelector(TuningExampleSelector):
    """Selects the examples whose text is most like the query's: BM25 over 3- and 4-grams.

    Pieces of words forgive typos, inflection and compounds, and need no tokenizer for any
    language. Where the outputs are labels, the selection is label-diverse: the likeliest
    labels, each with its best example, and only then further examples of them.

    The index is built once, by the first query (1 s for 10,000 questions) or by `build`, and can
    be kept in a file. Equal examples keep the dataset's order, and a query that is like none of
    them gets the first ones.

    Example:
        >>> selector = LexicalExampleSelector(
        ...     [
        ...         {"text_input": "add one to 3", "output": "4"},
        ...         {"text_input": "capital of France", "output": "Paris"},
        ...     ],
        ...     k=1,
        ... )
        >>> selector.select_examples({"text_input": "the capital of Spain"})
        [{'text_input': 'capital of France', 'output': 'Paris'}]
    """

    def __init__(
        self,
        examples: Examples,
        *,
        k: int = DEFAULT_K,
        label_diverse: bool | None = None,
        index_path: str | os.PathLike[str] | None = None,
    ) -> None:
        """Keeps the examples; the index is built by the first query.

        Args:
            examples: A file's path, a `TuningDataset`, or a list of
                `{"text_input", "output"}`.
            k: How many are selected, at least 1; all of them if there are fewer.
            label_diverse: Whether to select one example of each likely label before a second
                one of any. By default if the outputs are labels: short, and each there twice
                on average.
            index_path: A file that keeps the index, so that the next process reads it instead of
                building it. It is written where it is missing, and again, with a warning in the
                log, where it is damaged or of other examples. It holds no code.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `k` is less than 1.
        """
        super().__init__(examples, k=k)
        self.label_diverse = label_diverse
        self.index_path = index_path
        self._index: ExampleIndex | None = None
        self._building = threading.Lock()

    def build(self) -> None:
        """Builds the index now, or reads it, unless it is there; safe from several threads.

        Raises:
            ExampleIndexError: If there is a file at `index_path` that is something else.
        """
        self.index()

    def choose(self, query: str) -> Choice:
        """The examples most like the query, the best one first."""
        index, dataset = self.index(), self.dataset
        return Choice(tuple(dataset[i] for i in index.nearest(query, self.k)), "bm25")

    async def achoose(self, query: str) -> Choice:
        """Like `choose`; the index is built in a thread, beside the event loop."""
        if self._index is None:
            await run_in_executor(None, self.build)
        return self.choose(query)

    def _of(self, dataset: TuningDataset) -> Self:
        selector = super()._of(dataset)
        selector.index_path = None  # its file is of all examples
        return selector

    def add_example(self, example: dict[str, str]) -> None:
        """Adds an example at the end; the next query builds the index again."""
        with self._building:
            super().add_example(example)
            self._index = None

    def depends_on(self) -> list[object]:
        """What decides which examples it selects, as a `repr` tells it."""
        return [*super().depends_on(), self.label_diverse]

    def index(self) -> ExampleIndex:
        """The index, built or read if it is not there yet."""
        if (index := self._index) is not None:
            return index
        with self._building:
            if self._index is None:
                from langchain_tuned_gemini.few_shot.selectors.index_file import load_or_build

                diverse = self.label_diverse
                if diverse is None:
                    diverse = outputs_are_labels(self.dataset)
                self._index = load_or_build(self.index_path, self.dataset, label_diverse=diverse)
            return self._index

    def __getstate__(self) -> dict[str, Any]:
        # Neither a lock nor an index travels: the other side builds its own.
        return self.__dict__ | {"_index": None, "_building": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._building = threading.Lock()
