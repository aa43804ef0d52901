"""The state of Vertex AI's side: jobs, models, endpoints, operations, files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.vertex.progress import Progress, progress_of
from langchain_tuned_gemini.emulator.vertex.tuning_job import (
    DELIVERS,
    Deployment,
    EndpointRecord,
    ModelVersion,
    OperationRecord,
    TuningJobRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

    from langchain_tuned_gemini.emulator.developer.tuned_model import Example

DEFAULT_ALIAS = "default"
BASE_MODEL_LABEL = "google-vertex-llm-tuning-base-model-id"
JOB_LABEL = "google-vertex-llm-tuning-job-id"
TUNE_TYPE_LABEL = "tune-type"
# Vertex AI's ids are numbers of up to 19 digits.
_ID_LENGTH = 19


@dataclass(slots=True)
class Registry:
    """All state of Vertex AI. Whoever reads or changes it holds the world's lock.

    Nothing runs in the background: `settle` catches up with the clock before each call.

    Attributes:
        random: Makes the ids.
        project_numbers: The number of a project by its id, where one is to be shown.
        operation_time: Nanoseconds that undeploying, deleting and cancelling take.
        files: The examples in Cloud Storage by their `gs://` URI.
        jobs: Tuning jobs by name.
        models: The versions of each model by number, by the model's name.
        endpoints: Endpoints by name.
        operations: Long-running operations by name.
    """

    random: Random
    project_numbers: Mapping[str, str]
    operation_time: int
    files: dict[str, tuple[Example, ...]] = field(default_factory=dict)
    jobs: dict[str, TuningJobRecord] = field(default_factory=dict)
    models: dict[str, dict[int, ModelVersion]] = field(default_factory=dict)
    endpoints: dict[str, EndpointRecord] = field(default_factory=dict)
    operations: dict[str, OperationRecord] = field(default_factory=dict)

    def new_id(self) -> str:
        """A number that nothing else has."""
        return str(self.random.randrange(10 ** (_ID_LENGTH - 1), 9 * 10 ** (_ID_LENGTH - 1)))

    def canonical(self, name: str, location: str | None = None) -> str:
        """A name as it is kept: with the project's number, if it has one here.

        Args:
            name: Any resource name, or a parent.
            location: Takes the place of the one in the name: that of the host.
        """
        parts = name.split("/")
        parts[1] = self.project_numbers.get(parts[1], parts[1])
        if location is not None:
            parts[3] = location
        return "/".join(parts)

    def progress(self, job: TuningJobRecord, now: int) -> Progress:
        """Where this job stands now."""
        return progress_of(job, now, self.operation_time)

    def settle(self, now: int) -> None:
        """Lets everything happen that was due by now."""
        for job in list(self.jobs.values()):
            progress = self.progress(job, now)
            if progress.state in DELIVERS and job.version is None:
                self._deliver(job, progress.updated)
        for operation in list(self.operations.values()):
            if not operation.done and operation.due <= now:
                self._finish(operation)

    def change_job(self, job: TuningJobRecord, **changes: Any) -> TuningJobRecord:
        """Replaces fields of a job."""
        changed = replace(job, **changes)
        self.jobs[job.name] = changed
        return changed

    def change_version(self, version: ModelVersion, **changes: Any) -> ModelVersion:
        """Replaces fields of a version of a model."""
        changed = replace(version, **changes)
        self.models[version.name][version.version] = changed
        return changed

    def version(self, name: str) -> ModelVersion | None:
        """The version of a model by number or alias; the default one where neither is given."""
        parsed = ResourceName.parse(name)
        wanted = parsed.version or DEFAULT_ALIAS
        for version in self.models.get(parsed.resource, {}).values():
            if wanted in (str(version.version), *version.aliases):
                return version
        return None

    def delivered(self, job: TuningJobRecord) -> ModelVersion | None:
        """The model that a job has delivered, while it is there."""
        if job.version is None:
            return None
        model = f"{ResourceName.parse(job.name).parent}/models/{job.model_id}"
        return self.models.get(model, {}).get(job.version)

    def base_model(self, endpoint: str) -> str | None:
        """The base model of what is deployed to an endpoint, if there is such an endpoint."""
        record = self.endpoints.get(endpoint)
        if record is None or not record.deployed:
            return None
        deployment = record.deployed[0]
        return self.models[deployment.model][deployment.version].base_model

    def deployments(self, model: str) -> Iterator[tuple[EndpointRecord, Deployment]]:
        """Where the versions of a model are deployed."""
        for endpoint in self.endpoints.values():
            for deployment in endpoint.deployed:
                if deployment.model == model:
                    yield endpoint, deployment

    def withdraw(self, job: TuningJobRecord) -> TuningJobRecord:
        """Takes away what a job has delivered, as if it had not yet."""
        location = ResourceName.parse(job.name)
        for endpoint_id in job.endpoint_ids:
            self.endpoints.pop(f"{location.parent}/endpoints/{endpoint_id}", None)
        if job.version is not None:
            self._remove(f"{location.parent}/models/{job.model_id}@{job.version}")
        return self.change_job(job, version=None)

    def _deliver(self, job: TuningJobRecord, time: int) -> None:
        """Registers the tuned model of a job, and deploys each of its checkpoints."""
        name = ResourceName.parse(job.name)
        model = f"{name.parent}/models/{job.model_id}"
        versions = self.models.setdefault(model, {})
        last = max(versions, default=0)
        labels = {
            # A label has no dots: seen as `gemini-2_5-flash-lite`.
            BASE_MODEL_LABEL: job.base_model.replace(".", "_"),
            JOB_LABEL: name.id,
            TUNE_TYPE_LABEL: "sft",
        }
        version = ModelVersion(
            name=model,
            version=last + 1,
            job=job.name,
            base_model=job.base_model,
            examples=job.examples,
            create_time=time,
            update_time=time,
            display_name=job.display_name,
            description=versions[last].description if last else job.description,
            version_description=job.description,
            labels={**labels, **job.labels},
            aliases=() if versions else (DEFAULT_ALIAS,),
            checkpoints=() if job.last_checkpoint_only else job.checkpoints,
            default_checkpoint_id="" if job.last_checkpoint_only else job.checkpoints[-1].id,
        )
        versions[version.version] = version
        self._deploy(job, version)
        self.change_job(job, version=version.version)

    def _deploy(self, job: TuningJobRecord, version: ModelVersion) -> None:
        parent, time = ResourceName.parse(job.name).parent, version.create_time
        for endpoint_id, checkpoint in zip(job.endpoint_ids, job.checkpoints, strict=True):
            endpoint = f"{parent}/endpoints/{endpoint_id}"
            deployment = Deployment(
                id=self.new_id(),
                model=version.name,
                version=version.version,
                checkpoint_id="" if job.last_checkpoint_only else checkpoint.id,
                display_name=job.display_name,
                create_time=time,
            )
            self.endpoints[endpoint] = EndpointRecord(
                endpoint, job.display_name, time, time, dict(job.labels), (deployment,)
            )

    def _finish(self, operation: OperationRecord) -> None:
        self.operations[operation.name] = replace(operation, done=True)
        if not operation.deployment:
            self._remove(operation.target)
        elif endpoint := self.endpoints.get(operation.target):
            kept = tuple(d for d in endpoint.deployed if d.id != operation.deployment)
            changed = replace(endpoint, deployed=kept, update_time=operation.due)
            self.endpoints[endpoint.name] = changed

    def _remove(self, target: str) -> None:
        name = ResourceName.parse(target)
        if name.kind == "endpoints":
            self.endpoints.pop(target, None)
        elif not name.version:
            self.models.pop(target, None)
        elif versions := self.models.get(name.resource):
            removed = versions.pop(int(name.version), None)
            if not versions:
                del self.models[name.resource]
            elif removed is not None and DEFAULT_ALIAS in removed.aliases:
                latest = versions[max(versions)]
                self.change_version(latest, aliases=(DEFAULT_ALIAS, *latest.aliases))
