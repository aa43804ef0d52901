"""Creating, cancelling and deleting tuned models of Vertex AI."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_tuned_gemini import (
    DatasetError,
    DeletionIncompleteError,
    ParameterError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelNameError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
    TunedModelState,
    TuningDataset,
    TuningExample,
)
from langchain_tuned_gemini.dataset import Turn
from langchain_tuned_gemini.emulator import Emulator, VertexModel
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.services.vertex.training_files import CloudStorage
from langchain_tuned_gemini.transport.access import VertexAccess
from tests.integration_tests.vertex.conftest import AT, KEY, ROWS, TRAIN, Ask

BASE = "gemini-3.5-flash"


def sent(gemini: Emulator) -> Any:
    return gemini.requests[-1].body


def changes(gemini: Emulator) -> list[str]:
    return [
        f"{request.method} {request.path.partition(AT)[2]}"
        for request in gemini.requests
        if request.method != "GET"
    ]


async def test_a_job_is_created_with_what_was_said_and_nothing_else(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    plain = await ask(service, "create", TRAIN, base_model=f"models/{BASE}")
    sent_plain = sent(gemini)
    await ask(
        service,
        "create",
        TRAIN,
        base_model=BASE,
        display_name="next number",
        epochs=3,
        batch_size=4,
        learning_rate_multiplier=0.5,
        adapter_size=8,
        validation=TRAIN,
    )

    assert plain.name.startswith(f"{AT}/tuningJobs/")
    assert (plain.state, plain.raw_state) == (TunedModelState.CREATING, "JOB_STATE_PENDING")
    assert sent_plain == {
        "baseModel": BASE,
        "supervisedTuningSpec": {"trainingDatasetUri": TRAIN, "hyperParameters": {}},
    }
    assert sent(gemini) == {
        "baseModel": BASE,
        "tunedModelDisplayName": "next number",
        "supervisedTuningSpec": {
            "trainingDatasetUri": TRAIN,
            "validationDatasetUri": TRAIN,
            "hyperParameters": {
                "epochCount": 3,
                "batchSize": 4,
                "learningRateMultiplier": 0.5,
                "adapterSize": "ADAPTER_SIZE_EIGHT",
            },
        },
    }


async def test_local_examples_are_converted_and_uploaded_by_the_users_function(
    ask: Ask, gemini: Emulator
) -> None:
    uploaded: list[Path] = []

    def upload(path: Path) -> str:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        uri = f"gs://acme/{path.name}"
        gemini.add_file(uri, rows)
        uploaded.append(path)
        return uri

    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, upload=upload
    )
    job = await ask(service, "create", [*ROWS, {"text_input": "é", "output": "ü"}], base_model=BASE)
    gemini.advance(job.name)
    ready = await ask(service, "get", job.name)

    assert sent_uri(gemini) == f"gs://acme/{uploaded[0].name}"
    assert not uploaded[0].exists()
    assert ready.state is TunedModelState.ACTIVE


def sent_uri(gemini: Emulator) -> str:
    (body,) = [request.body for request in gemini.requests if request.body]
    uri: str = body["supervisedTuningSpec"]["trainingDatasetUri"]
    return uri


async def test_the_uploaded_file_has_the_form_of_vertex_ai(ask: Ask, gemini: Emulator) -> None:
    lines: list[str] = []

    def upload(path: Path) -> str:
        lines.extend(path.read_text(encoding="utf-8").splitlines())
        return TRAIN

    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, upload=upload
    )
    await ask(service, "create", [{"text_input": "a\nb", "output": "ü"}], base_model=BASE)

    assert [json.loads(line) for line in lines] == [
        {
            "contents": [
                {"role": "user", "parts": [{"text": "a\nb"}]},
                {"role": "model", "parts": [{"text": "ü"}]},
            ]
        }
    ]


async def test_local_examples_are_uploaded_whole_to_a_folder(ask: Ask, gemini: Emulator) -> None:
    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, upload="gs://acme/my/data/"
    )
    conversation = TuningExample(
        "and 2 more?", "4", (Turn("user", "1 + 1"), Turn("model", "2")), "Add numbers."
    )

    job = await ask(service, "create", [conversation, ("1", "2")], base_model=BASE)

    (upload,) = [r for r in gemini.requests if r.path == "/upload/storage/v1/b/acme/o"]
    assert TuningDataset.read(io.StringIO(upload.body)).examples == (
        conversation,
        TuningExample("1", "2"),
    )
    assert upload.query["name"].startswith("my/data/tuning-")
    record = next(r.body for r in gemini.requests if r.path.endswith("/tuningJobs"))
    uri = record["supervisedTuningSpec"]["trainingDatasetUri"]
    assert uri == f"gs://acme/{upload.query['name']}"
    gemini.advance(job.name)
    assert (await ask(service, "get", job.name)).state is TunedModelState.ACTIVE


@pytest.mark.parametrize("folder", ["acme", "gs://", "gs://A/x", "s3://acme", "gs://../x"])
def test_what_is_no_folder_in_cloud_storage_is_refused(folder: str) -> None:
    with pytest.raises(ParameterError, match="no folder in Cloud Storage"):
        VertexService("acme", "us-central1", api_key=KEY, upload=folder)


def test_an_upload_that_fails_says_what_was_to_be_uploaded(
    gemini: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text_input": "1", "output": "2"}\n')
    access = VertexAccess("acme", "us-central1", SecretStr(KEY), base_url=gemini.base_url)
    nowhere = VertexAccess("acme", "us-central1", SecretStr(KEY), base_url="http://127.0.0.1:9")
    upload = CloudStorage("gs://uploads", access)

    assert upload(path) == "gs://uploads/train.jsonl"
    with pytest.raises(ServiceError, match="Uploading gs://uploads/train") as there:
        upload(path)
    with pytest.raises(ServiceUnreachableError, match=r"127\.0\.0\.1:9"):
        CloudStorage("gs://acme", nowhere)(path)

    assert there.value.status == 412
    assert KEY not in str(there.value)


def test_on_google_examples_go_to_cloud_storage() -> None:
    upload = CloudStorage("gs://acme", VertexAccess("acme", "us-central1"))

    assert upload._address == "https://storage.googleapis.com"


async def test_a_tuned_model_is_tuned_further_as_its_next_version(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    for name in (tuned.model, tuned.endpoint, tuned.job):
        await ask(service, "create", TRAIN, base_model=name, checkpoint="2")

        assert sent(gemini)["preTunedModel"] == {
            "tunedModelName": tuned.model,
            "checkpointId": "2",
        }
        assert "baseModel" not in sent(gemini)

    job = await ask(service, "create", TRAIN, base_model=tuned.model)
    gemini.advance(job.name)
    ready = await ask(service, "get", job.name)
    second = await ask(service, "get", tuned.model.replace("@1", "@2"))

    assert sent(gemini) is None
    assert (ready.base_model, ready.state) == (BASE, TunedModelState.ACTIVE)
    assert second.endpoint == ready.endpoint


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"base_model": BASE, "model_id": "x"}, ParameterError, "display_name"),
        ({"base_model": BASE, "adapter_size": 5}, ParameterError, "adapter_size=5"),
        ({"base_model": BASE, "checkpoint": "2"}, ParameterError, "base model"),
        ({"base_model": "tunedModels/x"}, TunedModelNameError, "GenAIService"),
        ({"base_model": "projects/acme/endpoints/1"}, TunedModelNameError, "lacks its location"),
        ({"base_model": ""}, TunedModelNameError, "empty"),
    ],
)
async def test_what_vertex_ai_would_refuse_is_refused_first(
    ask: Ask,
    parameters: dict[str, Any],
    error: type[Exception],
    match: str,
    service: VertexService,
    gemini: Emulator,
) -> None:
    with pytest.raises(error, match=match):
        await ask(service, "create", TRAIN, **parameters)

    assert gemini.requests == []


async def test_a_job_without_a_model_can_not_be_tuned_further(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    job = gemini.add_vertex_model(f"{AT}/tuningJobs/1", state="JOB_STATE_FAILED").job

    with pytest.raises(ParameterError, match="has no model"):
        await ask(service, "create", TRAIN, base_model=job)


async def test_local_examples_need_an_upload(ask: Ask, service: VertexService) -> None:
    with pytest.raises(ParameterError, match=r"Cloud Storage.*upload"):
        await ask(service, "create", ROWS, base_model=BASE)


async def test_an_upload_must_return_a_uri(ask: Ask) -> None:
    service = VertexService("acme", "us-central1", api_key=KEY, upload=str)

    with pytest.raises(ParameterError, match="no gs:// URI"):
        await ask(service, "create", ROWS, base_model=BASE)


async def test_bad_examples_are_told_before_anything_is_uploaded(ask: Ask) -> None:
    service = VertexService("acme", "us-central1", api_key=KEY, upload=lambda _: 1 / 0)

    with pytest.raises(DatasetError, match="output"):
        await ask(service, "create", [{"text_input": "a"}], base_model=BASE)


async def test_an_answer_without_a_job_is_an_error(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    with (
        gemini.fault(method="tuningJobs.create", body={"name": "x"}),
        pytest.raises(ServiceError, match="not the Gemini API's"),
    ):
        await ask(service, "create", TRAIN, base_model=BASE)


async def test_a_job_can_be_cancelled(ask: Ask, service: VertexService, gemini: Emulator) -> None:
    job = await ask(service, "create", TRAIN, base_model=BASE)

    await ask(service, "cancel", job.name)

    assert (await ask(service, "get", job.name)).state is TunedModelState.CANCELLED


async def test_only_a_job_can_be_cancelled(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    with pytest.raises(TunedModelNameError, match="tuningJobs/J"):
        await ask(service, "cancel", tuned.endpoint)


@pytest.mark.parametrize("by", ["job", "endpoint", "model", "whole model", "a checkpoint"])
async def test_a_model_is_deleted_by_any_of_its_names(
    ask: Ask, by: str, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    name = {
        "job": tuned.job,
        "endpoint": tuned.endpoint,
        "model": tuned.model,
        "whole model": tuned.model.partition("@")[0],
        "a checkpoint": tuned.checkpoints[0],
    }[by]

    await ask(service, "delete", name)

    done = changes(gemini)
    whole = tuned.model.partition("@")[0].removeprefix(AT)
    assert sorted(done[:-1]) == sorted(
        step
        for endpoint in tuned.checkpoints
        for step in (
            f"POST {endpoint.removeprefix(AT)}:undeployModel",
            f"DELETE {endpoint.removeprefix(AT)}",
        )
    )
    assert done[-1] == f"DELETE {whole}"
    assert await ask(service, "list") == []
    for gone in (tuned.endpoint, tuned.model):
        with pytest.raises(TunedModelNotFoundError):
            await ask(service, "delete", gone)
    with pytest.raises(TunedModelNotDeletableError, match=r"record.*was deleted"):
        await ask(service, "delete", tuned.job)


async def test_every_step_is_awaited() -> None:
    with Emulator(operation_duration=0.05) as gemini:
        tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS)
        service = VertexService("acme", "us-central1", api_key=KEY, base_url=gemini.base_url)

        await service.adelete(tuned.endpoint)

        assert sum("operations" in request.path for request in gemini.requests) == 3
        assert await service.alist() == []


# Each step of deleting two endpoints and a model, and which of its requests is refused.
STEPS = [
    *(("endpoints.undeployModel", nth) for nth in (1, 2)),
    *(("endpoints.delete", nth) for nth in (1, 2)),
    ("models.delete", 1),
    *(("operations.get", nth) for nth in (1, 2, 3, 4)),
]


@pytest.mark.parametrize("by", ["job", "endpoint", "model"])
@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_a_deletion_that_failed_in_the_middle_goes_on_when_it_is_asked_for_again(
    step: str, nth: int, by: str
) -> None:
    now = [1_790_000_000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with Emulator(operation_duration=1, clock=lambda: now[0]) as gemini:
        tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, checkpoints=2)
        service = VertexService(
            "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=sleep
        )
        name = getattr(tuned, by)

        with (
            gemini.fault(method=step, nth=nth, status=403),
            pytest.raises(DeletionIncompleteError, match="delete it again") as raised,
        ):
            service.delete(name)
        service.delete(name)

        assert raised.value.name == name
        assert raised.value.status == 403
        assert not raised.value.is_retryable
        assert {*raised.value.done, *raised.value.left} == {*tuned.checkpoints, tuned.model}
        assert service.list() == []
        for gone in (tuned.model, *tuned.checkpoints):
            with pytest.raises(TunedModelNotFoundError):
                service.get(gone)


def test_an_outage_while_an_operation_goes_on_is_waited_out() -> None:
    now = [1_790_000_000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with Emulator(operation_duration=1, clock=lambda: now[0]) as gemini:
        tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS)
        service = VertexService(
            "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=sleep
        )

        with gemini.fault(method="operations.get", status=503, times=2):
            service.delete(tuned.endpoint)

        assert service.list() == []


def test_an_operation_that_never_ends_is_given_up(
    service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    waited: list[float] = []
    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=waited.append
    )
    operation = {"name": f"{AT}/operations/1"}

    with (
        gemini.fault(method="endpoints.undeployModel", body=operation),
        gemini.fault(method="operations.get", body=operation),
        pytest.raises(DeletionIncompleteError, match="has not ended after 6") as raised,
    ):
        service.delete(tuned.endpoint)

    assert raised.value.is_retryable
    assert 600 <= sum(waited) <= 610
    assert waited == sorted(waited)


async def test_an_operation_that_fails_says_why(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    failed = {"name": f"{AT}/operations/1", "done": True, "error": {"code": 9, "message": "Busy."}}

    with (
        gemini.fault(method="endpoints.undeployModel", body=failed),
        pytest.raises(DeletionIncompleteError, match="failed: Busy"),
    ):
        await ask(service, "delete", tuned.endpoint)


async def test_an_operation_with_a_strange_name_is_not_asked_for(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    strange = {"name": f"{AT}/operations/../endpoints/42"}

    with (
        gemini.fault(method="endpoints.undeployModel", body=strange),
        pytest.raises(DeletionIncompleteError, match="not the Gemini API's"),
    ):
        await ask(service, "delete", tuned.endpoint)


async def test_of_a_model_with_versions_only_the_one_that_is_named_goes(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    whole = tuned.model.partition("@")[0]
    second = gemini.add_vertex_model(f"{AT}/endpoints/43", examples=ROWS, model=whole)

    with pytest.raises(TunedModelNotDeletableError, match=rf"versions .*{whole}@"):
        await ask(service, "delete", whole)
    await ask(service, "delete", second.job)

    assert changes(gemini)[-1] == f"DELETE {second.model.removeprefix(AT)}:deleteVersion"
    assert (await ask(service, "get", tuned.job)).state is TunedModelState.ACTIVE
    assert (await ask(service, "get", whole)).endpoint == tuned.endpoint


async def test_an_endpoint_that_answers_for_another_model_too_stays(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    other = gemini.add_vertex_model(f"{AT}/endpoints/43", examples=ROWS)
    deployed = {
        "name": tuned.endpoint,
        "deployedModels": [
            {"id": "1", "model": tuned.model.partition("@")[0], "modelVersionId": "1"},
            {"id": "2", "model": other.model.partition("@")[0], "modelVersionId": "1"},
        ],
    }

    with gemini.fault(method="endpoints.get", model=tuned.endpoint, body=deployed):
        with pytest.raises(TunedModelNotDeletableError, match="several models"):
            await ask(service, "delete", tuned.endpoint)
        with (
            gemini.fault(
                method="endpoints.undeployModel", model=tuned.endpoint, body={"done": True}
            ),
            gemini.fault(method="models.delete", body={"done": True}),
        ):
            await ask(service, "delete", tuned.model)

    kept = tuned.endpoint.removeprefix(AT)
    undeployed = [r.body for r in gemini.requests if r.path.endswith("42:undeployModel")]
    assert undeployed == [{"deployedModelId": "1"}]
    assert f"DELETE {kept}" not in changes(gemini)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("TUNING_JOB_STATE_TUNING", "is CREATING.*: cancel it first"),
        ("JOB_STATE_FAILED", "Nothing is left of .* but its record.*FAILED"),
        ("JOB_STATE_CANCELLED", "can't delete the record of a tuning job"),
    ],
)
async def test_a_job_without_a_model_has_nothing_that_could_be_deleted(
    ask: Ask, state: str, sentence: str, service: VertexService, gemini: Emulator
) -> None:
    job = gemini.add_vertex_model(f"{AT}/tuningJobs/1", state=state).job

    with pytest.raises(TunedModelNotDeletableError, match=sentence) as raised:
        await ask(service, "delete", job)

    assert raised.value.name == job
    assert changes(gemini) == []


@pytest.mark.parametrize("name", ["endpoints/1", "models/1", "models/1@2", "tuningJobs/1"])
async def test_what_was_never_there_is_not_found(
    ask: Ask, name: str, service: VertexService, gemini: Emulator
) -> None:
    with pytest.raises(TunedModelNotFoundError):
        await ask(service, "delete", name)


async def test_a_deletion_without_the_right_to_look_for_the_job_goes_as_far_as_it_can(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    with (
        gemini.fault(method="tuningJobs.list", status=403),
        gemini.fault(method="tuningJobs.get", status=403),
    ):
        await ask(service, "delete", tuned.endpoint)

    assert changes(gemini)[-1].startswith("DELETE /models/")


STILL_DEPLOYED = {
    "error": {
        "code": 400,
        "status": "FAILED_PRECONDITION",
        "message": "The Model is deployed or being deployed at the following Endpoint(s).",
    }
}


def patient(gemini: Emulator, waited: list[float]) -> VertexService:
    return VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=waited.append
    )


@pytest.mark.parametrize("step", ["endpoints.delete", "models.delete"])
def test_what_counts_as_deployed_for_a_while_after_it_was_undeployed_is_waited_for(
    gemini: Emulator, tuned: VertexModel, step: str
) -> None:
    waited: list[float] = []

    with gemini.fault(method=step, status=400, body=STILL_DEPLOYED, times=3):
        patient(gemini, waited).delete(tuned.job)

    assert waited == [1.0, 2.0, 4.0]
    assert patient(gemini, waited).list() == []


def test_what_counts_as_deployed_for_ever_is_given_up_with_the_advice_to_try_again(
    gemini: Emulator, tuned: VertexModel
) -> None:
    waited: list[float] = []

    with (
        gemini.fault(method="models.delete", status=400, body=STILL_DEPLOYED),
        pytest.raises(DeletionIncompleteError, match="try again when that has changed") as raised,
    ):
        patient(gemini, waited).delete(tuned.job)

    assert 120 <= sum(waited) <= 130
    assert "does not help" not in str(raised.value)
    assert raised.value.left == (tuned.model,)


def test_what_somebody_has_deployed_anew_is_not_waited_for(
    gemini: Emulator, tuned: VertexModel
) -> None:
    waited: list[float] = []
    refused = {"status": 400, "body": STILL_DEPLOYED}

    with (
        gemini.fault(method="endpoints.undeployModel", body={"done": True}),
        gemini.fault(method="endpoints.delete", **refused),
        pytest.raises(DeletionIncompleteError, match="being deployed"),
    ):
        patient(gemini, waited).delete(tuned.job)

    assert waited == []


@pytest.mark.parametrize("step", ["endpoints.undeployModel", "endpoints.delete", "models.delete"])
def test_a_step_that_answers_404_for_what_is_there_is_no_success(
    gemini: Emulator, service: VertexService, tuned: VertexModel, step: str
) -> None:
    with (
        gemini.fault(method=step, status=404),
        pytest.raises(DeletionIncompleteError, match="does not exist, and then that it does"),
    ):
        service.delete(tuned.job)

    service.delete(tuned.job)
    assert service.list() == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_step_that_was_done_though_its_answer_says_otherwise_is_done(status: int) -> None:
    """The operation ends while it is asked for; its answer is lost."""
    now = [1_790_000_000.0]

    def sleep(seconds: float) -> None:
        now[0] += max(seconds, 2)

    with Emulator(operation_duration=1, clock=lambda: now[0]) as gemini:
        tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS)
        service = VertexService(
            "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=sleep
        )

        with gemini.fault(method="operations.get", status=status):
            service.delete(tuned.job)

        assert service.list() == []


def test_the_default_version_of_several_is_refused_before_anything_of_it_goes(
    gemini: Emulator, service: VertexService, tuned: VertexModel
) -> None:
    whole = tuned.model.partition("@")[0]
    second = gemini.add_vertex_model(f"{AT}/endpoints/43", examples=ROWS, model=whole)

    for name in (tuned.job, tuned.endpoint, tuned.model, f"{whole}@default"):
        with pytest.raises(TunedModelNotDeletableError, match=r"default version.*\"2\""):
            service.delete(name)
    assert changes(gemini) == []

    service.delete(second.job)
    service.delete(tuned.job)
    assert service.list() == []


def test_an_endpoint_that_answers_for_another_projects_model_does_not_take_it_along(
    gemini: Emulator, service: VertexService, tuned: VertexModel
) -> None:
    other = gemini.add_vertex_model(
        f"{AT.replace('acme', 'acme-prod')}/endpoints/43", examples=ROWS
    )
    body = {
        "name": tuned.endpoint,
        "deployedModels": [
            {"id": "1", "model": other.model.partition("@")[0], "modelVersionId": "1"}
        ],
    }

    with (
        gemini.fault(method="endpoints.get", model=tuned.endpoint, body=body),
        pytest.raises(TunedModelNotDeletableError, match="not known to be of the same project"),
    ):
        service.delete(tuned.endpoint)

    assert changes(gemini) == []


MAY_RUN = {
    "no answer in time": ({"hang": True}, True),
    "a connection that was lost": ({"reset": True}, True),
    "an error of the server": ({"status": 503}, True),
    "a refusal": ({"status": 400}, False),
    "no quota": ({"status": 429}, False),
}


@pytest.mark.parametrize(("fault", "may_run"), MAY_RUN.values(), ids=MAY_RUN)
async def test_a_creation_without_an_answer_may_have_made_a_job_and_says_how_to_find_it(
    ask: Ask, gemini: Emulator, fault: dict[str, Any], *, may_run: bool
) -> None:
    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, timeout=0.5
    )

    with (
        gemini.fault(method="tuningJobs.create", **fault),
        pytest.raises(ServiceError) as raised,
    ):
        await ask(service, "create", TRAIN, base_model=BASE)

    told = str(raised.value)
    assert ("may be running" in told) == may_run
    assert ("tuned-gemini list --project acme --location us-central1" in told) == may_run
    assert not (may_run and raised.value.is_retryable)


async def test_a_creation_that_was_never_sent_made_no_job(ask: Ask) -> None:
    service = VertexService("acme", "us-central1", api_key=KEY, base_url="http://127.0.0.1:9")

    with pytest.raises(ServiceUnreachableError) as raised:
        await ask(service, "create", TRAIN, base_model=BASE)

    assert "may be running" not in str(raised.value)
    assert raised.value.is_retryable
