"""The control plane over google-genai, the SDK that is always installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
from google.genai.errors import APIError
from pydantic import SecretStr

from langchain_tuned_gemini.effects import Call, Flow, SubFlow, Together, arun, run
from langchain_tuned_gemini.errors import (
    ParameterError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.redaction import redact
from langchain_tuned_gemini.services import TunedModels
from langchain_tuned_gemini.services.error_translation import not_geminis, reason_of, refused
from langchain_tuned_gemini.services.pages import PAGE_SIZE, Pages
from langchain_tuned_gemini.transport.access import API_VERSION, DeveloperAccess
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import HttpOptionsDict, ListModelsConfigDict, Model, TuningJob

_AT_ONCE = 8
"""How many models are asked for their state at the same time."""

# google-genai translates the Developer API's words into those of Vertex AI's tuning jobs, one
# to one, so they can be translated back (google/genai/_transformers.py, t_tuning_job_status).
_PLATFORM_WORDS = {
    "JOB_STATE_UNSPECIFIED": "STATE_UNSPECIFIED",
    "JOB_STATE_RUNNING": "CREATING",
    "JOB_STATE_SUCCEEDED": "ACTIVE",
    "JOB_STATE_FAILED": "FAILED",
}


class GenAIService:
    """Reads, lists and deletes tuned models of the Gemini Developer API over google-genai.

    It tells the state, the base model and the times. What google-genai drops can't be told:
    snapshots and loss, hyperparameters, and the display name except in a list.

    Args:
        client: A client of the Developer API. It is kept: a client that is let go of closes
            its connections. Whatever version it speaks, `v1beta` is asked: by default it is
            `v1` from google-genai 3 on, which has no records of tuned models.
        timeout: How long one request may take, in seconds.

    Raises:
        ParameterError: The client is one of Vertex AI.
    """

    platform: Platform = "developer"

    def __init__(self, client: Client, *, timeout: float = 10.0) -> None:
        if client.vertexai:
            raise ParameterError(
                "GenAIService needs a client of the Gemini Developer API, but this one is of "
                "Vertex AI. Use google.genai.Client(api_key=...), or VertexService."
            )
        self._client = client
        # In milliseconds; without a timeout, google-genai waits for ever.
        options: HttpOptionsDict = {"api_version": API_VERSION, "timeout": round(timeout * 1000)}
        self._config: Any = {"http_options": options}

    @classmethod
    def from_api_key(
        cls, api_key: str, *, base_url: str | None = None, timeout: float = 10.0
    ) -> GenAIService:
        """A service over the connections that all models of the process share.

        Args:
            api_key: The API key.
            base_url: Where the API is; Google's own address when None.
            timeout: How long one request may take, in seconds.
        """
        return cls(DeveloperAccess(SecretStr(api_key), base_url).client(), timeout=timeout)

    def client(self) -> Client:
        """The client that it asks with."""
        return self._client

    def get(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        return run(self._get(name))

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        return await arun(self._get(name))

    def _get(self, name: str | TunedModelName) -> Flow[TunedModel]:
        name = TunedModelName.parse(name).on("developer")
        ways = (self._client.tunings.get, self._client.aio.tunings.get)
        with _translated(f"Reading {name}", name):
            job = yield Call(*ways, name=str(name), config=self._config)
        return _described(name, job)

    def list(self) -> TunedModels:
        """Describes all tuned models that the key can see.

        google-genai's list leaves out the states, so each model is asked for its own, 8 at a
        time; one that is deleted in between is left out. One that stays in the list, and is not
        found, is in no known state.
        """
        return run(self._list())

    async def alist(self) -> TunedModels:
        """Describes all tuned models that the key can see; see `list`."""
        return await arun(self._list())

    def _list(self) -> Flow[TunedModels]:
        listed = yield from self._listed()
        ask = [SubFlow(partial(self._complete, item)) for item in listed]
        models = yield Together(ask, at_once=_AT_ONCE)
        again = (yield from self._listed()) if None in models else []
        return _those_there(listed, models, again)

    def _listed(self) -> Flow[Sequence[Model]]:
        pages = Pages[Any]()
        config: ListModelsConfigDict = {
            "http_options": self._config["http_options"],
            "page_size": PAGE_SIZE,
            "query_base": False,
        }
        ways = (self._client.models.list, self._client.aio.models.list)
        with _translated("Listing the tuned models"):
            pager = yield Call(*ways, config=config)
            while pages.add(
                ((model.name, model) for model in pager.page), pager.config.get("page_token")
            ):
                yield Call(pager.next_page, pager.next_page)
        return pages.items

    def _complete(self, listed: Model) -> Flow[TunedModel | None]:
        """Adds what the list does not tell; None for a model that was not found."""
        try:
            return _with_display_name((yield from self._get(listed.name or "")), listed)
        except TunedModelNotFoundError:
            return None

    def delete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        run(self._delete(name))

    async def adelete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        await arun(self._delete(name))

    def _delete(self, name: str | TunedModelName) -> Flow[None]:
        name = TunedModelName.parse(name).on("developer")
        ways = (self._client.models.delete, self._client.aio.models.delete)
        with _translated(f"Deleting {name}", name):
            yield Call(*ways, model=str(name), config=self._config)

    def create(self, *_: Any, **__: Any) -> NoReturn:
        """Refuses: google-genai would send the request without its training examples.

        https://github.com/googleapis/python-genai/commit/4540f9d2

        Raises:
            ServiceError: Always; it names the service that can.
        """
        raise ServiceError(
            "google-genai can't create tuned models: it drops the training examples without a "
            "word. Use GenerativeAIService(api_key), which needs: "
            'pip install "langchain-tuned-gemini[generativeai]"',
            is_retryable=False,
        )

    async def acreate(self, *_: Any, **__: Any) -> NoReturn:
        """Refuses; see `create`."""
        self.create()


def _described(name: TunedModelName, job: TuningJob) -> TunedModel:
    """The value that stands for google-genai's."""
    word = job.state.value if job.state else "JOB_STATE_UNSPECIFIED"
    raw_state = _PLATFORM_WORDS.get(word, word)
    return TunedModel(
        name=str(name),
        state=TunedModelState.parse(raw_state),
        raw_state=raw_state,
        endpoint=str(name),
        base_model=job.base_model or "",
        create_time=job.create_time,
        update_time=job.update_time,
    )


