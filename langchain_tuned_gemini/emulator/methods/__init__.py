"""The Developer API's methods, one function each, in a table by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.methods import (
    base_models,
    generation,
    operations,
    permissions,
    tuned_models,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.calls import Call
    from langchain_tuned_gemini.emulator.replies import Reply
    from langchain_tuned_gemini.emulator.wire import JsonObject
    from langchain_tuned_gemini.emulator.world import World

HANDLERS: Mapping[str, Callable[[World, Call], Reply | JsonObject]] = {
    **tuned_models.HANDLERS,
    **operations.HANDLERS,
    **permissions.HANDLERS,
    **base_models.HANDLERS,
    **generation.HANDLERS,
}
