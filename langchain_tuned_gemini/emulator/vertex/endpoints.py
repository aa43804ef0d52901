"""`endpoints`: get, list, undeployModel, delete; and generating, of them and of Google's models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator import generation
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, published
from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact, etag, timestamp
from langchain_tuned_gemini.emulator.model.completions import Style, token_details
from langchain_tuned_gemini.emulator.model.prompts import read_prompt
from langchain_tuned_gemini.emulator.vertex import publisher_models
from langchain_tuned_gemini.emulator.vertex.lookup import found, in_use, invalid, listed, name_of
from langchain_tuned_gemini.emulator.vertex.operations import start

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.model.examples import TrigramIndex
    from langchain_tuned_gemini.emulator.state.store import Store
    from langchain_tuned_gemini.emulator.state.vertex_store import EndpointRecord

_FILTERS = {"endpoint": "name", "displayName": "displayName"}


def get(store: Store, call: MethodCall) -> JsonObject:
    """One endpoint."""
    return _shown(_find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the endpoints of a location."""
    return listed(store, call, store.vertex.endpoints, _shown, _FILTERS)


def undeploy_model(store: Store, call: MethodCall) -> JsonObject:
    """Starts to take a model off its endpoint."""
    endpoint, deployed_id = _find(store, call), call.body.text("deployedModelId")
    if not deployed_id.isdecimal():
        raise invalid("deployed_model_id", "Invalid deployed model id, it should be a numeric id")
    if endpoint.deployed is None or deployed_id != endpoint.deployed.id:
        raise invalid("deployed_model_id", f"{endpoint.name} has no deployed model {deployed_id}")
    return start(store, call, endpoint.name, deployment=deployed_id)


def delete(store: Store, call: MethodCall) -> JsonObject:
    """Starts to delete an endpoint."""
    endpoint = _find(store, call)
    if endpoint.deployed is not None:
        # Only the middle of the text was seen.
        msg = (
            f"Endpoint {endpoint.name} has deployed or being-deployed DeployedModel(s) with "
            f"id(s) [{endpoint.deployed.id}]. Undeploy them first."
        )
        raise in_use(msg)
    return start(store, call, endpoint.name)


def predict(store: Store, call: MethodCall) -> JsonObject:
    """Refuses: generative models answer generateContent only."""
    _find(store, call)
    # Google's words (litellm issue 5678).
    msg = (
        "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/"
        "quickstart-multimodal for Gemini usage."
    )
    raise in_use(msg)


def generate(store: Store, call: MethodCall) -> Reply:
    """The answer of an endpoint or of a base model, whole or in pieces."""
    base, learnt = _generator(store, call)
    # The Developer API takes a turn without a role for the user's. Reported from Vertex AI by many
    # of its users, with this text; not of countTokens, for which langchain-google-genai 4.4.3
    # sends no role.
    if any(not turn.text("role") for turn in call.body.messages("contents")):
        raise ApiError(400, "Please use a valid role: user, model.")
    return generation.generate(store, call, read_prompt(call.body), base, learnt, Style.VERTEX)


def count_tokens(store: Store, call: MethodCall) -> JsonObject:
    """The tokens of a prompt, of a base model or an endpoint: the same estimate everywhere."""
    _generator(store, call)
    prompt = read_prompt(call.body)
    return compact(
        totalTokens=prompt.tokens,
        totalBillableCharacters=prompt.characters,
        promptTokensDetails=token_details(prompt.tokens_by_modality),
    )


def _find(store: Store, call: MethodCall) -> EndpointRecord:
    return found(store, call, store.vertex.endpoints.get(name_of(store, call)))


def _generator(store: Store, call: MethodCall) -> tuple[ServedModel, TrigramIndex | None]:
    """The base model that answers, and what it has learnt if it was tuned."""
    if published(call.name):
        return publisher_models.find(store, call), None
    if ResourceName.parse(call.name).kind == "models":
        # Google's words (python-genai issue 1679).
        msg = (
            f"The Model name {call.name} is malformed and it should be in form of "
            "projects/{project}/locations/{location}/publishers/google/models/{model}"
        )
        raise ApiError(400, msg)
    endpoint = _find(store, call)
    version = store.vertex.deployed(endpoint)
    if version is None:
        reason = f"Endpoint `{endpoint.name}` has no deployed model."
        raise generation.unavailable(store.options.answer_while_undeployed, reason)
    return store.base_models[f"models/{version.base_model}"], version.examples


def _shown(record: EndpointRecord) -> JsonObject:
    deployed = record.deployed
    shown = deployed and compact(
        id=deployed.id,
        model=deployed.model,
        displayName=record.display_name,
        createTime=timestamp(record.create_time),
        modelVersionId=str(deployed.version),
        checkpointId=deployed.checkpoint_id,
    )
    return compact(
        name=record.name,
        displayName=record.display_name,
        deployedModels=shown and [shown],
        trafficSplit=deployed and {deployed.id: 100},
        etag=etag(record.update_time),
        labels=dict(record.labels),
        createTime=timestamp(record.create_time),
        updateTime=timestamp(record.update_time),
    )
