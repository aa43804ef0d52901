"""ChatGoogleGenerativeAI over the shared HTTP clients: the part that speaks to Gemini."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import PrivateAttr

from langchain_tuned_gemini.chat_models.arguments import unsendable
from langchain_tuned_gemini.transport.access import (
    Absent,
    Access,
    DeveloperAccess,
    VertexAccess,
    tls_arguments,
)
from langchain_tuned_gemini.tuned_models.base_models import find
from langchain_tuned_gemini.tuned_models.locations import doubt_about

Fit: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes a call's arguments suit a model."""

_NAMED = re.compile(r"^(Error calling model ')[^']*(?=')")
_LOCATION = re.compile(r"^projects/[^/]+/locations/(?P<location>[^/]+)/")
_AT = re.compile(r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/publishers/.*")


def name_asked(error: Exception, address: str, *, was_found: bool) -> None:
    """Says in upstream's error which model was asked, where it says what that was tuned from.

    Args:
        error: The error, which is changed.
        address: The model that was asked.
        was_found: Whether it was there; if not, it is told whether its location may be misspelt.
    """
    if not (error.args and isinstance(said := error.args[0], str)):
        return
    said = _NAMED.sub(lambda match: match[1] + address, said, count=1)
    place = None if was_found else _LOCATION.search(address)
    doubt = doubt_about(place["location"]) if place else ""
    if doubt and doubt not in said:
        said = f"{said.rstrip('. ')}. {doubt}."
    error.args = (said, *error.args[1:])


def published_in(base: str) -> str | None:
    """The location that stands in a base model's own name; None for most of them.

    Example:
        >>> published_in("projects/p/locations/global/publishers/google/models/gemini-3.5-flash")
        'global'
    """
    place = _AT.fullmatch(base)
    return place["location"] if place else None


def google_chat_model(
    model: str,
    *,
    access: Access,
    patience: Mapping[str, Any],
    parameters: Mapping[str, Any],
    base_model: str = "",
    fit: Fit | None = None,
) -> ChatGoogleGenerativeAI:
    """A Gemini chat model that sends only what it is told to, once, over shared connections.

    Upstream decides by a model's name what it takes. Where that matters (a Gemini 3 refuses a
    function call of another model's in its history unless it is signed), a tuned model gets
    its base model's name, and a client that puts the right one into the request.

    Args:
        model: The name that Google knows it by; a base model's may have a project and a
            location of its own before it.
        access: The right to call it.
        patience: What `Access.client` takes: how long to wait for an answer, and for how much.
        parameters: Generation parameters.
        base_model: What a tuned model was tuned from; empty where it is not known.
        fit: Makes the arguments of a call suit it; None for one that takes what it is given.
    """
    if isinstance(access, VertexAccess) and (place := _AT.fullmatch(model)):
        access = replace(access, project=place["project"], location=place["location"])
    base = find(base_model)
    inner = _GeminiChatModel(
        model=base.id if base and base.signs_thoughts else model,
        client_args={**tls_arguments(), "trust_env": False},  # proxies are ours to look for
        **_of_platform(access),
        # None keeps upstream from sending the 0.7 that it sends to every tuned model.
        **{"temperature": None, **parameters},
    )
    client = access.client(**patience)
    is_right = inner.model == model or isinstance(client, Absent)
    addressed: Any = client if is_right else _Addressed(client, model)
    inner.client = addressed
    inner.client_args = None  # did its work above; a TLS context can't be serialised
    inner.credentials = None  # the client has them
    # Upstream makes retry options for every call, here they are the client's: 8 % of a call.
    inner.max_retries = None  # type: ignore[assignment]
    inner.n = None  # type: ignore[assignment]  # or candidateCount is sent; Gemini 3 refuses it
    inner._fit = fit
    return inner


def _of_platform(access: Access) -> dict[str, Any]:
    """The arguments from which upstream builds a client of its own, which is then replaced."""
    match access:
        case VertexAccess():
            # Not the key: upstream would put it into the process's environment.
            return {
                "vertexai": True,
                "project": access.project,
                "location": access.location,
                "credentials": access.credentials,
                "base_url": access.base_url,
            }
        case DeveloperAccess():
            return {"vertexai": False, "api_key": access.api_key, "base_url": access.base_url}
        case _:
            return {"vertexai": False, "api_key": "none"}


class _GeminiChatModel(ChatGoogleGenerativeAI):
    """Upstream's chat model, which says in the package's words why a call can't be sent."""

    _fit: Fit | None = PrivateAttr(default=None)

    def _prepare_request(self, messages: list[BaseMessage], **arguments: Any) -> dict[str, Any]:
        try:
            fitting = self._fit(arguments) if self._fit else arguments
            return super()._prepare_request(messages, **fitting)
        except (ValueError, TypeError, OverflowError) as error:
            raise unsendable(error) from error


class _Addressed:
    """A google-genai client whose requests go to one model, whatever they name.

    Args:
        client: The client. It is kept: one that is let go of closes its connections.
        address: The model that is asked.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.models = _AddressedModels(client.models, address)
        self.aio = SimpleNamespace(models=_AddressedModels(client.aio.models, address))


class _AddressedModels:
    """The methods that chat models use, asynchronous ones, too: those return awaitables."""

    def __init__(self, models: Any, address: str) -> None:
        self._models = models
        self._address = address

    def __getattr__(self, name: str) -> Any:
        """A method that has the model's name put in."""
        method = getattr(self._models, name)
        return lambda *, model, **request: method(model=self._address, **request)  # noqa: ARG005
