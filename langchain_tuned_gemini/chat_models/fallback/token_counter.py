"""How many tokens a text has, also while the model that counts them can't be reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages.utils import count_tokens_approximately

from langchain_tuned_gemini.failures import read_failure
from langchain_tuned_gemini.runtime.deadline import Deadline

PATIENCE: Final = 5.0
"""For how many seconds a count is waited for: LangChain asks for one for each message."""

PAUSE: Final = 30.0
"""For how many seconds after a failure counts are estimated without asking."""


class TokenCounter:
    """Counts with a model, and by langchain-core's estimate while that fails.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ask_from = float("-inf")

    def count(self, model: BaseChatModel, text: str) -> int:
        """How many tokens a text has: the model's count, or an estimate.

        Raises:
            Exception: What no other model could help with either, such as a wrong key.
        """
        if self._clock() >= self._ask_from:
            try:
                with Deadline(total=PATIENCE):
                    return model.get_num_tokens(text)
            except Exception as error:  # named by read_failure, and raised unless it is an outage
                failure = read_failure(error)
                if failure is None or not failure.reason.degrades:
                    raise
                self._ask_from = self._clock() + PAUSE
        return count_tokens_approximately([text])
