"""The base models that tuned models come from, in one table, with sources.

A model that is not in it is not guessed about: it gets no rules. To bring the table up to date,
change a line; every date is compared with a day that is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from langchain_tuned_gemini.tuned_models.locations import GLOBAL, MULTI_REGIONS
from langchain_tuned_gemini.tuned_models.platform import Platform

THINKING_LEVELS = ("minimal", "low", "medium", "high")
"""How hard a model from Gemini 3 on may be told to think, the least first."""

_PATH = r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/|models/)?"
_NAME = re.compile(rf"{_PATH}(?P<id>[a-z][a-z0-9.-]*[a-z0-9])(?:@[\w.-]+)?", re.ASCII)

_VERTEX = "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions"
_DEVELOPER = "https://ai.google.dev/gemini-api/docs/deprecations"


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a base model on one platform.

    A tuned model ends with its base:
    https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versioning

    Attributes:
        model: The base model's id.
        platform: Where it ends.
        day: The first day without it.
        stand_in: The model that Google lets answer in its place, without saying so; empty
            where requests are refused.
        source: Where Google says so.
    """

    model: str
    platform: Platform
    day: date
    stand_in: str
    source: str

    def __str__(self) -> str:
        where = "Vertex AI" if self.platform == "vertex" else "the Gemini Developer API"
        what = f"; {self.stand_in} answers in its place" if self.stand_in else ""
        return f"{self.model} was retired on {where} on {self.day}{what} ({self.source})"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model's rules.

    Attributes:
        id: Its id, for example `gemini-2.5-flash`.
        least_thinking: The parameter that makes it think least. Google advises that for tuned
            models: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning
        thinking_budgets: The smallest and the largest budget that it takes, besides -1 and, where
            it can do without thinking, 0.
        has_fixed_sampling: Whether it ignores temperature, top_p and top_k.
        signs_thoughts: Whether a function call in its history must carry a signature.
        is_in_multi_regions: Whether it is served in the multi-regions of Vertex AI, `us` and `eu`.
        ends: When and how it ends on each platform: the day, and what stands in for it.
    """

    id: str
    least_thinking: Mapping[str, Any] = field(default_factory=dict)
    thinking_budgets: tuple[int, int] = (1, 24_576)
    has_fixed_sampling: bool = False
    signs_thoughts: bool = True
    is_in_multi_regions: bool = True
    ends: Mapping[Platform, tuple[date, str]] = field(default_factory=dict)

    def retirement(self, platform: Platform, today: date) -> Retirement | None:
        """Its end on a platform, if that has come.

        Example:
            >>> find("gemini-2.5-flash").retirement("vertex", date(2026, 10, 19)) is None
            True
            >>> find("gemini-2.5-flash").retirement("vertex", date(2026, 10, 20)).day
            datetime.date(2026, 10, 20)
        """
        if platform not in self.ends or today < self.ends[platform][0]:
            return None
        day, stand_in = self.ends[platform]
        source = _VERTEX if platform == "vertex" else _DEVELOPER
        return Retirement(self.id, platform, day, stand_in, source)

    def thinking(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """How it can think that comes nearest to what was said of another model.

        What was said in the words of another generation of models, a budget for a level, is
        taken for the least.

        Args:
            said: `thinking_budget` or `thinking_level`, for another model.

        Example:
            >>> find("gemini-2.5-pro").thinking({"thinking_budget": 0})
            {'thinking_budget': 128}
            >>> find("gemini-3.8-flash").thinking({"thinking_level": "minimal"})
            {'thinking_level': 'low'}
        """
        ((name, least),) = self.least_thinking.items()
        value = said.get(name, least)
        if name == "thinking_level":
            if value not in THINKING_LEVELS:  # it is the service's to refuse
                return {name: value}
            return {name: max(value, least, key=THINKING_LEVELS.index)}
        lowest, highest = self.thinking_budgets
        return {name: min(max(value, lowest), highest) if value > 0 else value or least}


class BaseModelRetiredWarning(UserWarning):
    """A base model is gone, so that a model tuned from it, or a fallback to it, is in danger.

    Attributes:
        retirement: Which model, where, since when, and what answers in its place.
    """

    def __init__(self, message: str, retirement: Retirement) -> None:
        super().__init__(message, retirement)
        self.retirement = retirement

    def __str__(self) -> str:
        return str(self.args[0])


_OFF = MappingProxyType({"thinking_budget": 0})
_MINIMAL = MappingProxyType({"thinking_level": "minimal"})
_LOW = MappingProxyType({"thinking_level": "low"})
_END_OF_2_5 = date(2026, 10, 20)
_SHUTDOWN = date(2026, 12, 1)

# Thinking: https://ai.google.dev/gemini-api/docs/thinking, and langchain-google-genai 4.4.3's
# profiles; from Gemini 3 on a budget is refused or ignored. Fixed sampling, for 3.5 Flash-Lite,
# 3.6 Flash "and all future Gemini model releases":
# https://ai.google.dev/gemini-api/docs/whats-new-gemini-3.6
# Multi-regions serve Gemini 3 and later:
# https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/locations
# A retirement that Google has announced as "or later" is none yet: 2027-05-07 for
# 3.1 Flash-Lite, 2027-05-19 for 3.5 Flash and 2027-07-21 for 3.5 Flash-Lite, on Vertex AI.
_TABLE = (
    BaseModel(
        "gemini-2.5-pro",
        {"thinking_budget": 128},
        thinking_budgets=(128, 32_768),
        signs_thoughts=False,
        is_in_multi_regions=False,
        ends={"vertex": (_END_OF_2_5, ""), "developer": (_SHUTDOWN, "gemini-3.8-flash")},
    ),
    BaseModel(
        "gemini-2.5-flash",
        _OFF,
        signs_thoughts=False,
        is_in_multi_regions=False,
        ends={"vertex": (_END_OF_2_5, ""), "developer": (_SHUTDOWN, "gemini-3.5-flash-lite")},
    ),
    BaseModel(
        "gemini-2.5-flash-lite",
        _OFF,
        thinking_budgets=(512, 24_576),
        signs_thoughts=False,
        is_in_multi_regions=False,
        ends={"vertex": (_END_OF_2_5, "")},
    ),
    BaseModel("gemini-3.1-flash-lite", _MINIMAL),
    BaseModel("gemini-3.5-flash", _MINIMAL),
    BaseModel("gemini-3.5-flash-lite", _MINIMAL, has_fixed_sampling=True),
    BaseModel("gemini-3.6-flash", _MINIMAL, has_fixed_sampling=True),
    BaseModel("gemini-3.7-flash", _LOW, has_fixed_sampling=True),
    BaseModel("gemini-3.8-flash", _LOW, has_fixed_sampling=True),
)
BASE_MODELS: Mapping[str, BaseModel] = MappingProxyType({model.id: model for model in _TABLE})
"""The base models that something is known of, by their ids."""


def base_model_id(name: str) -> str | None:
    """A base model's id, whatever path stands before it; None for what can't be one.

    Example:
        >>> base_model_id("models/gemini-2.5-flash")
        'gemini-2.5-flash'
        >>> base_model_id("projects/p/locations/global/publishers/google/models/gemini-2.5-pro")
        'gemini-2.5-pro'
        >>> base_model_id("tunedModels/x") is None
        True
    """
    match = _NAME.fullmatch(name)
    return match["id"] if match else None


def find(name: str) -> BaseModel | None:
    """Looks a base model up; a stable version (`-001`) is its model.

    https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versioning

    Example:
        >>> find("publishers/google/models/gemini-2.5-flash-001").id
        'gemini-2.5-flash'
        >>> find("gemini-99") is None
        True
    """
    model_id = base_model_id(name) or ""
    return BASE_MODELS.get(model_id) or BASE_MODELS.get(re.sub(r"-\d{3}$", "", model_id))


def served_in(name: str) -> tuple[str, ...]:
    """Where on Vertex AI a base model is served, besides single regions.

    Example:
        >>> served_in("gemini-3.5-flash"), served_in("gemini-2.5-flash")
        (('us', 'eu', 'global'), ('global',))
    """
    known = find(name)
    is_old = known is not None and not known.is_in_multi_regions
    return (GLOBAL,) if is_old else (*MULTI_REGIONS, GLOBAL)
