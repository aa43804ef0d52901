"""The base class of the selectors of this package, and the simplest of them."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from numbers import Integral
from typing import Any, Self

from langchain_core.example_selectors import BaseExampleSelector

from langchain_tuned_gemini.dataset import TEXT_INPUT, Examples, TuningDataset, TuningExample
from langchain_tuned_gemini.dataset.checks import find_repeats
from langchain_tuned_gemini.errors import ParameterError

_log = logging.getLogger("langchain_tuned_gemini")

DEFAULT_K = 8
"""How many examples are selected: on BANKING77, 8 hold the right label for 99 % of questions."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The examples for one query.

    Attributes:
        examples: The examples, the most useful one first.
        selector: Who chose them, as an answer's provenance calls it: `"bm25"`, `"semantic"`, ...
        outage: Why the one that should have chosen them could not; None where it did.
    """

    examples: tuple[TuningExample, ...]
    selector: str
    outage: str | None = None


def checked_count(name: str, value: object) -> int:
    """A number of examples, or of tokens.

    Raises:
        ParameterError: It is no whole number, or less than 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ParameterError.no_number(f"{name}={value!r}", value)
    if value < 1:
        raise ParameterError(f"{name} is how many are taken: at least 1, not {value}.")
    return int(value)


class TuningExampleSelector(BaseExampleSelector, ABC):
    """Selects examples of a tuning set; what the selectors of this package have in common."""

    def __init__(self, examples: Examples, *, k: int = DEFAULT_K) -> None:
        """Keeps the examples.

        Args:
            examples: A file's path, a `TuningDataset`, or a list of
                `{"text_input", "output"}`.
            k: How many are selected, at least 1; all of them if there are fewer.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `k` is less than 1.
        """
        self.k = checked_count("k", k)
        self.dataset = TuningDataset.of(examples, text_only=True, function_calls=True)
        self._hashed: tuple[TuningDataset | None, str] = None, ""
        self._calling = sum(bool(example.messages) for example in self.dataset)
        contradictions = sum(not repeat.is_duplicate for repeat in find_repeats(self.dataset))
        if contradictions:
            _log.warning(
                "%s: %d examples answer in another way what an earlier one asks, and a prompt may "
                "show both. dataset.check() names them.",
                self.dataset.source,
                contradictions,
            )

    @cached_property
    def texts(self) -> Self | None:
        """The same selector of the examples that call no functions; None where all do."""
        if not self._calling:
            return self
        if self._calling == len(self.dataset):
            return None
        return self._of(TuningDataset.of(self.dataset, text_only=True))

    def _of(self, dataset: TuningDataset) -> Self:
        """The same selector of some of its examples."""
        selector = copy(self)
        selector.dataset, selector._calling = dataset, 0
        return selector

    @abstractmethod
    def choose(self, query: str) -> Choice:
        """Chooses the examples for a query; at most `k`."""

    async def achoose(self, query: str) -> Choice:
        """Like `choose`; without a thread, as choosing takes less than changing to one."""
        return self.choose(query)

    def build(self) -> None:
        """Does now what the first query would have to wait for."""

    def select_examples(self, input_variables: Mapping[str, str]) -> list[dict[str, Any]]:
        """Selects the examples for `input_variables["text_input"]`, the best one first.

        These are texts: examples that call functions are left out.

        Raises:
            ParameterError: If there is no `text_input`.
        """
        query = self._query_in(input_variables)
        return _as_dicts(self.texts.choose(query)) if self.texts else []

    async def aselect_examples(self, input_variables: Mapping[str, str]) -> list[dict[str, Any]]:
        """Like `select_examples`, without blocking the event loop."""
        query = self._query_in(input_variables)
        return _as_dicts(await self.texts.achoose(query)) if self.texts else []

    def add_example(self, example: dict[str, str]) -> None:
        """Adds an example at the end.

        Raises:
            DatasetError: If it is not `{"text_input", "output"}`.
        """
        self.dataset = TuningDataset.of([*self.dataset, example], function_calls=True)
        self._calling += bool(self.dataset[-1].messages)
        self.__dict__.pop("texts", None)

    def depends_on(self) -> list[object]:
        """What decides which examples it selects, as a `repr` tells it."""
        return [type(self).__qualname__, self.k, self._dataset_hash]

    @property
    def _dataset_hash(self) -> str:
        """A hash of what the examples say, and of their order, which decides between equals."""
        dataset, digest = self._hashed
        if dataset is not self.dataset:
            rows = [(example.canonical(), example.messages) for example in self.dataset]
            digest = sha256(repr(rows).encode()).hexdigest()
            self._hashed = self.dataset, digest
        return digest

    def _query_in(self, input_variables: Mapping[str, str]) -> str:
        if TEXT_INPUT not in input_variables:
            raise ParameterError(
                f"{type(self).__name__} compares {TEXT_INPUT!r}, but was given "
                f"{', '.join(map(repr, input_variables)) or 'nothing'}. Pass "
                f"{{{TEXT_INPUT!r}: question}}."
            )
        return input_variables[TEXT_INPUT]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dataset!r}, k={self.k})"


class FixedExampleSelector(TuningExampleSelector):
    """Selects the first `k` examples, whatever is asked.

    The prompt then starts with the same text on every call, which Gemini caches by itself where
    it is long enough, and reads for a fraction of the price. Prefer it where a few examples show
    the whole task (a format, a tone), or where hundreds of them are to be shown at once; prefer
    `LexicalExampleSelector` where the right answer depends on having seen one like it.

    Example:
        >>> selector = FixedExampleSelector([{"text_input": "1", "output": "2"}], k=1)
        >>> selector.select_examples({"text_input": "7"})
        [{'text_input': '1', 'output': '2'}]
    """

    def choose(self, query: str) -> Choice:  # noqa: ARG002  the port's signature
        """The first `k` examples."""
        return Choice(self.dataset.examples[: self.k], "fixed")


def _as_dicts(choice: Choice) -> list[dict[str, Any]]:
    return [example.as_dict() for example in choice.examples]
