"""Vertex AI's methods, one function each, in a table by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.vertex import (
    endpoints,
    generation,
    operations,
    publisher_models,
    registered_models,
    tuning_jobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

HANDLERS: Mapping[str, Callable[[World, Call], Reply | JsonObject]] = {
    **tuning_jobs.HANDLERS,
    **endpoints.HANDLERS,
    **registered_models.HANDLERS,
    **operations.HANDLERS,
    **publisher_models.HANDLERS,
    **generation.HANDLERS,
}
