"""Deleting a tuned model of Vertex AI, which is three things in a certain order.

Its deployments are undone, its endpoints deleted, and then the model is; each step is a
long-running operation that is awaited. What there is to do is read from what is there, so that
a deletion that failed in the middle goes on when it is asked for again, by any of its names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from langchain_tuned_gemini.errors import (
    DeletionIncompleteError,
    ServiceError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import Deployments, TunedModelParts
from langchain_tuned_gemini.services.error_translation import NOT_NOW, JsonObject, not_geminis
from langchain_tuned_gemini.services.vertex import resources
from langchain_tuned_gemini.services.vertex.api import Flow, Sleep, VertexRequest
from langchain_tuned_gemini.services.vertex.existence import look_for, parts_of

SETTLING = 120.0
"""How long something may count as deployed after it was undeployed, in seconds of pauses. Users
report more than a minute: https://github.com/googleapis/python-aiplatform/issues/2807
"""

TIMEOUT = 600.0
"""How long an operation is awaited, in seconds of pauses."""

_FAILED_PRECONDITION = 9
"""The code of an operation's error; https://cloud.google.com/apis/design/errors#handling_errors"""

# It is put into a URL, so it is checked like any other name.
_NAME = re.compile(
    r"projects/[\w.:-]+/locations/[\w-]+/(?:\w+/[\w@-]+/)?operations/[\w-]+", re.ASCII
)

_LONGEST_PAUSE = 10.0


def deletion(name: TunedModelName) -> Flow[None]:
    """Deletes the endpoints and the model that a name stands for.

    Raises:
        TunedModelNotFoundError: There is nothing (any more) of that name.
        TunedModelNotDeletableError: It can't be deleted as it is; see `parts_of`.
        DeletionIncompleteError: A step failed; it says what is done and what is left.
    """
    parts = yield from parts_of(name)
    yield from deletion_of(name, parts)


def deletion_of(name: TunedModelName, parts: TunedModelParts) -> Flow[None]:
    """Deletes parts that were found, and nothing else; see `deletion`."""
    done: list[str] = []
    left = [str(part) for part in parts.deletable]
    try:
        for endpoint, deployments in parts.endpoints.items():
            yield from _delete_endpoint(endpoint, deployments)
            if not deployments.others:
                done.append(left.pop(0))
        if parts.model:
            version = f"{parts.model}:deleteVersion"
            path = str(parts.model.whole) if parts.is_only_version else version
            yield from _delete(parts.model, path)
    except ServiceError as error:
        raise DeletionIncompleteError(error, name=str(name), done=done, left=left) from error


def _delete_endpoint(name: TunedModelName, deployments: Deployments) -> Flow[None]:
    """Undeploys a model; deletes the endpoint, unless it answers for another model, too."""
    for deployment in deployments.ours:
        start = VertexRequest(
            f"Undeploying {name}",
            name.location,
            f"{name}:undeployModel",
            method="POST",
            body={"deployedModelId": deployment},
            name=name,
        )
        error, record = yield from _failure_of(start, name)
        if error and record and deployment in resources.deployed_models(record):
            raise error
    if not deployments.others:
        yield from _delete(name, str(name))


def _delete(name: TunedModelName, path: str) -> Flow[None]:
    """Deletes an endpoint or a model.

    For a while after it was undeployed it may count as deployed; that is waited for.
    """
    start = VertexRequest(f"Deleting {name}", name.location, path, method="DELETE", name=name)
    pauses = _pauses(1.0, growth=2.0, at_most=SETTLING)
    while True:
        error, record = yield from _failure_of(start, name)
        if error is None or record is None:
            return
        pause = next(pauses, None)
        if error.word != NOT_NOW or record.get("deployedModels") or pause is None:
            raise error
        yield Sleep(pause)


def _failure_of(
    start: VertexRequest, name: TunedModelName
) -> Flow[tuple[ServiceError | None, JsonObject | None]]:
    """Carries out a step: why it seems to have failed, and what is there after that, if anything.

    One that did not find what is there is wrong.
    """
    try:
        yield from completed(start)
    except (ServiceError, TunedModelNotFoundError) as error:
        failure = error if isinstance(error, ServiceError) else _wrong_404(error, name)
        try:
            return failure, (yield from look_for(name))
        except ServiceError:
            raise failure from failure.__cause__
    return None, None


def _wrong_404(error: TunedModelNotFoundError, name: TunedModelName) -> ServiceError:
    wrong = ServiceError(
        f"Vertex AI answers that {name} does not exist, and then that it does. Try again in a "
        "while.",
        is_retryable=True,
    )
    wrong.__cause__ = error
    return wrong


def completed(start: VertexRequest) -> Flow[JsonObject]:
    """Starts an operation, and waits for its end.

    An outage while it goes on is waited out; the operation does not notice.

    Raises:
        TunedModelNotFoundError: What it is about is not there.
        ServiceError: It failed, or did not end in time.
    """
    operation = yield start
    pauses = _pauses(0.1, growth=1.5, at_most=TIMEOUT)
    while not operation.get("done"):
        if (pause := next(pauses, None)) is None:
            raise ServiceError(
                f"{start.action} has not ended after {TIMEOUT:.0f} s. Try again in a while.",
                is_retryable=True,
            )
        yield Sleep(pause)
        try:
            operation = yield VertexRequest(
                start.action, start.location, _name_of(operation, start)
            )
        except ServiceError as outage:
            if not outage.is_retryable:
                raise
    if isinstance(error := operation.get("error"), dict):
        said = str(error.get("message", "")).rstrip(".") or f"code {error.get('code')}"
        word = NOT_NOW if error.get("code") == _FAILED_PRECONDITION else ""
        raise ServiceError(f"{start.action} failed: {said}.", is_retryable=False, word=word)
    return operation


def _pauses(first: float, *, growth: float, at_most: float) -> Iterator[float]:
    """Ever longer pauses, until they are that many seconds together."""
    waited = 0.0
    while waited < at_most:
        yield first
        waited, first = waited + first, min(first * growth, _LONGEST_PAUSE)


def _name_of(operation: JsonObject, start: VertexRequest) -> str:
    name = str(operation.get("name", ""))
    if not _NAME.fullmatch(name):
        raise not_geminis(start.action)
    return name
