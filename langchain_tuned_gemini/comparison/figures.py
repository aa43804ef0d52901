"""The figures of a comparison: rates, latency, cost, and differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from langchain_tuned_gemini.comparison.scoring import Metric, Result
from langchain_tuned_gemini.comparison.statistics import PairedDifference, Rate, percentile
from langchain_tuned_gemini.prices import PriceTable
from langchain_tuned_gemini.tuned_models.base_models import base_model_id, find


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency of answers, in seconds.

    Attributes:
        p50: Half of them took no longer.
        p95: 95 of 100 took no longer.
        most: The longest.
    """

    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self | None:
        """The latency of some answers; None of none."""
        if not seconds:
            return None
        return cls(percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds))


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a candidate.

    Attributes:
        candidate: Its name.
        version: Its version.
        exact: How many answers are the right ones.
        guards: How many answers all guards let pass.
        latency: How long the answers took; None without any.
        input_tokens: The tokens of all prompts; None where no answer tells.
        output_tokens: The tokens of all answers.
        cost: What they cost; None without a price for each, or where an answer does not tell
            its tokens.
        unpriced: The names of the models that there is no price for.
        answered_by: How many answers each model gave.
        fell_back: Why a fallback answered, and how often.
        failures: Why there was no answer, and how often.
        tuned: The names of its tuned models, each with the base model whose price it has.
    """

    candidate: str
    version: str
    exact: Rate
    guards: Rate
    latency: Latency | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    unpriced: tuple[str, ...]
    answered_by: Mapping[str, int]
    fell_back: Mapping[str, int]
    failures: Mapping[str, int]
    tuned: Mapping[str, str]

    @classmethod
    def of(
        cls,
        candidate: str,
        version: str,
        results: Sequence[Result],
        prices: PriceTable | None,
        tuned: Mapping[str, str],
    ) -> Self:
        """Adds up results."""
        answered = [result for result in results if result.failure is None]
        calls = [usage for result in results for usage in result.usage]
        found = [
            (usage, prices and prices.find(usage.model, *_bases(usage.model, tuned), candidate))
            for usage in calls
        ]
        unpriced = dict.fromkeys(usage.model for usage, price in found if not price)
        cost = sum(p.of_call(u.input_tokens, u.output_tokens) for u, p in found if p)
        is_known = bool(prices) and not unpriced and all(result.usage for result in answered)
        return cls(
            candidate=candidate,
            version=version,
            exact=_rate(results, "exact"),
            guards=_rate(results, "guards"),
            latency=Latency.of([result.duration_s for result in answered]),
            input_tokens=sum(usage.input_tokens for usage in calls) if calls else None,
            output_tokens=sum(usage.output_tokens for usage in calls) if calls else None,
            cost=cost if is_known else None,
            unpriced=tuple(unpriced) if prices else (),
            # Plain dicts, since `asdict` spoils a Counter.
            answered_by=dict(Counter(result.answered_by for result in answered)),
            fell_back=dict(Counter(one.fell_back for one in answered if one.fell_back)),
            failures=dict(Counter(one.failure.reason for one in results if one.failure)),
            tuned=dict(tuned),
        )

    def rate(self, metric: Metric) -> Rate:
        """The rate of answers that pass."""
        return self.exact if metric == "exact" else self.guards

    @property
    def questions(self) -> int:
        """The number of questions."""
        return self.exact.of

    @property
    def cost_of_a_thousand(self) -> float | None:
        """The cost of a thousand such questions; None where it is not known."""
        if self.cost is None or not self.questions:
            return None
        return 1000 * self.cost / self.questions

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            **asdict(self),
            "exact": _estimate(self.exact),
            "guards": _estimate(self.guards),
            "cost_of_a_thousand": self.cost_of_a_thousand,
        }


@dataclass(frozen=True, slots=True)
class CandidateDifference:
    """The difference between two candidates on the same questions.

    What the candidate did not answer counts against it, for whatever reason. A question that the
    other one's service did not let it answer counts for neither: an outage of the old model must
    not make the new one look better.

    Attributes:
        candidate: The candidate's name.
        baseline: The other one's name.
        metric: What counts.
        paired: On how many questions only one of them passes.
        left_out: How many questions count for neither.
    """

    candidate: str
    baseline: str
    metric: Metric
    paired: PairedDifference
    left_out: int

    @classmethod
    def between(
        cls, names: tuple[str, str], results: Sequence[tuple[Result, Result]], metric: Metric
    ) -> Self:
        """Compares the results of two candidates.

        Args:
            names: The candidate's, and the baseline's.
            results: For each question the candidate's, and the baseline's.
            metric: What counts.
        """
        pairs = [
            (ours.passes(metric), theirs.passes(metric))
            for ours, theirs in results
            if not theirs.is_missing
        ]
        gained, lost = pairs.count((True, False)), pairs.count((False, True))
        paired = PairedDifference(gained, lost, len(pairs))
        return cls(*names, metric, paired, len(results) - len(pairs))

    def as_dict(self) -> dict[str, Any]:
        """The difference as plain data."""
        paired = {**_estimate(self.paired), "p_value": self.paired.p_value}
        return {**asdict(self), "paired": paired}


def _estimate(of: Rate | PairedDifference) -> dict[str, Any]:
    return {**asdict(of), "value": of.value, "interval": asdict(of.interval)}


def _bases(model: str, tuned: Mapping[str, str]) -> list[str]:
    """The names under which a tuned model has its base model's price."""
    base = tuned.get(model, "")
    known = find(base)
    return [name for name in (base, base_model_id(base), known and known.id) if name]


def _rate(results: Sequence[Result], metric: Metric) -> Rate:
    return Rate(sum(result.passes(metric) for result in results), len(results))
