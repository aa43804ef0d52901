"""What the control plane of Vertex AI says about a tuned model, by each of its names."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini import (
    ServiceError,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelState,
    WaitTimeoutError,
)
from langchain_tuned_gemini.emulator import Emulator, VertexModel
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.services.wait import Progress, wait_until_active
from tests.integration_tests.vertex.conftest import AT, KEY, LABELS, ROWS, TRAIN, Ask

NO_LABELS: dict[str, str] = {}


def asked(gemini: Emulator) -> list[str]:
    return [f"{request.method} {request.path.partition(AT)[2]}" for request in gemini.requests]


def test_it_is_a_tuned_model_service(service: VertexService) -> None:
    assert isinstance(service, TunedModelService)


def test_it_shows_no_key(service: VertexService) -> None:
    assert repr(service) == "VertexService('acme', 'us-central1')"


async def test_all_names_of_a_model_lead_to_its_endpoint(
    ask: Ask, service: VertexService, tuned: VertexModel
) -> None:
    for name in (tuned.endpoint, tuned.job, tuned.model, tuned.model.partition("@")[0]):
        model = await ask(service, "get", name)

        assert (model.name, model.endpoint) == (name, tuned.endpoint)
        assert model.state is TunedModelState.ACTIVE
        assert model.base_model == "gemini-3.5-flash"
        assert model.display_name == "next number"
        assert model.create_time is not None


async def test_short_names_are_in_the_services_place(
    ask: Ask, service: VertexService, tuned: VertexModel
) -> None:
    job = tuned.job.removeprefix(f"{AT}/")

    assert [(await ask(service, "get", short)).name for short in ("42", "endpoints/42", job)] == [
        tuned.endpoint,
        tuned.endpoint,
        tuned.job,
    ]


async def test_a_checkpoint_has_an_endpoint_of_its_own(
    ask: Ask, service: VertexService, tuned: VertexModel
) -> None:
    for name in (tuned.job, tuned.model):
        model = await ask(service, "get", name)

        assert [(c.id, c.epoch, c.endpoint) for c in model.checkpoints] == [
            (str(n), n, endpoint) for n, endpoint in enumerate(tuned.checkpoints, start=1)
        ]


async def test_the_model_answers_with_its_default_checkpoint(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    model = tuned.model.partition("@")[0]
    record = {
        "name": model,
        "deployedModels": [
            {"endpoint": endpoint, "checkpointId": str(n)}
            for n, endpoint in enumerate(tuned.checkpoints, start=1)
        ],
        "defaultCheckpointId": "2",
    }

    with gemini.fault(method="models.get", body=record):
        assert (await ask(service, "get", model)).endpoint == tuned.checkpoints[1]


STATES = {
    "JOB_STATE_PENDING": TunedModelState.CREATING,
    "JOB_STATE_PAUSED": TunedModelState.CREATING,
    "JOB_STATE_FAILED": TunedModelState.FAILED,
    "JOB_STATE_EXPIRED": TunedModelState.FAILED,
    "JOB_STATE_CANCELLED": TunedModelState.CANCELLED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": TunedModelState.ACTIVE,
}


@pytest.mark.parametrize("word", STATES)
async def test_a_tuning_job_is_described_in_the_platforms_own_words(
    ask: Ask, word: str, service: VertexService, gemini: Emulator
) -> None:
    gemini.add_vertex_model(f"{AT}/tuningJobs/1", examples=ROWS, state=word)

    model = await ask(service, "get", "tuningJobs/1")

    assert (model.state, model.raw_state) == (STATES[word], word)


async def test_a_state_never_seen_before_is_unknown(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    with gemini.fault(method="tuningJobs.get", body={"state": "JOB_STATE_DREAMING"}):
        model = await ask(service, "get", tuned.job)

    assert (model.state, model.raw_state) == (TunedModelState.UNKNOWN, "JOB_STATE_DREAMING")


async def test_a_running_job_tells_what_it_is_at_and_how_far(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    job = await ask(service, "create", TRAIN, base_model="gemini-3.5-flash", epochs=4)
    gemini.set_state(job.name, "TUNING_JOB_STATE_WAITING_FOR_QUOTA")
    waiting = await ask(service, "get", job.name)
    gemini.set_state(job.name, "TUNING_JOB_STATE_TUNING")
    record = {
        "state": "JOB_STATE_RUNNING",
        "tuningJobMetadata": {"completedStepCount": "6", "completedEpochCount": "1"},
        "tuningDataStats": {"supervisedTuningDataStats": {"tuningStepCount": "24"}},
    }
    with gemini.fault(method="tuningJobs.get", body=record):
        running = await ask(service, "get", job.name)

    assert (waiting.raw_state, waiting.doing) == ("JOB_STATE_RUNNING", "waiting for quota")
    assert waiting.hyperparameters["epochCount"] == 4
    assert (running.completed_steps, running.total_steps, running.progress) == (6, 24, 0.25)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ((3, "Row 7 has no contents."), "Row 7 has no contents."),
        ((8, ""), "code 8"),
    ],
)
def test_a_failed_job_ends_the_wait_with_its_own_error(
    error: tuple[int, str], reason: str, service: VertexService, gemini: Emulator
) -> None:
    model = gemini.add_vertex_model(
        f"{AT}/tuningJobs/1", examples=ROWS, state="JOB_STATE_FAILED", error=error
    )

    with pytest.raises(TunedModelFailedError) as raised:
        wait_until_active(service, model.job)

    assert raised.value.platform_reason == reason


def test_the_wait_shows_what_the_job_is_at_and_ends_when_it_has_succeeded(
    service: VertexService, gemini: Emulator
) -> None:
    job = service.create(TRAIN, base_model="gemini-3.5-flash").name
    told = ["TUNING_JOB_STATE_PROCESSING_DATASET", "TUNING_JOB_STATE_TUNING", "JOB_STATE_SUCCEEDED"]
    seen: list[Progress] = []

    def sleep(_: float) -> None:
        gemini.set_state(job, told.pop(0))

    ready = wait_until_active(service, job, on_progress=seen.append, sleep=sleep)

    assert ready.endpoint.startswith(f"{AT}/endpoints/")
    assert [progress.doing for progress in seen] == ["", "processing dataset", "tuning", ""]
    assert seen[-1].percent == 100


def test_a_job_that_does_not_end_times_out(service: VertexService, gemini: Emulator) -> None:
    model = gemini.add_vertex_model(f"{AT}/tuningJobs/1", state="TUNING_JOB_STATE_TUNING")

    with pytest.raises(WaitTimeoutError, match=r"CREATING \(tuning"):
        wait_until_active(service, model.job, timeout=0)


# Which requests a name takes: no more than it needs.
REQUESTS = {
    "an endpoint with labels": ("endpoints/42", LABELS, ["GET /endpoints/42"]),
    "an endpoint without": ("endpoints/42", NO_LABELS, ["GET /endpoints/42", "GET /models/7@1"]),
    "a model": ("models/7@1", LABELS, ["GET /models/7@1"]),
    "a job": ("tuningJobs/9", LABELS, ["GET /tuningJobs/9", "GET /endpoints/42"]),
}


@pytest.mark.parametrize("case", REQUESTS)
async def test_a_name_takes_no_more_requests_than_it_needs(
    ask: Ask, case: str, service: VertexService, gemini: Emulator
) -> None:
    name, labels, requests = REQUESTS[case]
    gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, job="9", model="7", labels=labels)

    await ask(service, "get", name)

    assert asked(gemini) == requests


JOB_LABEL = {"google-vertex-llm-tuning-job-id": "9"}


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_the_base_of_an_endpoint_comes_from_its_job_where_the_model_is_hidden(
    ask: Ask, status: int, service: VertexService, gemini: Emulator
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, job="9", labels=JOB_LABEL)

    with gemini.fault(method="models.get", status=status):
        model = await ask(service, "get", "42")

    assert (model.state, model.base_model) == (TunedModelState.ACTIVE, "gemini-3.5-flash")
    assert asked(gemini)[-1] == "GET /tuningJobs/9"


@pytest.mark.parametrize("status", [403, 404, 503])
@pytest.mark.parametrize("labels", [JOB_LABEL, NO_LABELS, {"google-vertex-llm-tuning-job-id": "-"}])
async def test_what_is_not_needed_may_be_hidden(
    ask: Ask, status: int, labels: dict[str, str], service: VertexService, gemini: Emulator
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, job="9", labels=labels)

    with (
        gemini.fault(method="models.get", status=status),
        gemini.fault(method="tuningJobs.get", status=status),
    ):
        model = await ask(service, "get", "42")

    assert (model.state, model.base_model) == (TunedModelState.ACTIVE, "")


@pytest.mark.parametrize("status", [403, 503])
async def test_a_job_that_has_succeeded_is_believed_where_its_endpoint_is_hidden(
    ask: Ask, status: int, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    with gemini.fault(method="endpoints.get", status=status):
        assert (await ask(service, "get", tuned.job)).state is TunedModelState.ACTIVE


async def test_an_endpoint_that_waits_for_its_model_tells_its_jobs_state(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    gemini.add_vertex_model(f"{AT}/tuningJobs/9", state="TUNING_JOB_STATE_POST_PROCESSING")

    with gemini.fault(method="endpoints.get", body={"name": tuned.endpoint, "labels": JOB_LABEL}):
        model = await ask(service, "get", tuned.endpoint)

    assert (model.state, model.doing) == (TunedModelState.CREATING, "post processing")
    assert model.endpoint == tuned.endpoint


async def test_an_endpoint_without_a_model_and_a_job_is_in_no_known_state(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    for name in (tuned.endpoint, tuned.job):
        with gemini.fault(method="endpoints.get", body={"name": tuned.endpoint}):
            model = await ask(service, "get", name)

        assert (model.state, model.raw_state) == (TunedModelState.UNKNOWN, "NOT_DEPLOYED")


async def test_a_model_that_is_deployed_nowhere_has_no_endpoint(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    with gemini.fault(method="models.get", body={"name": tuned.model}):
        model = await ask(service, "get", tuned.model)

    assert (model.state, model.endpoint) == (TunedModelState.UNKNOWN, "")


async def test_what_was_deleted_is_not_found_by_any_of_its_names(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    gemini.delete_tuned_model(tuned.endpoint)

    for name in (tuned.endpoint, tuned.job, tuned.model):
        with pytest.raises(TunedModelNotFoundError, match="does not exist") as raised:
            await ask(service, "get", name)
        assert raised.value.name == name


@pytest.mark.parametrize("name", ["tunedModels/x", "gemini-2.5-flash", "endpoints/a.b", ""])
@pytest.mark.parametrize("method", ["get", "delete", "cancel"])
async def test_a_bad_name_is_refused_before_anything_is_sent(
    ask: Ask, method: str, name: str, service: VertexService, gemini: Emulator
) -> None:
    with pytest.raises(TunedModelNameError):
        await ask(service, method, name)

    assert gemini.requests == []


async def test_all_pages_are_listed_oldest_first_with_a_filter(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    states = ["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "TUNING_JOB_STATE_TUNING"]
    for number in range(130):
        gemini.add_vertex_model(
            f"{AT}/tuningJobs/{number}",
            examples=ROWS[:2],
            state=states[number % 3],
            create_time=1_790_000_000 + number,
        )

    models = await ask(service, "list")
    failed = await ask(service, "list", 'state="JOB_STATE_FAILED"')

    assert [model.name for model in models] == [f"{AT}/tuningJobs/{n}" for n in range(130)]
    assert [model.name for model in failed] == [f"{AT}/tuningJobs/{n}" for n in range(1, 130, 3)]
    assert {model.state for model in failed} == {TunedModelState.FAILED}


async def test_a_deleted_models_job_is_not_listed_unless_nobody_may_see_that_it_is_gone(
    ask: Ask, service: VertexService, gemini: Emulator, tuned: VertexModel
) -> None:
    kept = gemini.add_vertex_model(f"{AT}/endpoints/43", examples=ROWS)
    gemini.delete_tuned_model(tuned.endpoint)

    models = await ask(service, "list")
    with gemini.fault(method="endpoints.list", status=403):
        blindly = await ask(service, "list")

    assert [model.name for model in models] == [kept.job]
    assert {model.name for model in blindly} == {kept.job, tuned.job}


async def test_projects_have_an_id_and_a_number(ask: Ask) -> None:
    with Emulator(project_numbers={"acme": "801452371447"}) as gemini:
        tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS)
        service = VertexService("acme", "us-central1", api_key=KEY, base_url=gemini.base_url)

        (listed,) = await ask(service, "list")
        model = await ask(service, "get", f"{AT}/endpoints/42")

    assert listed.name == tuned.job
    assert "801452371447" in tuned.job
    assert model.name == f"{AT}/endpoints/42"


async def test_a_page_that_comes_again_ends_the_list_with_an_error(
    ask: Ask, service: VertexService, gemini: Emulator
) -> None:
    page = {"tuningJobs": [{"name": f"{AT}/tuningJobs/1"}], "nextPageToken": "again"}

    with (
        gemini.fault(method="tuningJobs.list", body=page),
        pytest.raises(ServiceError, match="never end"),
    ):
        await ask(service, "list")


@pytest.mark.parametrize("base_url", [None, "emulator"])
async def test_a_misspelt_region_is_named_with_the_one_that_may_be_meant(
    base_url: str | None, emulator: Emulator
) -> None:
    address = emulator.base_url if base_url else "http://us-centrl1-aiplatform.invalid"
    service = VertexService("acme", "us-centrl1", api_key="any-key", base_url=address)

    for refused in (service.list, lambda: service.get("42")):
        with pytest.raises(ServiceError, match=r"'us-centrl1' .* \(is it 'us-central1'\?\)"):
            refused()
    with pytest.raises(ServiceError, match="is it 'us-central1'"):
        await service.alist()


def test_a_model_that_is_not_in_a_region_may_be_in_another_one(emulator: Emulator) -> None:
    service = VertexService("acme", "us-east1", api_key="any-key", base_url=emulator.base_url)

    with pytest.raises(TunedModelNotFoundError, match="in another region than us-east1"):
        service.get("42")
