"""Where the tuned model is, and whose HTTP stack it is called over.

Ours is always httpx, on the Developer API and on Vertex AI. A user's own `ChatGoogleGenerativeAI` is
on httpx2 from google-genai 3 on and on httpx before, or on what `GOOGLE_GENAI_HTTP_CLIENT` says;
its asynchronous calls are on aiohttp as soon as that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.genai import _api_client
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.transport.access import tls_arguments
from tests.integration_tests.fault_matrix.task import BASE, ENDPOINT, EXAMPLES, SPARE, TUNED
from tests.integration_tests.fault_matrix.ways import (
    ASYNC,
    EVERY,
    STREAMED,
    Ask,
    ainvoke,
    astream,
    invoke,
    stream,
)

OURS, VERTEX = "ours", "vertex"
HTTPX, HTTPX2, AIOHTTP = "httpx", "httpx2", "aiohttp"
PLAIN = (HTTPX, HTTPX2, AIOHTTP)

quiet = [
    # google-genai makes a subclass of what aiohttp would rather keep as it is, …
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    # … and the plain model leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
"""Marks for modules with plain models in them."""

ALL: list[tuple[str, Ask]] = [
    *((OURS, ask) for ask in EVERY),
    *((VERTEX, ask) for ask in (invoke, astream)),
    *((HTTPX, ask) for ask in (invoke, astream)),
    *((HTTPX2, ask) for ask in (ainvoke, stream)),  # a fork of httpx: the other two ways
    *((AIOHTTP, ask) for ask in ASYNC),
]
"""Every way to ask ours, and two ways each to ask it on Vertex AI, and a plain model."""


def _on(pairs: list[tuple[str, Ask]]) -> pytest.MarkDecorator:
    ids = [f"{stack}-{ask.__name__}" for stack, ask in pairs]
    return pytest.mark.parametrize(("stack", "ask"), pairs, ids=ids)


on_every_stack = _on(ALL)
"""Every way to ask, on every stack that it can be on."""


every_stream_on_every_stack = _on([pair for pair in ALL if pair[1] in STREAMED])
"""Those of them that stream."""

streamed_on_both_platforms = _on([(OURS, stream), (OURS, astream), (VERTEX, stream)])
"""For what concerns no HTTP stack."""


def tuned_on(stack: str) -> str:
    """The tuned model's name."""
    return ENDPOINT if stack == VERTEX else TUNED


@dataclass(frozen=True, slots=True)
class Lab:
    """Builds the models of one test.

    Attributes:
        key: The API key of all of them; no other test has it.
        monkeypatch: Chooses the HTTP stack, as the environment would.
    """

    key: str
    monkeypatch: pytest.MonkeyPatch

    def robust(
        self, stack: str, base_url: str, *, base_at: str | None = None, **settings: Any
    ) -> FallbackChatModel:
        """A tuned model at this address, and one that answers for it, there or elsewhere."""
        if stack not in PLAIN:
            tuned = ChatTunedGemini(model=tuned_on(stack), api_key=self.key, base_url=base_url)
            base = BASE if base_at is None else self._spare(base_at)
            return tuned.with_few_shot_fallback(base, examples=EXAMPLES, **settings)
        # As it is where aiohttp is not installed: google-genai looks once, when it is imported.
        self.monkeypatch.setattr(_api_client, "has_aiohttp", stack == AIOHTTP)
        self.monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", HTTPX2 if stack == HTTPX2 else HTTPX)
        models = [
            self._plain(TUNED, base_url),
            self._plain(SPARE, base_at or base_url),
        ]
        return FallbackChatModel(models=models, **settings)

    def _spare(self, base_url: str) -> ChatTunedGemini:
        return ChatTunedGemini(model=SPARE, api_key=self.key, base_url=base_url)

    def _plain(self, name: str, base_url: str) -> ChatGoogleGenerativeAI:
        return ChatGoogleGenerativeAI(
            model=name,
            api_key=self.key,
            base_url=base_url,
            timeout=5.0,
            max_retries=1,
            client_args=tls_arguments(),  # saves 60 ms for each model
        )
