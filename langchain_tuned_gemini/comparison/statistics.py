"""The arithmetic of comparing: rates, paired differences and percentiles, with 95 % intervals.

Candidates answer the same questions, so their results come in pairs, and only the questions on
which they differ say anything about which is better. For the difference of two such rates, Tango's
score interval is one of those that Fagerland, Lydersen and Laake recommend: it stays within -1 and
1, and is no point where all pairs agree, as Wald's is.
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B
https://doi.org/10.1002/sim.6148
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
"""How often an interval holds the true value."""

_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

_HALVINGS = 60
"""More than a float's digits."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds of the true value, with a confidence of 95 %.

    Attributes:
        low: The lower bound.
        high: The upper bound.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A share: how many of some passed.

    Attributes:
        passed: How many passed.
        of: How many there are.
    """

    passed: int
    of: int

    @property
    def value(self) -> float:
        """The share that passed, from 0.0 to 1.0; 0.0 of none."""
        return self.passed / self.of if self.of else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's score interval, which holds for few questions and for rates near 0 and 1, too.

        https://doi.org/10.1214/ss/1009213286

        Example:
            >>> interval = Rate(8, 10).interval
            >>> round(interval.low, 3), round(interval.high, 3)
            (0.49, 0.943)
        """
        if not self.of:
            return Interval(0.0, 1.0)
        share = _Z**2 / self.of
        middle = (self.value + share / 2) / (1 + share)
        spread = math.sqrt(self.value * (1 - self.value) * share + share**2 / 4) / (1 + share)
        return Interval(max(middle - spread, 0.0), min(middle + spread, 1.0))


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The difference of two rates that were measured on the same questions.

    Attributes:
        gained: How many questions only the first one passes.
        lost: How many questions only the second one passes.
        of: How many questions there are.
    """

    gained: int
    lost: int
    of: int

    @property
    def value(self) -> float:
        """The first rate less the second one, from -1.0 to 1.0."""
        return (self.gained - self.lost) / self.of if self.of else 0.0

    @property
    def interval(self) -> Interval:
        """Tango's score interval.

        Example:
            >>> interval = PairedDifference(gained=1, lost=7, of=21).interval
            >>> round(interval.low, 3), round(interval.high, 3)
            (-0.517, -0.026)
        """
        if not self.of:
            return Interval(-1.0, 1.0)
        return Interval(self._bound(_Z), self._bound(-_Z))

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided: how likely so uneven a split would be by chance.

        Example:
            >>> PairedDifference(gained=6, lost=0, of=50).p_value
            0.03125
        """
        differ = self.gained + self.lost
        # Integers: 2 to the power of the questions is more than a float holds.
        ways = so_many = 1
        for number in range(min(self.gained, self.lost)):
            so_many = so_many * (differ - number) // (number + 1)  # differ over number + 1
            ways += so_many
        return min(2 * ways / (1 << differ), 1.0)

    def _bound(self, score: float) -> float:
        """The difference from which what was seen is so many standard errors away."""
        low, high = -1.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self._score(middle) > score:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def _score(self, difference: float) -> float:
        """How many standard errors what was seen is from this difference."""
        n = self.of
        b = (2 * n - self.gained + self.lost) * difference - self.gained - self.lost
        c = -self.lost * difference * (1 - difference)
        lost = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
        variance = n * (2 * lost + difference * (1 - difference))
        distance = self.gained - self.lost - n * difference
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)


def percentile(numbers: Sequence[float], share: float) -> float:
    """The smallest of some numbers that so large a share of them does not exceed.

    Args:
        numbers: At least one.
        share: Which part, more than 0.0 and at most 1.0; 0.5 is the median.

    Example:
        >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5), percentile([3.0, 1.0, 2.0, 4.0], 0.95)
        (2.0, 4.0)
    """
    return sorted(numbers)[math.ceil(share * len(numbers)) - 1]