def _those_there(
    listed: Sequence[Model], models: Sequence[TunedModel | None], again: Sequence[Model]
) -> TunedModels:
    """The models, but those that were not found and are not listed any more."""
    left = {item.name for item in again}
    pairs = zip(listed, models, strict=True)
    return [m or _unread(item) for item, m in pairs if m or item.name in left]


def _unread(listed: Model) -> TunedModel:
    """A model that is listed, and was not found."""
    name, word = listed.name or "", "STATE_UNSPECIFIED"
    model = TunedModel(name, TunedModelState.parse(word), word, endpoint=name)
    return _with_display_name(model, listed)


def _with_display_name(model: TunedModel, listed: Model) -> TunedModel:
    return replace(model, display_name=listed.display_name or "")


@contextmanager
def _translated(action: str, name: TunedModelName | None = None) -> Iterator[None]:
    """Turns everything that google-genai raises for a request into an error of ours."""
    try:
        yield
    except APIError as error:
        raise refused(action, error.code, redact(error).details, name=name) from error
    except httpx.TransportError as error:
        raise ServiceUnreachableError(_address_in(error), reason_of(error)) from redact(error)
    except _other_transports() as error:
        raise ServiceUnreachableError("the Gemini API", reason_of(error)) from redact(error)
    except ValueError as error:  # not JSON, or not the JSON of a tuned model
        problem = not_geminis(action)
        raise problem from redact(error)


def _other_transports() -> tuple[type[Exception], ...]:
    """The errors of the HTTP libraries that google-genai may use for a client of the user's."""
    found: list[type[Exception]] = [OSError]
    if aiohttp := sys.modules.get("aiohttp"):
        found.append(aiohttp.ClientError)
    if httpx2 := sys.modules.get("httpx2"):
        found.append(httpx2.TransportError)
    return tuple(found)


def _address_in(error: httpx.TransportError) -> str:
    """Where the request went."""
    try:
        url = error.request.url
    except RuntimeError:  # httpx raises it where an error knows no request
        return "the Gemini API"
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
