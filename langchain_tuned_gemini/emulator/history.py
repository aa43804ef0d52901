"""What Google refuses in a conversation with function calls."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.records import BaseModel
    from langchain_tuned_gemini.emulator.turns import Turn

# github.com/google-gemini/gemini-cli/issues/3814
NOT_ALL_ANSWERED = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
# github.com/langchain-ai/langchain-google/issues/1051 and many more
CALL_OUT_OF_TURN = (
    "Please ensure that function call turn comes immediately after a user turn or after a "
    "function response turn."
)
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

    Models from Gemini 3 on also want their thought signatures back, in the turns since the user
    last asked something: <https://ai.google.dev/gemini-api/docs/thought-signatures>. Any value
    will do, as the one does that Google documents for calls of another model.

    Raises:
        ApiError: 400.
    """
    for before, turn in pairwise([None, *turns]):
        if turn is None:
            continue
        if turn.calls and (before is None or before.role == "model"):
            raise ApiError(400, CALL_OUT_OF_TURN)
        called = len(before.calls) if before is not None else 0
        if turn.responses and not called:
            raise ApiError(400, RESPONSE_OUT_OF_TURN)
        if called != len(turn.responses):
            raise ApiError(400, NOT_ALL_ANSWERED)
    if turns and turns[-1].calls:
        raise ApiError(400, NOT_ALL_ANSWERED)
    if base.gemini_3:
        _check_signatures(turns)


def _check_signatures(turns: Sequence[Turn]) -> None:
    asked = max((i for i, turn in enumerate(turns) if turn.asks), default=0)
    for position, turn in enumerate(turns[asked:], asked + 1):
        if not turn.is_signed:
            raise ApiError(400, UNSIGNED.format(turn.calls[0], position))
