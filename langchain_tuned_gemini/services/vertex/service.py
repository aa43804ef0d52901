"""The control plane of Vertex AI, as a `TunedModelService`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.errors import Advice, ParameterError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName, place_of
from langchain_tuned_gemini.services import TunedModelParts, TunedModels
from langchain_tuned_gemini.services.vertex import existence, removal, resolution, tuning_jobs
from langchain_tuned_gemini.services.vertex.api import VertexApi
from langchain_tuned_gemini.services.vertex.training_files import (
    CloudStorage,
    Upload,
    is_uri,
    vertex_file,
)
from langchain_tuned_gemini.transport.access import VertexAccess
from langchain_tuned_gemini.transport.credentials import SharedCredentials
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.genai import Client


class VertexService:
    """Reads, lists, creates, cancels and deletes tuned models of Vertex AI.

    A tuned model has three names there: its tuning job's, its endpoint's, and that of the model
    in the registry. `get` takes each of them, and asks for as little as it can.

    Args:
        project: The project's id or number; `GOOGLE_CLOUD_PROJECT` when None.
        location: The region; `GOOGLE_CLOUD_LOCATION` when None.
        credentials: Credentials of Google Cloud; the application default ones when None.
        api_key: An API key of the project, in place of credentials.
        base_url: Where the API is; Google's own address of the location when None.
        timeout: How long one request may take, in seconds.
        upload: Where `create` puts examples that are not in Cloud Storage yet: a folder there,
            `gs://bucket/folder`; or a function that takes a local file, uploads it, and returns
            its URI.
        sleep: Pauses for so many seconds while a deletion goes on.

    Raises:
        TunedModelNameError: Project or location is not known, or none.

    Example:
        ```python
        service = VertexService("acme", "us-central1")
        job = service.create("gs://acme/train.jsonl", base_model="gemini-3.5-flash")
        wait_until_active(service, job)
        ```
    """

    platform: Platform = "vertex"

    def __init__(
        self,
        project: str | None = None,
        location: str | None = None,
        *,
        credentials: Credentials | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 10.0,
        upload: Upload | str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        place = place_of(project, location, "A VertexService asks in a project and a location")
        self._place = TunedModelName("0", "endpoints", *place)  # any name there will do
        access = VertexAccess(
            self._place.project,
            self._place.location,
            SecretStr(api_key) if api_key else None,
            SharedCredentials.of(credentials),
            base_url,
        )
        self._access = access
        self._api = VertexApi(access, timeout=timeout, sleep=sleep)
        self._upload = CloudStorage(upload, access) if isinstance(upload, str) else upload

    def __repr__(self) -> str:
        return f"VertexService({self._place.project!r}, {self._place.location!r})"

    @property
    def project(self) -> str:
        """The project's id or number, as it was given."""
        return self._place.project

    @property
    def location(self) -> str:
        """The region."""
        return self._place.location

    def client(self) -> Client:
        """A google-genai client with the same right; its endpoints may be called by it."""
        return self._access.client()

    def get(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now.

        Args:
            name: The name of its endpoint, its tuning job, or the model.
        """
        return self._api.run(resolution.tuned_model(self._named(name)))

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now; see `get`."""
        return await self._api.arun(resolution.tuned_model(self._named(name)))

    def list(self, condition: str | None = None) -> TunedModels:
        """Describes all tuning jobs of the project and location, oldest first.

        Those whose endpoint was deleted are left out: their records stay for ever.

        Args:
            condition: Google's filter, for example `state="JOB_STATE_FAILED"` or
                `labels.team:*`. https://google.aip.dev/160
        """
        return self._api.run(resolution.tuned_models(self._place, condition))

    async def alist(self, condition: str | None = None) -> TunedModels:
        """Describes all tuning jobs of the project and location; see `list`."""
        return await self._api.arun(resolution.tuned_models(self._place, condition))

    def delete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever: its endpoints, and then the model.

        Each step is awaited, so this takes from seconds to minutes. When a step fails, call it
        again: what is done is done. Of a model with versions, only the one that is named goes.
        The record of the tuning job stays, since Vertex AI has no way to delete it.

        Args:
            name: The name of an endpoint, the tuning job, or the model.

        Raises:
            TunedModelNotDeletableError: The tuning goes on, several versions and none is
                named, or nothing is left but the job's record.
            DeletionIncompleteError: A step failed; it says what is done and what is left.
        """
        self._api.run(removal.deletion(self._named(name)))

    async def adelete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever; see `delete`."""
        await self._api.arun(removal.deletion(self._named(name)))

    def parts(self, name: str | TunedModelName) -> TunedModelParts:
        """Finds out what there is of a tuned model; see `PlacedService.parts`."""
        return self._api.run(existence.parts_of(self._named(name)))

    async def aparts(self, name: str | TunedModelName) -> TunedModelParts:
        """Finds out what there is of a tuned model; see `PlacedService.parts`."""
        return await self._api.arun(existence.parts_of(self._named(name)))

    def delete_parts(self, name: TunedModelName, parts: TunedModelParts) -> None:
        """Deletes what `parts` has found, and nothing else; see `delete`."""
        self._api.run(removal.deletion_of(name, parts))

    async def adelete_parts(self, name: TunedModelName, parts: TunedModelParts) -> None:
        """Deletes what `parts` has found, and nothing else; see `delete`."""
        await self._api.arun(removal.deletion_of(name, parts))

    def project_number(self, name: TunedModelName) -> str:
        """The number of the project that a name is in; empty where nothing tells it."""
        return self._api.run(resolution.project_number(name))

    async def aproject_number(self, name: TunedModelName) -> str:
        """The number of the project that a name is in; empty where nothing tells it."""
        return await self._api.arun(resolution.project_number(name))

    def cancel(self, name: str | TunedModelName) -> None:
        """Asks a tuning job to stop; it is CANCELLED some time later, if it has not ended before.

        Raises:
            TunedModelNameError: It is not a tuning job's name.
        """
        self._api.run(tuning_jobs.cancellation(self._named(name)))

    async def acancel(self, name: str | TunedModelName) -> None:
        """Asks a tuning job to stop; see `cancel`."""
        await self._api.arun(tuning_jobs.cancellation(self._named(name)))

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
        learning_rate_multiplier: float | None = None,
        adapter_size: int | None = None,
        validation: Examples | None = None,
        checkpoint: str | None = None,
    ) -> TunedModel:
        """Starts to tune a model, and returns at once.

        Args:
            examples: The training examples: a `gs://` URI of a file in Vertex AI's format, or
                what `TuningDataset.of` takes, which is converted and uploaded.
            base_model: A base model, for example `gemini-3.5-flash`, or the name of a tuned
                model that is to be tuned further: the result is its next version, unless
                `display_name` is another one.
            model_id: None: Vertex AI makes the ids itself.
            display_name: The name for people, at most 128 characters.
            epochs: How often each example is used.
            batch_size: The examples of one step.
            learning_rate: The size of a step.
            learning_rate_multiplier: The size of a step as a multiple of the usual one.
            adapter_size: 1, 2, 4, 8, 16 or 32: the more, the more can be learnt.
            validation: Examples to measure it with, as `examples`.
            checkpoint: The checkpoint of a tuned model to start from; the default one's when
                None.

        Returns:
            The tuning job, as a model that is CREATING.

        Raises:
            DatasetError: The examples can't be used; it names file, line and field.
            ParameterError: A parameter is none of Vertex AI's, or an upload is missing.
            TunedModelNameError: `base_model` is no model's name.
        """
        if model_id is not None:
            raise ParameterError("Vertex AI makes a model's id itself. Use display_name=...")
        request = tuning_jobs.TuningRequest(
            base_model=base_model,
            training=self._uri_of(examples),
            validation=None if validation is None else self._uri_of(validation),
            checkpoint=checkpoint,
            display_name=display_name,
            hyperparameters=tuning_jobs.hyperparameters(
                epochCount=epochs,
                batchSize=batch_size,
                learningRate=learning_rate,
                learningRateMultiplier=learning_rate_multiplier,
                adapter_size=adapter_size,
            ),
        )
        return self._api.run(tuning_jobs.creation(self._place, request))

    async def acreate(
        self, examples: Examples, *, base_model: str, **parameters: Any
    ) -> TunedModel:
        """Starts to tune a model, and returns at once; see `create`.

        It runs in a thread, like the upload of the user's, which may block.
        """
        return await asyncio.to_thread(self.create, examples, base_model=base_model, **parameters)

    def _named(self, name: str | TunedModelName) -> TunedModelName:
        """A name, which may be short for one in this service's place."""
        short = not str(name).startswith("projects/")
        place = {"project": self._place.project, "location": self._place.location} if short else {}
        return TunedModelName.parse(name, **place).on("vertex")

    def _uri_of(self, examples: Examples) -> str:
        """Where examples are in Cloud Storage, once they are there."""
        if is_uri(examples):
            return str(examples)
        if self._upload is None:
            raise ParameterError(
                "Vertex AI reads training examples from Cloud Storage.",
                advice=Advice(
                    "Pass their gs:// URI, or say where to put them: "
                    "VertexService(upload='gs://bucket/folder').",
                    "Say where to put them: --upload-to gs://BUCKET/FOLDER.",
                ),
            )
        with vertex_file(examples) as path:
            uri = self._upload(path)
        if not is_uri(uri):
            raise ParameterError(f"upload returned {uri!r}, which is no gs:// URI.")
        return uri
