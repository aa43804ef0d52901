"""Which examples go into the prompt: LangChain example selectors over a tuning set.

Those of this package work offline, or have a stand-in that does: a fallback selects examples
exactly when the network is in trouble. Any other LangChain selector can take their place.
"""

from langchain_tuned_gemini.few_shot.selectors.lexical import LexicalExampleSelector
from langchain_tuned_gemini.few_shot.selectors.selector import (
    DEFAULT_K,
    Choice,
    FixedExampleSelector,
    TuningExampleSelector,
)
from langchain_tuned_gemini.few_shot.selectors.semantic import SemanticExampleSelector
from langchain_tuned_gemini.few_shot.selectors.third_party import OtherSelector

__all__ = [
    "DEFAULT_K",
    "Choice",
    "FixedExampleSelector",
    "LexicalExampleSelector",
    "OtherSelector",
    "SemanticExampleSelector",
    "TuningExampleSelector",
]
