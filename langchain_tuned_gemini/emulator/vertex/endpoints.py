"""`endpoints`: get, list, undeployModel, delete, and the refusal to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.vertex import tuning_job_resource
from langchain_tuned_gemini.emulator.vertex.errors import in_use, invalid
from langchain_tuned_gemini.emulator.vertex.lookup import endpoint_of, listed
from langchain_tuned_gemini.emulator.vertex.operations import DELETE, UNDEPLOY, start

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

_FILTERS = {"endpoint": "name", "displayName": "displayName"}


def get(world: World, call: Call) -> JsonObject:
    """One endpoint."""
    return tuning_job_resource.endpoint(endpoint_of(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the endpoints of a location."""
    return listed(
        world,
        call,
        "endpoints",
        world.vertex.endpoints,
        created=lambda endpoint: endpoint.create_time,
        shown=tuning_job_resource.endpoint,
        fields=_FILTERS,
    )


def undeploy_model(world: World, call: Call) -> JsonObject:
    """Starts to take a model off its endpoint.

    Raises:
        ApiError: 400 for a deployed model that the endpoint does not have (the form of the
            text is that of java-docs-samples issue 8985).
    """
    endpoint, deployed_id = endpoint_of(world, call), call.body.text("deployedModelId")
    if not deployed_id.isdecimal():
        raise invalid("deployed_model_id", "Invalid deployed model id, it should be a numeric id")
    if deployed_id not in {deployment.id for deployment in endpoint.deployed}:
        raise invalid("deployed_model_id", f"{endpoint.name} has no deployed model {deployed_id}")
    return start(world, call, endpoint.name, UNDEPLOY, deployment=deployed_id)


def delete(world: World, call: Call) -> JsonObject:
    """Starts to delete an endpoint.

    Raises:
        ApiError: 400 while a model is deployed to it; only the middle of the text was seen.
    """
    endpoint = endpoint_of(world, call)
    if endpoint.deployed:
        ids = ", ".join(deployment.id for deployment in endpoint.deployed)
        msg = (
            f"Endpoint {endpoint.name} has deployed or being-deployed DeployedModel(s) with "
            f"id(s) [{ids}]. Undeploy them first."
        )
        raise in_use(msg)
    return start(world, call, endpoint.name, DELETE)


def predict(world: World, call: Call) -> JsonObject:
    """Refuses: generative models answer generateContent only.

    Raises:
        ApiError: 400, in Google's words (litellm issue 5678).
    """
    endpoint_of(world, call)
    msg = (
        "Gemini cannot be accessed through Vertex Predict/RawPredict API. Please follow "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/start/quickstarts/"
        "quickstart-multimodal for Gemini usage."
    )
    raise in_use(msg)


HANDLERS = {
    "endpoints.get": get,
    "endpoints.list": list_,
    "endpoints.undeployModel": undeploy_model,
    "endpoints.delete": delete,
    "predict": predict,
}
