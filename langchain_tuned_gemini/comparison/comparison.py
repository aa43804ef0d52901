"""The outcome of a comparison: a value that all reports are made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from langchain_tuned_gemini.comparison.figures import CandidateDifference, Figures
from langchain_tuned_gemini.comparison.questions import Question
from langchain_tuned_gemini.comparison.scoring import Metric, Result
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.prices import PriceTable
from langchain_tuned_gemini.runtime.atomic_write import write_whole


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answers of all candidates, and the figures of them.

    `print(comparison)` shows a table.

    Attributes:
        source: Where the questions come from.
        data_hash: The test set's content hash.
        questions: The questions, in their order.
        versions: The candidates' versions, by their names; the first one is the baseline.
        results: Each candidate's results by its name, in the order of the questions.
        metric: What counts when candidates are compared.
        prices: What tokens cost, if that is known.
        ended: When the last answer was there (UTC).
        tuned: Of each candidate, by its name, the names of its tuned models, each with its base.
    """

    source: str
    data_hash: str
    questions: tuple[Question, ...]
    versions: Mapping[str, str]
    results: Mapping[str, tuple[Result, ...]]
    metric: Metric
    prices: PriceTable | None
    ended: datetime
    tuned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def candidates(self) -> tuple[str, ...]:
        """The candidates' names."""
        return tuple(self.versions)

    @property
    def baseline(self) -> str:
        """The name of the candidate that the others are compared with: the first one."""
        return self.candidates[0]

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The candidates' figures, in their order."""
        return tuple(
            Figures.of(name, version, self.results[name], self.prices, self.tuned.get(name, {}))
            for name, version in self.versions.items()
        )

    def difference(self, candidate: str, baseline: str | None = None) -> CandidateDifference:
        """The difference between a candidate and another one; the baseline by default.

        Raises:
            ParameterError: If there is no such candidate.
        """
        names = (candidate, self.baseline if baseline is None else baseline)
        for name in names:
            if name not in self.results:
                raise ParameterError(
                    f"{name!r} was not compared; these were: {', '.join(self.candidates)}."
                )
        ours, theirs = (self.results[name] for name in names)
        return CandidateDifference.between(names, list(zip(ours, theirs, strict=True)), self.metric)

    @property
    def differences(self) -> tuple[CandidateDifference, ...]:
        """The difference between each further candidate and the baseline."""
        return tuple(map(self.difference, self.candidates[1:]))

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data: figures, differences, and each answer with its verdicts."""
        return {
            "data": {
                "source": self.source,
                "hash": self.data_hash,
                "questions": len(self.questions),
            },
            "metric": self.metric,
            "ended": self.ended.isoformat(),
            "currency": self.prices.currency if self.prices else None,
            "figures": [figures.as_dict() for figures in self.figures],
            "differences": [difference.as_dict() for difference in self.differences],
            "questions": [
                {
                    "key": question.key,
                    "text_input": question.example.text_input,
                    "expected": list(question.expected),
                    "answers": {name: asdict(self.results[name][place]) for name in self.results},
                }
                for place, question in enumerate(self.questions)
            ],
        }

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Writes `as_dict` to a file; one that is there is replaced.

        Raises:
            OSError: If it can't be written.
        """
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=2)
        write_whole(path, [text, "\n"])

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Writes a report to read in a browser; a file that is there is replaced.

        It is one file with everything in it, which loads nothing and runs no script.

        Raises:
            OSError: If it can't be written.
        """
        from langchain_tuned_gemini.comparison.reports.html import report

        write_whole(path, report(self))

    def __str__(self) -> str:
        from langchain_tuned_gemini.comparison.reports.table import table

        return table(self)
