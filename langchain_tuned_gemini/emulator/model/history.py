"""What Google refuses in a conversation with function calls."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
    from langchain_tuned_gemini.emulator.model.turns import Turn

# github.com/google-gemini/gemini-cli/issues/3814
NOT_ALL_ANSWERED = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
# github.com/google-gemini/gemini-cli/issues/11814
CALL_OUT_OF_TURN = (
    "Please ensure that function call turn comes immediately after a user turn or after a "
    "function response turn."
)
# github.com/langchain-ai/langchain/issues/27799
RESPONSE_OUT_OF_TURN = (
    "Please ensure that function response turn comes immediately after a function call turn."
)
# github.com/nanbingxyz/5ire/issues/405
UNSIGNED = (
    "Function call is missing a thought_signature in functionCall parts. This is required for "
    "tools to work correctly, and missing thought_signature may lead to degraded model "
    "performance. Additional data, function call `default_api:{}` , position {}. Please refer to "
    "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
)


def check_history(turns: Sequence[Turn], base: BaseModel) -> None:
    """Refuses function calls and responses that don't belong together.

    Turns of one role that follow each other count as one: google-genai sends each chunk of a
    stream as a turn. Models from Gemini 3 on also want their thought signatures back, in what
    they said since the user last asked something:
    <https://ai.google.dev/gemini-api/docs/thought-signatures>. Any value will do, as the one does
    that Google documents for calls of another model.

    Raises:
        ApiError: 400.
    """
    steps = [list(step) for _, step in groupby(turns, key=lambda turn: turn.role == "model")]
    open_calls = 0
    for number, step in enumerate(steps):
        calls = sum(len(turn.calls) for turn in step)
        responses = sum(len(turn.responses) for turn in step)
        if calls and number == 0:
            raise ApiError(400, CALL_OUT_OF_TURN)
        if responses and not open_calls:
            raise ApiError(400, RESPONSE_OUT_OF_TURN)
        if responses != open_calls:
            raise ApiError(400, NOT_ALL_ANSWERED)
        open_calls = calls
    if open_calls:
        raise ApiError(400, NOT_ALL_ANSWERED)
    if base.gemini_3:
        _check_signatures(turns)


def _check_signatures(turns: Sequence[Turn]) -> None:
    asked = max((i for i, turn in enumerate(turns) if turn.asks), default=0)
    since = enumerate(turns[asked:], asked + 1)
    for _, step in groupby(since, key=lambda numbered: numbered[1].role == "model"):
        position, turn = next(((p, t) for p, t in step if t.calls), (0, None))
        if turn is not None and not turn.is_signed:
            raise ApiError(400, UNSIGNED.format(turn.calls[0], position))
