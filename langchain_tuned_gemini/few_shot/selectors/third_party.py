"""Selectors of other packages, which may ask a service that is down just when they are needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.example_selectors import BaseExampleSelector

from langchain_tuned_gemini.dataset import TEXT_INPUT, TuningExample
from langchain_tuned_gemini.few_shot.selectors.outages import OutageWatch, patience
from langchain_tuned_gemini.few_shot.selectors.selector import Choice, TuningExampleSelector
from langchain_tuned_gemini.runtime.threads import in_a_thread, in_a_thread_of_its_own

_PATIENCE = 10.0
"""How long a selector may take, in seconds: it may load a model for its first query."""


class OtherSelector:
    """Any selector of LangChain's kind, asked as those of this package are.

    While it can't be used, or takes longer than 10 s or half of what the deadline of the call
    leaves, another one selects, or there are no examples; and for the next 30 s it is not asked.

    Args:
        selector: A selector that takes `{"text_input": question}` and gives
            `{"text_input", "output"}`.
        stand_in: Selects while it can't be used; None for no examples.
        clock: The time in seconds.
    """

    def __init__(
        self,
        selector: BaseExampleSelector,
        stand_in: TuningExampleSelector | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.selector = selector
        self._stand_in = stand_in
        self._name = type(selector).__name__
        self._outages = OutageWatch(
            f"The example selector {self._name}",
            f"{type(stand_in).__name__} selects instead" if stand_in else "there are no examples",
            clock=clock,
        )

    def build(self) -> None:
        """Builds what stands in for it; itself, it gets ready by itself."""
        if self._stand_in is not None:
            self._stand_in.build()

    def choose(self, query: str) -> Choice:
        """The examples of the other selector for a query.

        Raises:
            DatasetError: If it gives something else than examples.
        """
        if not self._outages.is_on:
            with self._outages.ended():
                return self._read(in_a_thread(self._asked(query)).result(patience(_PATIENCE)))
        return self._instead(query)

    async def achoose(self, query: str) -> Choice:
        """Like `choose`, with its asynchronous method."""
        if not self._outages.is_on:
            with self._outages.ended():
                async with asyncio.timeout(patience(_PATIENCE)):
                    return self._read(await self._aselected(query))
        return self._instead(query)

    def _asked(self, query: str) -> Callable[[], Iterable[object]]:
        return partial(self.selector.select_examples, {TEXT_INPUT: query})

    async def _aselected(self, query: str) -> Iterable[Any]:
        if type(self.selector).aselect_examples is BaseExampleSelector.aselect_examples:
            # LangChain would ask it in a thread that the end of the event loop waits for.
            return await in_a_thread_of_its_own(self._asked(query))
        return await self.selector.aselect_examples({TEXT_INPUT: query})

    def _read(self, selected: Iterable[object]) -> Choice:
        rows = enumerate(selected, start=1)
        parse = partial(TuningExample.parse, source=self._name)
        return Choice(tuple(parse(row, line=number) for number, row in rows), self._name)

    def _instead(self, query: str) -> Choice:
        why = self._outages.why
        if self._stand_in is None:
            return Choice((), self._name, why)
        return replace(self._stand_in.choose(query), outage=why)
