"""LiteLLM's Router; asynchronous, as its proxy uses it."""

from __future__ import annotations

import asyncio
import os

# Read when it is imported: it would fetch its table of prices from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from litellm.router import Router
from litellm.types.llms.openai import (
    AllMessageValues,
    ChatCompletionAssistantMessage,
    ChatCompletionUserMessage,
)

from benchmarks.scorecard.contestants import HandOut
from benchmarks.scorecard.scenarios import Mode
from benchmarks.scorecard.task import BASE, INSTEAD_OF_TUNED, KEY, turns


class LiteLLM:
    """Asks LiteLLM's Router, with its defaults and a fallback.

    Its provider `gemini` builds `{api_base}/models/{model}` (llms/vertex_ai/
    vertex_llm_base.py, `_check_custom_proxy`), so a base model stands in the tuned one's place.
    """

    def __init__(self, address: str) -> None:
        litellm.suppress_debug_info = True
        names = {"first": INSTEAD_OF_TUNED, "second": BASE}
        at = {"api_base": f"{address}/v1beta", "api_key": KEY}
        falls_back = [{"first": ["second"]}]
        self._router = Router(
            model_list=[
                {"model_name": name, "litellm_params": {"model": f"gemini/{model}", **at}}
                for name, model in names.items()
            ],
            fallbacks=falls_back,
            context_window_fallbacks=falls_back,
        )
        self._messages: list[AllMessageValues] = [
            ChatCompletionUserMessage(role="user", content=text)
            if role == "user"
            else ChatCompletionAssistantMessage(role="assistant", content=text)
            for role, text in turns()
        ]
        self._runner = asyncio.Runner()

    def ask(self, mode: Mode, hand_out: HandOut) -> None:
        """Asks with `acompletion`."""
        self._runner.run(self._invoke(hand_out) if mode is Mode.INVOKE else self._stream(hand_out))

    async def _invoke(self, hand_out: HandOut) -> None:
        answer = await self._router.acompletion(model="first", messages=self._messages)
        choice = answer.choices[0]
        hand_out(choice.message.content or "", choice.finish_reason)

    async def _stream(self, hand_out: HandOut) -> None:
        chunks = await self._router.acompletion(model="first", messages=self._messages, stream=True)
        async for chunk in chunks:
            for choice in chunk.choices:
                hand_out(choice.delta.content or "", choice.finish_reason)
