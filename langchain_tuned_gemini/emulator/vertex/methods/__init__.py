"""Vertex AI's methods, one function each, in a table by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.vertex.methods import (
    endpoints,
    generation,
    models,
    operations,
    publisher_models,
    tuning_jobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.calls import Call
    from langchain_tuned_gemini.emulator.replies import Reply
    from langchain_tuned_gemini.emulator.wire import JsonObject
    from langchain_tuned_gemini.emulator.world import World

HANDLERS: Mapping[str, Callable[[World, Call], Reply | JsonObject]] = {
    **tuning_jobs.HANDLERS,
    **endpoints.HANDLERS,
    **models.HANDLERS,
    **operations.HANDLERS,
    **publisher_models.HANDLERS,
    **generation.HANDLERS,
}
