"""Tuning sets: read, check, convert, merge and split the examples that a model is tuned with.

Pure functions and values; nothing here needs the network.
"""

from langchain_tuned_gemini.dataset.checks import outputs_are_labels
from langchain_tuned_gemini.dataset.dataset import Merge, TuningDataset, check, merge
from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.formats import Format
from langchain_tuned_gemini.dataset.gather import Columns, Examples
from langchain_tuned_gemini.dataset.platform_limits import (
    LIMITS,
    PlatformLimits as Limits,
    estimated_tokens,
)
from langchain_tuned_gemini.dataset.problems import Report
from langchain_tuned_gemini.dataset.readers.rows import OUTPUT, TEXT_INPUT
from langchain_tuned_gemini.dataset.stats import DatasetStats, Spread, stats
from langchain_tuned_gemini.dataset.turns import Role, Turn
from langchain_tuned_gemini.errors.problem import Problem, Severity
from langchain_tuned_gemini.tuned_models.platform import Platform

__all__ = [
    "LIMITS",
    "OUTPUT",
    "TEXT_INPUT",
    "Columns",
    "DatasetStats",
    "Examples",
    "Format",
    "Limits",
    "Merge",
    "Platform",
    "Problem",
    "Report",
    "Role",
    "Severity",
    "Spread",
    "TuningDataset",
    "TuningExample",
    "Turn",
    "check",
    "estimated_tokens",
    "merge",
    "outputs_are_labels",
    "stats",
]
