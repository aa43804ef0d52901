"""The state of Vertex AI's side: jobs, models, endpoints, operations, files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, last_part
from langchain_tuned_gemini.emulator.state.tuning_job import (
    DELIVERS,
    CheckpointRecord,
    Standing,
    TuningJobRecord,
    standing_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

    from langchain_tuned_gemini.emulator.model.examples import Example, TrigramIndex

DEFAULT_ALIAS = "default"
BASE_MODEL_LABEL = "google-vertex-llm-tuning-base-model-id"
JOB_LABEL = "google-vertex-llm-tuning-job-id"
TUNE_TYPE_LABEL = "tune-type"
# Vertex AI's ids are numbers of up to 19 digits.
_ID_LENGTH = 19


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model in the registry."""

    name: str
    version: int
    base_model: str
    examples: TrigramIndex
    create_time: int
    display_name: str = ""
    description: str = ""
    version_description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    checkpoints: tuple[CheckpointRecord, ...] = ()
    default_checkpoint_id: str = ""
    update_time: int = 0

    @property
    def full_name(self) -> str:
        """With its version, `projects/…/models/15@1`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a model that is deployed to an endpoint."""

    id: str
    model: str
    version: int
    checkpoint_id: str


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """An endpoint; what is deployed to it has its name and age."""

    name: str
    display_name: str
    create_time: int
    update_time: int
    labels: Mapping[str, str]
    deployed: Deployment | None


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """A long-running operation that undeploys or deletes something."""

    name: str
    create_time: int
    due: int
    """When it takes effect and is done."""
    target: str
    """The endpoint, model or version that it takes away, or undeploys from."""
    deployment: str
    """What it undeploys; empty if it deletes its target."""
    done: bool = False


@dataclass(slots=True)
class VertexStore:
    """All state of Vertex AI. Whoever reads or changes it holds the store's lock.

    Nothing runs in the background: `settle` catches up with the clock before each call.

    Attributes:
        project_numbers: The number of a project by its id, where one is to be shown.
        operation_time: Nanoseconds that undeploying, deleting and cancelling take.
        files: The examples in Cloud Storage by their `gs://` URI.
        models: The versions of each model by number, by the model's name.
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

        The location of the host, if it has one, takes the place of that in the name.
        """
        parts = name.split("/")
        parts[1] = self.project_numbers.get(parts[1], parts[1])
        if location is not None:
            parts[3] = location
        return "/".join(parts)

    def standing(self, job: TuningJobRecord, now: int) -> Standing:
        """Where this job stands now."""
        return standing_of(job, now, self.operation_time)

    def settle(self, now: int) -> None:
        """Lets everything happen that was due by now."""
        for job in list(self.jobs.values()):
            standing = self.standing(job, now)
            if standing.state in DELIVERS and job.version is None:
                self._deliver(job, standing.time)
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
        return None if job.version is None else self.models.get(job.model, {}).get(job.version)

    def deployed(self, endpoint: EndpointRecord | None) -> ModelVersion | None:
        """The version that answers at an endpoint, if there is such an endpoint and one does."""
        if endpoint is None or endpoint.deployed is None:
            return None
        return self.models[endpoint.deployed.model][endpoint.deployed.version]

    def deployments(self, model: str) -> Iterator[tuple[EndpointRecord, Deployment]]:
        """Where the versions of a model are deployed."""
        for endpoint in self.endpoints.values():
            if endpoint.deployed is not None and endpoint.deployed.model == model:
                yield endpoint, endpoint.deployed

    def withdraw(self, job: TuningJobRecord) -> TuningJobRecord:
        """Takes away what a job has delivered, as if it had not yet."""
        for endpoint in job.endpoints:
            self.endpoints.pop(endpoint, None)
        if job.version is not None:
            self._remove(f"{job.model}@{job.version}")
        return self.change_job(job, version=None)

    def _deliver(self, job: TuningJobRecord, time: int) -> None:
        """Registers the tuned model of a job, and deploys each of its checkpoints."""
        versions = self.models.setdefault(job.model, {})
        last = max(versions, default=0)
        labels = {
            # A label has no dots: seen as `gemini-2_5-flash-lite`.
            BASE_MODEL_LABEL: job.base_model.replace(".", "_"),
            JOB_LABEL: last_part(job.name),
            TUNE_TYPE_LABEL: "sft",
        }
        version = ModelVersion(
            name=job.model,
            version=last + 1,
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
        time = version.create_time
        for endpoint, checkpoint in zip(job.endpoints, job.checkpoints, strict=True):
            checkpoint_id = "" if job.last_checkpoint_only else checkpoint.id
            deployed = Deployment(self.new_id(), version.name, version.version, checkpoint_id)
            self.endpoints[endpoint] = EndpointRecord(
                endpoint, job.display_name, time, time, dict(job.labels), deployed
            )

    def _finish(self, operation: OperationRecord) -> None:
        self.operations[operation.name] = replace(operation, done=True)
        if not operation.deployment:
            self._remove(operation.target)
        elif endpoint := self.endpoints.get(operation.target):
            changed = replace(endpoint, deployed=None, update_time=operation.due)
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
