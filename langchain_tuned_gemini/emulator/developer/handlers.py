"""The Developer API's methods, one function each, in a table by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import (
    base_models,
    generation,
    operations,
    permissions,
    tuned_models,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

HANDLERS: Mapping[str, Callable[[World, Call], Reply | JsonObject]] = {
    **tuned_models.HANDLERS,
    **operations.HANDLERS,
    **permissions.HANDLERS,
    **base_models.HANDLERS,
    **generation.HANDLERS,
}
