"""Comparing models before one is promoted: which one answers better, how surely, at what cost.

A test set is put to every candidate, each answer is judged, and what that comes to is a table,
JSON, a report in HTML, and the decision of `is_better`.
"""

from langchain_tuned_gemini.comparison.candidates import Candidate, Candidates
from langchain_tuned_gemini.comparison.comparison import Comparison
from langchain_tuned_gemini.comparison.figures import CandidateDifference, Figures, Latency
from langchain_tuned_gemini.comparison.matching import Matches, SameSQL, same_json, same_text
from langchain_tuned_gemini.comparison.questions import Question
from langchain_tuned_gemini.comparison.run import (
    ComparisonProgress,
    acompare,
    compare,
)
from langchain_tuned_gemini.comparison.scoring import CandidateAnswer, Failed, Metric, Result, Usage
from langchain_tuned_gemini.comparison.significance import Decision, is_better
from langchain_tuned_gemini.comparison.statistics import Interval, PairedDifference, Rate
from langchain_tuned_gemini.prices import Price, PriceTable

__all__ = [
    "Candidate",
    "CandidateAnswer",
    "CandidateDifference",
    "Candidates",
    "Comparison",
    "ComparisonProgress",
    "Decision",
    "Failed",
    "Figures",
    "Interval",
    "Latency",
    "Matches",
    "Metric",
    "PairedDifference",
    "Price",
    "PriceTable",
    "Question",
    "Rate",
    "Result",
    "SameSQL",
    "Usage",
    "acompare",
    "compare",
    "is_better",
    "same_json",
    "same_text",
]
