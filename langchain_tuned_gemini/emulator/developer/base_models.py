"""`models`: get, list, countTokens; and the base models that an emulator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import tuned_model_resource
from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import compact
from langchain_tuned_gemini.emulator.model.completions import token_details
from langchain_tuned_gemini.emulator.model.prompts import read_prompt
from langchain_tuned_gemini.tuned_models.locations import GLOBAL, REGIONS

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

DEFAULT_PAGE_SIZE = 50

TUNABLE = "models/gemini-1.5-flash-001-tuning"
"""The last model that the Developer API could tune (until May 2025)."""

KNOWN = (
    BaseModel(
        name=TUNABLE,
        display_name="Gemini 1.5 Flash 001 Tuning",
        # Limits: generative-ai-docs, model-tuning/python.ipynb, cell 15.
        input_token_limit=16_384,
        output_token_limit=8_192,
        tunable=True,
    ),
    BaseModel(
        name="models/gemini-2.5-flash",
        display_name="Gemini 2.5 Flash",
        thinking=True,
        locations=(*REGIONS, GLOBAL),  # multi-regions have Gemini 3 and later
    ),
    BaseModel(
        name="models/gemini-3.5-flash",
        display_name="Gemini 3.5 Flash",
        thinking=True,
        gemini_3=True,
    ),
    BaseModel(
        name="models/gemini-3.5-flash-lite",
        display_name="Gemini 3.5 Flash-Lite",
        thinking=True,
        gemini_3=True,
        accepts_prefill=False,
    ),
)


def find(world: World, call: Call) -> BaseModel:
    """The base model that a call addresses.

    Raises:
        ApiError: 400 for a name of another kind, 404 for one that is not known. Both
            texts are those of generateContent (langchain-google issue 631, adk-python
            issue 200); what get and countTokens say is not published.
    """
    name = call.model or ""
    if name.count("/") != 1:
        raise ApiError(400, "* GenerateContentRequest.model: unexpected model name format\n")
    model = world.base_models.get(name)
    if model is None:
        msg = (
            f"{name} is not found for API version {call.version}, or is not supported for "
            "generateContent. Call ListModels to see the list of available models and their "
            "supported methods."
        )
        raise ApiError(404, msg)
    return model


def get(world: World, call: Call) -> JsonObject:
    """One base model."""
    return tuned_model_resource.base_model(find(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the base models."""
    models = sorted(world.base_models.values(), key=lambda m: m.name)
    shown, token = page(call, models, lambda m: m.name, default=DEFAULT_PAGE_SIZE)
    return compact(
        models=[tuned_model_resource.base_model(model) for model in shown],
        nextPageToken=token,
    )


def count_tokens(world: World, call: Call) -> JsonObject:
    """The tokens of a prompt: the same estimate as in `usageMetadata`."""
    find(world, call)
    body = call.body
    request = body.message("generateContentRequest") if "generateContentRequest" in body else body
    prompt = read_prompt(request)
    return compact(
        totalTokens=prompt.tokens, promptTokensDetails=token_details(prompt.tokens_by_modality)
    )


HANDLERS = {
    "models.get": get,
    "models.list": list_,
    "countTokens": count_tokens,
}
