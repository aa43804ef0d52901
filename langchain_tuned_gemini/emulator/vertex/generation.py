"""`generateContent`, `streamGenerateContent`, `countTokens`: endpoints and Google's models."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, published
from langchain_tuned_gemini.emulator.http.wire import compact
from langchain_tuned_gemini.emulator.model.completions import Completion, Style, token_details
from langchain_tuned_gemini.emulator.model.generation import (
    complete,
    refuse_prefill,
    streamed,
    whole,
)
from langchain_tuned_gemini.emulator.model.prompts import read_prompt
from langchain_tuned_gemini.emulator.model.similarity import nearest
from langchain_tuned_gemini.emulator.vertex import publisher_models, registered_models
from langchain_tuned_gemini.emulator.vertex.lookup import endpoint_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.prompts import Prompt
    from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
    from langchain_tuned_gemini.emulator.store import World
    from langchain_tuned_gemini.emulator.vertex.tuning_job import ModelVersion


def generate(world: World, call: Call) -> Reply:
    """The whole answer at once."""
    return whole(world, _complete(world, call))


def stream(world: World, call: Call) -> Reply:
    """The answer in pieces."""
    return streamed(world, call, _complete(world, call))


def count_tokens(world: World, call: Call) -> JsonObject:
    """The tokens of a prompt, of a base model or an endpoint: the same estimate everywhere."""
    _generator(world, call)
    prompt = read_prompt(call.body)
    return compact(
        totalTokens=prompt.tokens,
        totalBillableCharacters=prompt.characters,
        promptTokensDetails=token_details(prompt.tokens_by_modality),
    )


def _complete(world: World, call: Call) -> Completion:
    base, learnt = _generator(world, call)
    prompt = _prompt(call)
    if learnt is None:
        refuse_prefill(prompt, base)
        example = nearest(prompt.examples, prompt.query)
    else:
        example = learnt.nearest(prompt.query)
    return complete(world, call, prompt, example, base, Style.VERTEX)


def _generator(world: World, call: Call) -> tuple[BaseModel, ExampleIndex | None]:
    """Who answers: a base model, with what it has learnt if it was tuned."""
    if published(call.name):
        return publisher_models.find(world, call), None
    if ResourceName.parse(call.name).kind == "models":
        registered_models.refuse(call)
    version = _deployed(world, call)
    return world.base_models[f"models/{version.base_model}"], version.examples


def _deployed(world: World, call: Call) -> ModelVersion:
    endpoint, status = endpoint_of(world, call), world.options.answer_while_undeployed
    if endpoint.deployed:
        deployment = endpoint.deployed[0]
        return world.vertex.models[deployment.model][deployment.version]
    reason = f"Endpoint `{endpoint.name}` has no deployed model."
    if status == HTTPStatus.BAD_REQUEST:
        raise ApiError(400, reason, status="FAILED_PRECONDITION")
    raise ApiError(status, reason if status == HTTPStatus.NOT_FOUND else None)


def _prompt(call: Call) -> Prompt:
    """The prompt of a request to generate.

    Raises:
        ApiError: 400 for a turn without a role, which the Developer API takes for the user's.
            Reported from Vertex AI by many of its users, with this text; not of countTokens,
            for which langchain-google-genai 4.4.3 sends no role.
    """
    if any(not turn.text("role") for turn in call.body.messages("contents")):
        raise ApiError(400, "Please use a valid role: user, model.")
    return read_prompt(call.body)


HANDLERS: Mapping[str, Callable[[World, Call], Reply | JsonObject]] = {
    "generateContent": generate,
    "streamGenerateContent": stream,
    "countTokens": count_tokens,
}
