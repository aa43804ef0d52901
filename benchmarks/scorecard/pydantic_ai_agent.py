"""An agent of pydantic-ai with a FallbackModel; asynchronous, as it is at heart."""

from __future__ import annotations

import asyncio

from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from benchmarks.scorecard.contestants import HandOut
from benchmarks.scorecard.scenarios import Mode
from benchmarks.scorecard.task import BASE, KEY, QUESTION, TUNED, turns


class PydanticAI:
    """Asks an agent of pydantic-ai with a FallbackModel, both with their defaults."""

    def __init__(self, address: str) -> None:
        provider = GoogleProvider(api_key=KEY, base_url=address)
        tuned, base = (GoogleModel(name, provider=provider) for name in (TUNED, BASE))
        self._agent = Agent(FallbackModel(tuned, base))
        self._history: list[ModelMessage] = [
            ModelRequest(parts=[UserPromptPart(text)])
            if role == "user"
            else ModelResponse(parts=[TextPart(text)])
            for role, text in turns()[:-1]
        ]
        self._runner = asyncio.Runner()

    def ask(self, mode: Mode, hand_out: HandOut) -> None:
        """Asks with `run` or `run_stream`."""
        self._runner.run(self._invoke(hand_out) if mode is Mode.INVOKE else self._stream(hand_out))

    async def _invoke(self, hand_out: HandOut) -> None:
        answer = await self._agent.run(QUESTION, message_history=self._history)
        hand_out(answer.output, answer.response.finish_reason)

    async def _stream(self, hand_out: HandOut) -> None:
        async with self._agent.run_stream(QUESTION, message_history=self._history) as answer:
            async for text in answer.stream_text(delta=True, debounce_by=None):
                hand_out(text, None)
            hand_out("", answer.response.finish_reason)
