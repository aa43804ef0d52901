"""Is a question like what a model was tuned with? If not, a tuned model makes things up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from langchain_tuned_gemini.dataset import Examples, TuningExample
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot import Question, question_of
from langchain_tuned_gemini.few_shot.selectors import LexicalExampleSelector

if TYPE_CHECKING:
    from langchain_tuned_gemini.few_shot.selectors.similarity import Similarity


@dataclass(frozen=True, slots=True)
class Novelty:
    """How like the tuning set a question is.

    Attributes:
        score: How like it is, from 0 to 1: the mean over the 8 nearest examples.
        threshold: Below which score a question is novel.
        nearest: The nearest example.
    """

    score: float
    threshold: float
    nearest: TuningExample

    @property
    def is_novel(self) -> bool:
        """Whether the question is unlike the tuning set."""
        return self.score < self.threshold

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for an answer's provenance."""
        return {
            "score": round(self.score, 4),
            "threshold": round(self.threshold, 4),
            "nearest": self.nearest.text_input,
        }


class NovelInput:
    """Tells questions that are unlike the whole tuning set; offline, in less than 1 ms.

    A `FallbackChatModel` sends those to its second model directly, reason `novel_input`: the
    tuned model was taught to answer in its form whatever it is asked, and knows no "I don't know".

    The threshold comes from the tuning set itself: each example is compared with all the others,
    and the share `quantile` of them that is least like the others would count as novel, too. So
    that is about the share of ordinary questions that are taken for novel; a set of fewer than
    100 examples shows less of what is usual, and gets a lower threshold.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> questions = [f"When will my {thing} arrive?" for thing in ("card", "PIN", "cash")]
        >>> novel = NovelInput([(question, "soon") for question in questions])
        >>> novel.assess([HumanMessage("When will my PIN arrive?")]).is_novel
        False
        >>> novel.assess([HumanMessage("SELECT COUNT(*) FROM cities")]).is_novel
        True
    """

    def __init__(
        self,
        examples: Examples | LexicalExampleSelector,
        *,
        quantile: float = 0.01,
        threshold: float | None = None,
        query: Question = None,
    ) -> None:
        """Keeps the examples; `build` or the first question compares them.

        Args:
            examples: What the model was tuned with, or the selector that a few-shot prompt has
                of it, whose index is then used for both.
            quantile: Which part of the questions like those of the tuning set may be taken for
                novel, from 0 (none that is as like as the oddest example) to below 1.
            threshold: Below which similarity, from 0 to 1, a question is novel; by default it is
                found from `quantile`.
            query: Where the question stands, as for `FewShotPrompt`. In a chat, a function that
                looks at more than the last message: a follow-up such as "And the other one?" is
                like no question of a tuning set.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `quantile` or `threshold` is out of its range.
        """
        if not 0 <= quantile < 1:
            raise ParameterError(f"quantile is from 0 to below 1, not {quantile!r}.")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ParameterError(f"threshold is from 0 to 1, not {threshold!r}.")
        if not isinstance(examples, LexicalExampleSelector):
            examples = LexicalExampleSelector(examples)
        self.quantile = quantile
        self.query = query
        self._selector = examples
        self._given = threshold
        self._built: tuple[Similarity, float] | None = None
        self._building = threading.Lock()

    @property
    def threshold(self) -> float:
        """Below which similarity a question is novel."""
        return self._ready()[1]

    def build(self) -> None:
        """Compares the examples now, unless that is done; 2 s for 10,000."""
        self._ready()

    def assess(self, messages: Sequence[BaseMessage]) -> Novelty | None:
        """Says how like the tuning set the question of a conversation is.

        None where there is no question, as in a conversation that the model begins.
        """
        question = question_of(messages, self.query)
        if not question.strip():
            return None
        similarity, threshold = self._ready()
        score, nearest = similarity.nearest(question)
        return Novelty(score, threshold, self._selector.dataset[nearest])

    def _ready(self) -> tuple[Similarity, float]:
        if (built := self._built) is not None:
            return built
        with self._building:
            if self._built is None:
                from langchain_tuned_gemini.few_shot.selectors.similarity import Similarity

                similarity, threshold = Similarity.of(self._selector.index()), self._given
                if threshold is None:
                    texts = [example.text_input for example in self._selector.dataset]
                    threshold = similarity.least_usual(texts, self.quantile)
                self._built = similarity, threshold
            return self._built

    def __getstate__(self) -> dict[str, Any]:
        # Neither a lock nor an index travels, but what was found does.
        given = self._built[1] if self._built else self._given
        return self.__dict__ | {"_built": None, "_building": None, "_given": given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._building = threading.Lock()

    def __repr__(self) -> str:
        setting = f"threshold={self._given}" if self._given is not None else f"{self.quantile=}"
        return f"{type(self).__name__}({self._selector.dataset!r}, {setting.removeprefix('self.')})"
