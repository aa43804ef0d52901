"""`models`: get and list; and generating and countTokens, of tuned models and of base models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator import generation
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact, number
from langchain_tuned_gemini.emulator.model.completions import Style, token_details
from langchain_tuned_gemini.emulator.model.prompts import read_prompt
from langchain_tuned_gemini.emulator.state.tuned_model import ME, State, TunedModelRecord

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.state.store import Store

DEFAULT_PAGE_SIZE = 50


def get(store: Store, call: MethodCall) -> JsonObject:
    """One base model."""
    return _shown(_find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the base models."""
    models = sorted(store.base_models.values(), key=lambda m: m.name)
    return page(call, "models", models, lambda m: m.name, _shown, default=DEFAULT_PAGE_SIZE)


def count_tokens(store: Store, call: MethodCall) -> JsonObject:
    """The tokens of a prompt: the same estimate as in `usageMetadata`."""
    _find(store, call)
    body = call.body
    request = body.message("generateContentRequest") if "generateContentRequest" in body else body
    prompt = read_prompt(request)
    return compact(
        totalTokens=prompt.tokens, promptTokensDetails=token_details(prompt.tokens_by_modality)
    )


def generate(store: Store, call: MethodCall) -> Reply:
    """The answer of a tuned model or of a base model, whole or in pieces."""
    prompt = read_prompt(call.body)
    if not (call.model or "").startswith("tunedModels/"):
        return generation.generate(store, call, prompt, _find(store, call), None, Style.PLAIN)
    record = _active(store, call.model or "")
    base = store.base_models[record.base_model]
    return generation.generate(store, call, prompt, base, record.examples, Style.RATED)


def _active(store: Store, name: str) -> TunedModelRecord:
    """The tuned model, if it exists, is the caller's to use, and is ACTIVE."""
    record, options = store.tuned_models.get(name), store.options
    # github.com/google-gemini/deprecated-generative-ai-js/issues/240
    denied = f"You do not have permission to access tuned model {name}"
    if record is None:
        missing = f"Tuned model {name} does not exist."
        raise generation.unavailable(options.answer_when_missing, missing, denied)
    if record.role_of(ME) is None and not record.shared_with_everyone:
        raise ApiError(403, denied)
    state = store.training(record).state
    if state is State.ACTIVE:
        return record
    creating = state is State.CREATING
    status = options.answer_while_creating if creating else options.answer_while_failed
    reason = f"Tuned model {name} is in state {state} and can't be used."
    raise generation.unavailable(status, reason, denied)


def _find(store: Store, call: MethodCall) -> ServedModel:
    """The base model that a call addresses.

    The texts are those of generateContent (langchain-google issue 631, adk-python issue 200);
    what get and countTokens say is not published.
    """
    name = call.model or ""
    if name.count("/") != 1:
        raise ApiError(400, "* GenerateContentRequest.model: unexpected model name format\n")
    model = store.base_models.get(name)
    if model is None:
        msg = (
            f"{name} is not found for API version {call.version}, or is not supported for "
            "generateContent. Call ListModels to see the list of available models and their "
            "supported methods."
        )
        raise ApiError(404, msg)
    return model


def _shown(model: ServedModel) -> JsonObject:
    methods = ["generateContent", "countTokens"]
    if model.tunable:
        methods.append("createTunedModel")
    return compact(
        name=model.name,
        version=model.version,
        displayName=model.display_name,
        description=model.description,
        inputTokenLimit=model.input_token_limit,
        outputTokenLimit=model.output_token_limit,
        supportedGenerationMethods=methods,
        temperature=number(model.temperature),
        topP=number(model.top_p),
        topK=model.top_k,
        maxTemperature=number(model.max_temperature),
        thinking=model.thinking,
    )
