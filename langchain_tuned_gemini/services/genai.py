"""The control plane over google-genai, the SDK that is always installed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
from google.genai.errors import APIError
from pydantic import SecretStr

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
from langchain_tuned_gemini.tuned_models.tuned_model import Platform, TunedModel, TunedModelState

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
        self._http_options: HttpOptionsDict = {
            "api_version": API_VERSION,
            # In milliseconds; without it, google-genai waits for ever.
            "timeout": round(timeout * 1000),
        }
        self._list_config: ListModelsConfigDict = {
            "http_options": self._http_options,
            "page_size": PAGE_SIZE,
            "query_base": False,
        }

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
        name = TunedModelName.parse(name).on("developer")
        with _translated(f"Reading {name}", name):
            job = self._client.tunings.get(
                name=str(name), config={"http_options": self._http_options}
            )
        return _described(name, job)

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        name = TunedModelName.parse(name).on("developer")
        with _translated(f"Reading {name}", name):
            job = await self._client.aio.tunings.get(
                name=str(name), config={"http_options": self._http_options}
            )
        return _described(name, job)

    def list(self) -> TunedModels:
        """Describes all tuned models that the key can see.

        google-genai's list leaves out the states, so each model is asked for its own, 8 at a
        time; one that is deleted in between is left out. One that stays in the list, and is not
        found, is in no known state.
        """
        listed = self._listed()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tuned-model-states") as pool:
            models = [*pool.map(self._complete, listed)]
        again = self._listed() if None in models else []
        return _those_there(listed, models, again)

    async def alist(self) -> TunedModels:
        """Describes all tuned models that the key can see; see `list`."""
        listed = await self._alisted()
        limit = asyncio.Semaphore(_AT_ONCE)
        asked = [asyncio.create_task(self._acomplete(item, limit)) for item in listed]
        try:
            models = await asyncio.gather(*asked)
        finally:  # the first error ends the list, and with it the other requests
            for task in asked:
                task.cancel()
        again = await self._alisted() if None in models else []
        return _those_there(listed, models, again)

    def _listed(self) -> Sequence[Model]:
        pages = Pages[Any]()
        with _translated("Listing the tuned models"):
            pager = self._client.models.list(config=self._list_config)
            while pages.add(_named(pager.page), _next_token(pager)):
                pager.next_page()
        return pages.items

    async def _alisted(self) -> Sequence[Model]:
        pages = Pages[Any]()
        with _translated("Listing the tuned models"):
            pager = await self._client.aio.models.list(config=self._list_config)
            while pages.add(_named(pager.page), _next_token(pager)):
                await pager.next_page()
        return pages.items

    def delete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        name = TunedModelName.parse(name).on("developer")
        with _translated(f"Deleting {name}", name):
            self._client.models.delete(model=str(name), config={"http_options": self._http_options})

    async def adelete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        name = TunedModelName.parse(name).on("developer")
        with _translated(f"Deleting {name}", name):
            await self._client.aio.models.delete(
                model=str(name), config={"http_options": self._http_options}
            )

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

    def _complete(self, listed: Model) -> TunedModel | None:
        """Adds what the list does not tell; None for a model that was not found."""
        try:
            return _with_display_name(self.get(listed.name or ""), listed)
        except TunedModelNotFoundError:
            return None

    async def _acomplete(self, listed: Model, limit: asyncio.Semaphore) -> TunedModel | None:
        """Adds what the list does not tell; None for a model that was not found."""
        try:
            async with limit:
                return _with_display_name(await self.aget(listed.name or ""), listed)
        except TunedModelNotFoundError:
            return None


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


def _named(page: Any) -> Iterator[tuple[str, Model]]:
    return ((model.name, model) for model in page)


def _next_token(pager: Any) -> str | None:
    token: str | None = pager.config.get("page_token")
    return token


@contextmanager
def _translated(action: str, name: TunedModelName | None = None) -> Iterator[None]:
    """Turns everything that google-genai raises for a request into an error of ours.

    Args:
        action: What is being done, as the start of a sentence.
        name: The tuned model that it is about, if it is one.
    """
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
