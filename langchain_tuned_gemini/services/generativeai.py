"""The control plane over google-generativeai, which alone sends and tells everything.

The SDK is at its end (https://github.com/google-gemini/deprecated-generative-ai-python), so it
is an extra, and this is the only module that imports it.

It is used with a client of our own, over REST: nothing is configured globally, the base URL may
be a local server's, and gRPC's 60 seconds of silence on a wrong address don't happen. Records
are read from that client and not through the SDK's `get_tuned_model` and `list_tuned_models`,
which crash with a TypeError on a model that was tuned with a learning rate *multiplier*.
"""

from __future__ import annotations

import asyncio
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

from pydantic import SecretStr

from langchain_tuned_gemini.dataset import Examples, TuningDataset
from langchain_tuned_gemini.errors import (
    MissingExtraError,
    ParameterError,
    ServiceUnreachableError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.redaction import redact
from langchain_tuned_gemini.secrets.secret_values import remember, secrets_in_url, without_userinfo
from langchain_tuned_gemini.services import CreationOptions, TunedModels
from langchain_tuned_gemini.services.error_translation import (
    not_geminis,
    reason_of,
    refused,
)
from langchain_tuned_gemini.services.pages import PAGE_SIZE, Pages
from langchain_tuned_gemini.transport.access import DEVELOPER_ADDRESS, DeveloperAccess
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import (
    TunedModel,
    TunedModelState,
    TuningSnapshot,
)

if TYPE_CHECKING:
    from google.ai.generativelanguage_v1beta import ModelServiceClient
    from google.ai.generativelanguage_v1beta.types import TunedModel as Record
    from google.genai import Client

_UPLOAD_TIMEOUT = 60.0
"""How long creating a model may take, in seconds: its examples may be megabytes."""


class GenerativeAIService:
    """Reads, lists, creates and deletes tuned models, with all that Google tells about them.

    The SDK is synchronous; the asynchronous methods run it in a thread. Cancelling one returns
    at once, and the request ends by itself within its timeout.

    Args:
        api_key: The API key; sent as a header, to `base_url` only.
        base_url: Where the API is, for example `http://127.0.0.1:8080`; Google's own address
            when None.
        timeout: How long one request may take, in seconds; creating a model gets a minute.

    Raises:
        MissingExtraError: google-generativeai is not installed.
    """

    platform: Platform = "developer"

    def __init__(self, api_key: str, base_url: str | None = None, *, timeout: float = 10.0) -> None:
        self._sdk = _import_sdk()
        self._access = DeveloperAccess(SecretStr(api_key), base_url)
        address = (base_url or DEVELOPER_ADDRESS).rstrip("/")
        self._address = without_userinfo(address)
        self._client = _make_client(self._access.identity, address)
        remember(self, self._access.identity, *secrets_in_url(base_url))
        # The SDK repeats a failed request for a minute by default, also one that creates.
        self._options: dict[str, Any] = {"timeout": timeout, "retry": None}

    def __repr__(self) -> str:
        return f"GenerativeAIService(base_url={self._address!r})"

    def client(self) -> Client:
        """A google-genai client with the same key: it is what calls models."""
        return self._access.client()

    def get(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        name = TunedModelName.parse(name).on("developer")
        with self._translated(f"Reading {name}", name):
            return _described(self._client.get_tuned_model(name=str(name), **self._options))

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        return await asyncio.to_thread(self.get, name)

    def list(self) -> TunedModels:
        """Describes all tuned models that the key can see."""
        pages = Pages[TunedModel]()
        with self._translated("Listing the tuned models"):
            pager = self._client.list_tuned_models({"page_size": PAGE_SIZE}, **self._options)
            for page in pager.pages:
                models = map(_described, page.tuned_models)
                pages.add(((model.name, model) for model in models), page.next_page_token)
        return pages.items

    async def alist(self) -> TunedModels:
        """Describes all tuned models that the key can see."""
        return await asyncio.to_thread(self.list)

    def delete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        name = TunedModelName.parse(name).on("developer")
        with self._translated(f"Deleting {name}", name):
            self._sdk.delete_tuned_model(
                str(name), client=self._client, request_options=self._options
            )

    async def adelete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""
        await asyncio.to_thread(self.delete, name)

    def create(
        self,
        examples: Examples,
        *,
        base_model: str,
        model_id: str | None = None,
        display_name: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> TunedModel:
        """Starts to tune a model, and returns at once; see `TunedModelService.create`.

        Raises:
            DatasetError: The examples can't be used; it names file, line and field.
            LossyConversionError: An example is a conversation or has a system instruction: the
                Developer API tunes with questions and answers only.
            ParameterError: `base_model` is not a base model.
            TunedModelNameError: Google would refuse `model_id`.
        """
        rows = list(TuningDataset.of(examples).rows("jsonl"))
        _check_base_model(base_model)
        if model_id is not None:
            TunedModelName.for_new_model(model_id)
        with self._translated("Creating a tuned model"):
            operation = self._sdk.create_tuned_model(
                base_model,
                rows,
                id=model_id,
                display_name=display_name,
                epoch_count=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                client=self._client,
                request_options={**self._options, "timeout": _UPLOAD_TIMEOUT},
            )
            told = operation.metadata
        return TunedModel(
            name=str(TunedModelName.parse(told.tuned_model)),
            state=TunedModelState.CREATING,
            raw_state="CREATING",
            endpoint=told.tuned_model,
            base_model=base_model,
            display_name=display_name or "",
            total_steps=told.total_steps or None,
        )

    async def acreate(
        self, examples: Examples, *, base_model: str, **options: Unpack[CreationOptions]
    ) -> TunedModel:
        """Starts to tune a model, and returns at once; see `create`."""
        return await asyncio.to_thread(self.create, examples, base_model=base_model, **options)

    @contextmanager
    def _translated(self, action: str, name: TunedModelName | None = None) -> Iterator[None]:
        """Turns everything that the SDK raises for a request into an error of ours."""
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import TransportError
        from google.protobuf.json_format import ParseError
        from requests import RequestException, TooManyRedirects

        try:
            yield
        except GoogleAPICallError as error:
            problem = refused(action, int(error.code or 0), _body_of(error), name=name)
            raise problem from redact(error)
        except TooManyRedirects as error:  # it is the first one: see _make_client
            status = error.response.status_code if error.response is not None else 300
            raise refused(action, status, None, name=name) from redact(error)
        except (ParseError, ValueError) as error:
            raise not_geminis(action) from redact(error)
        except (RequestException, TransportError) as error:
            raise ServiceUnreachableError(self._address, reason_of(error)) from redact(error)


def _import_sdk() -> ModuleType:
    """Imports google-generativeai without its farewells, which nobody here can act on.

    One says that the SDK has ended, the other that a Python version will one day be.
    """
    with warnings.catch_warnings():
        for farewell in (r"\s*All support for the `google", "You are using a Python version"):
            warnings.filterwarnings("ignore", farewell, FutureWarning)
        try:
            import google.generativeai as sdk
        except ModuleNotFoundError as missing:
            if not (missing.name or "").startswith("google.generativeai"):
                raise  # it is installed, but broken
            raise MissingExtraError("GenerativeAIService", extra="generativeai") from None
    return sdk


def _make_client(api_key: str, address: str) -> ModelServiceClient:
    """A client over REST that follows no redirect: it would take the API key along."""
    from google.ai.generativelanguage_v1beta import ModelServiceClient
    from google.ai.generativelanguage_v1beta.services.model_service.transports import (
        ModelServiceRestTransport,
    )

    def transport(**options: Any) -> ModelServiceRestTransport:
        made = ModelServiceRestTransport(**options)
        made._session.max_redirects = 0  # it has no public way to reach its session
        return made

    return ModelServiceClient(
        transport=transport, client_options={"api_key": api_key, "api_endpoint": address}
    )


def _check_base_model(base_model: str) -> None:
    """Refuses what the SDK would look up with a client of its own, or not understand at all."""
    if not base_model.startswith("models/"):
        raise ParameterError(
            f"{base_model!r} is not a base model's name. Write models/ID, for example "
            "models/gemini-1.5-flash-001-tuning; tuned models can't be tuned again."
        )


def _described(record: Record) -> TunedModel:
    """The value that stands for the SDK's."""
    source = record.tuned_model_source
    # A state that this SDK does not know arrives as a number, or as STATE_UNSPECIFIED.
    raw_state = getattr(record.state, "name", str(record.state))
    return TunedModel(
        name=record.name,
        state=TunedModelState.parse(raw_state),
        raw_state=raw_state,
        endpoint=record.name,
        base_model=record.base_model or source.base_model or source.tuned_model,
        display_name=record.display_name,
        create_time=_time(record.create_time),
        update_time=_time(record.update_time),
        snapshots=tuple(
            TuningSnapshot(snapshot.step, snapshot.epoch, mean_loss=_shortest(snapshot.mean_loss))
            # Past proto-plus, whose wrappers take longer than all the rest of a list.
            for snapshot in type(record).pb(record).tuning_task.snapshots
        ),
        hyperparameters=_hyperparameters(record),
    )


def _time(told: Any) -> datetime | None:
    """A plain time for the SDK's own kind, which counts nanoseconds."""
    return datetime.combine(told.date(), told.timetz()) if told else None


def _hyperparameters(record: Record) -> Mapping[str, Any]:
    """The hyperparameters that the record has, in the platform's names."""
    told = record.tuning_task.hyperparameters
    names = {
        "epoch_count": "epochCount",
        "batch_size": "batchSize",
        "learning_rate": "learningRate",
        "learning_rate_multiplier": "learningRateMultiplier",
    }
    return {name: _shortest(getattr(told, field)) for field, name in names.items() if field in told}


def _shortest(number: float) -> float:
    """The number as it was sent: the SDK turns 0.001 into 0.0010000000474974513.

    That is what happens to a number that passes through 32 bits; it stands for each number that
    the same 32 bits stand for, and the shortest of them was meant.
    """
    for digits in range(6, 10):
        shorter = float(f"{number:.{digits}g}")
        if struct.unpack("f", struct.pack("f", shorter))[0] == number:
            return type(number)(shorter)
    return number


def _body_of(error: Any) -> object:
    """The error's JSON, or None where the answer is something else."""
    try:
        return error.response.json()
    except ValueError:
        return None
