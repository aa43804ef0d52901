"""Tuning jobs: what creates them, how they go on, and what a test does to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, VertexModel, after, manual

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
JOBS = f"/v1beta1/{AT}/tuningJobs"
TRAIN = "gs://acme/train.jsonl"
SPEC = {"trainingDatasetUri": TRAIN}
JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": SPEC}


def create(api: httpx.Client, **fields: Any) -> Any:
    response = api.post(JOBS, json=JOB | fields)
    assert response.status_code == 200, response.text
    return response.json()


def get(api: httpx.Client, name: str) -> Any:
    return api.get(f"/v1beta1/{name}").json()


def ask(api: httpx.Client, endpoint: str, question: str) -> str:
    body = {"contents": [{"role": "user", "parts": [{"text": question}]}]}
    answer = api.post(f"/v1/{endpoint}:generateContent", json=body).json()
    text: str = answer["candidates"][0]["content"]["parts"][0]["text"]
    return text


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"baseModel": "gemini-0"}, 400, "gemini-0 is not supported"),
        ({"baseModel": ""}, 400, "not supported"),
        ({"supervisedTuningSpec": None}, 400, "Required field"),
        ({"supervisedTuningSpec": {}}, 400, "training_dataset_uri"),
        ({"supervisedTuningSpec": {"trainingDatasetUri": "a.jsonl"}}, 400, "training_dataset_uri"),
        ({"tunedModelDisplayName": "x" * 129}, 400, "128 characters"),
        ({"reinforcementTuningSpec": {}}, 501, "reinforcementTuningSpec"),
        ({"preTunedModel": {"tunedModelName": f"{AT}/models/1"}}, 404, f"`{AT}/models/1` not"),
        ({"preTunedModel": {"tunedModelName": "15"}}, 404, "`15` not found"),
        ({"preTunedModel": {"tunedModelName": "a/b/c/d/e/f"}}, 404, "`a/b/c/d/e/f` not found"),
    ],
)
def test_a_job_that_can_not_be_is_refused(
    api: httpx.Client, fields: dict[str, Any], code: int, text: str
) -> None:
    response = api.post(JOBS, json=JOB | fields)

    assert response.status_code == code
    assert text in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"epochCount": 0}, "epoch_count"),
        ({"epochCount": "many"}, "epoch_count"),
        ({"learningRateMultiplier": -1}, "learning_rate_multiplier"),
        ({"adapterSize": "ADAPTER_SIZE_THREE"}, "adapter_size"),
        ({"adapterSize": "ADAPTER_SIZE_THIRTY_TWO"}, "The adapter size is not supported for this"),
    ],
)
def test_a_hyperparameter_that_can_not_be_is_refused(
    api: httpx.Client, parameters: dict[str, Any], text: str
) -> None:
    response = api.post(
        JOBS, json=JOB | {"supervisedTuningSpec": SPEC | {"hyperParameters": parameters}}
    )

    assert response.status_code == 400
    assert text in response.json()["error"]["message"]


@pytest.mark.parametrize("base", ["gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"])
def test_a_base_model_may_have_its_publisher(api: httpx.Client, base: str) -> None:
    assert create(api, baseModel=base)["baseModel"] == "gemini-2.5-flash"


def test_hyperparameters_are_filled_in_when_the_job_runs(api: httpx.Client) -> None:
    spec = {"training_dataset_uri": TRAIN, "hyper_parameters": {"epoch_count": 2}}

    created = create(api, supervisedTuningSpec=spec)

    done = get(api, created["name"])
    assert created["supervisedTuningSpec"]["hyperParameters"] == {"epochCount": "2"}
    assert done["supervisedTuningSpec"]["hyperParameters"] == {
        "epochCount": "2",
        "learningRateMultiplier": 1,
        "adapterSize": "ADAPTER_SIZE_FOUR",
    }


@pytest.mark.parametrize(
    ("epochs", "last_only", "shown"),
    [
        (1, False, [1]),
        (3, False, [1, 2, 3]),
        (25, False, [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]),
        (5, True, []),
    ],
)
def test_a_job_has_a_checkpoint_for_each_epoch_or_ten(
    api: httpx.Client, epochs: int, last_only: bool, shown: list[int]
) -> None:
    spec = SPEC | {
        "hyperParameters": {"epochCount": epochs},
        "exportLastCheckpointOnly": last_only,
    }

    tuned = get(api, create(api, supervisedTuningSpec=spec)["name"])["tunedModel"]

    checkpoints = tuned.get("checkpoints", [])
    assert [int(checkpoint["epoch"]) for checkpoint in checkpoints] == shown
    endpoints = [checkpoint["endpoint"] for checkpoint in checkpoints]
    assert len(set(endpoints)) == len(endpoints)
    assert endpoints[-1:] in ([], [tuned["endpoint"]])


def test_another_display_name_makes_another_model(api: httpx.Client, gemini: Emulator) -> None:
    first = gemini.add_vertex_model(ENDPOINT, display_name="sql")
    source = {"preTunedModel": {"tunedModelName": first.model}, "baseModel": None}

    def made(display_name: str) -> str:
        job = create(api, tunedModelDisplayName=display_name, **source)
        model: str = get(api, job["name"])["tunedModel"]["model"]
        return model

    versions = [made(name) for name in ("", "sql", "other")]

    name = first.model.partition("@")[0]
    assert versions[:2] == [f"{name}@2", f"{name}@3"]
    assert versions[2].endswith("@1")
    assert not versions[2].startswith(name)


def test_a_job_goes_through_its_states_as_time_passes(clock: Any) -> None:
    files = {TRAIN: [(str(n), str(n + 1)) for n in range(80)]}
    with Emulator(clock=clock, progression=after(100), files=files) as gemini:
        api = http(gemini)
        name = create(api, supervisedTuningSpec=SPEC)["name"]
        seen = []
        for _ in range(12):
            job = get(api, name)
            steps = job.get("tuningJobMetadata", {}).get("completedStepCount", "0")
            detail = job.get("tuningJobState", "").removeprefix("TUNING_JOB_STATE_")
            seen.append((job["state"].removeprefix("JOB_STATE_"), detail, int(steps)))
            clock.now += 10
        done = get(api, name)
        api.close()

    assert seen == [
        ("PENDING", "", 0),
        ("RUNNING", "PROCESSING_DATASET", 0),
        ("RUNNING", "TUNING", 0),
        ("RUNNING", "TUNING", 4),
        ("RUNNING", "TUNING", 8),
        ("RUNNING", "TUNING", 12),
        ("RUNNING", "TUNING", 17),
        ("RUNNING", "TUNING", 21),
        ("RUNNING", "TUNING", 25),
        ("RUNNING", "POST_PROCESSING", 30),
        ("SUCCEEDED", "", 30),
        ("SUCCEEDED", "", 30),
    ]
    assert done["createTime"] < done["startTime"] < done["endTime"] == done["updateTime"]
    assert done["tuningJobMetadata"] == {"completedEpochCount": "3", "completedStepCount": "30"}


def http(gemini: Emulator) -> httpx.Client:
    import httpx

    headers = {"authorization": "Bearer t"}
    return httpx.Client(base_url=gemini.base_url, headers=headers, verify=False)


def test_a_job_fails_with_its_reason(clock: Any) -> None:
    with Emulator(clock=clock, fails=["broken"], files={TRAIN: [("1", "2")]}) as gemini:
        api = http(gemini)
        broken = get(api, create(api, tunedModelDisplayName="broken")["name"])
        fine = get(api, create(api, tunedModelDisplayName="fine")["name"])
        api.close()

    assert (broken["state"], broken["error"]["code"]) == ("JOB_STATE_FAILED", 13)
    assert "tunedModel" not in broken
    assert fine["state"] == "JOB_STATE_SUCCEEDED"


def test_a_job_without_its_file_fails_and_says_what_to_do(api: httpx.Client) -> None:
    spec = {"trainingDatasetUri": "gs://acme/missing.jsonl"}

    job = get(api, create(api, supervisedTuningSpec=spec)["name"])

    assert job["state"] == "JOB_STATE_FAILED"
    assert job["error"]["code"] == 3
    assert "gs://acme/missing.jsonl" in job["error"]["message"]
    assert "add_file" in job["error"]["message"]


CONVERSATION = {
    "systemInstruction": {"parts": [{"text": "Answer in SQL."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "List all "}, {"text": "cats"}]},
        {"role": "model", "parts": [{"text": "SELECT * FROM cats"}]},
        {"role": "user", "parts": [{"text": "And the mice"}]},
        {"role": "model", "parts": [{"text": "SELECT * FROM mice"}]},
    ],
}


@pytest.mark.parametrize("form", ["rows", "file", "path"])
def test_a_file_has_vertex_ais_format_or_the_other(
    gemini: Emulator, api: httpx.Client, tmp_path: Path, form: str
) -> None:
    rows = [CONVERSATION, {"text_input": "List all dogs", "output": "SELECT * FROM dogs"}]
    file = tmp_path / "train.jsonl"
    file.write_text("\ufeff" + "\n\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    gemini.add_file("gs://b/c.jsonl", {"rows": rows, "file": file, "path": str(file)}[form])

    job = create(api, supervisedTuningSpec={"trainingDatasetUri": "gs://b/c.jsonl"})
    endpoint = get(api, job["name"])["tunedModel"]["endpoint"]

    questions = ["list all cats", "and the mice?", "list all dogs"]
    assert [ask(api, endpoint, question) for question in questions] == [
        "SELECT * FROM cats",
        "SELECT * FROM mice",
        "SELECT * FROM dogs",
    ]


@pytest.mark.parametrize("row", [{"contents": [1]}, {"contents": [{"parts": []}]}, {"text": "x"}])
def test_a_row_of_another_form_is_refused(gemini: Emulator, row: Any) -> None:
    with pytest.raises(ValueError, match="examples:1: field"):
        gemini.add_file("gs://b/c.jsonl", [row])


@pytest.mark.parametrize("uri", ["train.jsonl", "gs://bucket", "gs:///x", "s3://b/x"])
def test_a_file_is_in_a_bucket(gemini: Emulator, uri: str) -> None:
    with pytest.raises(ValueError, match="gs://bucket/object"):
        gemini.add_file(uri, [("1", "2")])


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("", {"1", "2", "3"}),
        ('state="JOB_STATE_FAILED"', {"2"}),
        ("state!=JOB_STATE_FAILED", {"1", "3"}),
        ('tuned_model_display_name="b b"', {"2"}),
        ("displayName=a AND state=JOB_STATE_RUNNING", {"3"}),
        ("labels.team:*", {"1", "2"}),
        ("labels.team=data", {"1"}),
        ('labels.team!="data"', {"2", "3"}),
        ("baseModel=gemini-3.5-flash", {"1", "2", "3"}),
    ],
)
def test_jobs_are_filtered(
    gemini: Emulator, api: httpx.Client, filter_: str, found: set[str]
) -> None:
    data, web = {"team": "data"}, {"team": "web"}
    gemini.add_vertex_model(f"{AT}/tuningJobs/1", display_name="a", labels=data)
    failed = "JOB_STATE_FAILED"
    gemini.add_vertex_model(f"{AT}/tuningJobs/2", display_name="b b", labels=web, state=failed)
    gemini.add_vertex_model(f"{AT}/tuningJobs/3", display_name="a", state="JOB_STATE_RUNNING")

    jobs = api.get(JOBS, params={"filter": filter_}).json().get("tuningJobs", [])

    assert {job["name"].rpartition("/")[2] for job in jobs} == found


@pytest.mark.parametrize("filter_", ["nonsense", "size=3", "state:*", "state=A OR state=B", "="])
def test_a_filter_that_is_not_understood_is_refused(api: httpx.Client, filter_: str) -> None:
    response = api.get(JOBS, params={"filter": filter_})

    assert response.status_code == 400
    assert "Invalid filter" in response.json()["error"]["message"]


class TestJobsByHand:
    @pytest.fixture
    def gemini(self, clock: Any) -> Iterator[Emulator]:
        files = {TRAIN: [(str(n), str(n + 1)) for n in range(16)]}
        options: dict[str, Any] = {"progression": manual(), "operation_duration": 5}
        with Emulator(clock=clock, files=files, **options) as emulator:
            yield emulator

    def test_steps_are_made_by_hand(self, gemini: Emulator, api: httpx.Client) -> None:
        name = create(api)["name"]
        assert get(api, name)["state"] == "JOB_STATE_PENDING"

        gemini.advance(name, 3)

        job = get(api, name)
        assert (job["state"], job["tuningJobState"]) == (
            "JOB_STATE_RUNNING",
            "TUNING_JOB_STATE_TUNING",
        )
        assert job["tuningJobMetadata"] == {"completedEpochCount": "1", "completedStepCount": "3"}
        gemini.advance(name, 3)
        job = get(api, name)
        assert job["state"] == "JOB_STATE_SUCCEEDED"
        assert ask(api, job["tunedModel"]["endpoint"], "7") == "8"
        with pytest.raises(ValueError, match="has not ended"):
            gemini.advance(name)

    def test_a_job_that_fails_does_so_at_its_end(self, gemini: Emulator, api: httpx.Client) -> None:
        name = create(api, supervisedTuningSpec={"trainingDatasetUri": "gs://b/x"})["name"]

        gemini.advance(name)

        assert get(api, name)["state"] == "JOB_STATE_FAILED"

    def test_a_cancellation_takes_its_time(
        self, gemini: Emulator, api: httpx.Client, clock: Any
    ) -> None:
        name = create(api)["name"]
        gemini.advance(name, 2)
        started = get(api, name)["startTime"]

        assert api.post(f"/v1/{name}:cancel").json() == {}
        clock.now += 4
        assert api.post(f"/v1/{name}:cancel").json() == {}

        job = get(api, name)
        assert job["state"] == "JOB_STATE_CANCELLING"
        assert "error" not in job
        assert "endTime" not in job
        clock.now += 1
        job = get(api, name)
        assert (job["state"], job["error"]["code"]) == ("JOB_STATE_CANCELLED", 1)
        assert job["startTime"] == started < job["endTime"]
        assert job["tuningJobMetadata"]["completedStepCount"] == "2"

    def test_a_cancellation_is_ended_by_hand(self, gemini: Emulator, api: httpx.Client) -> None:
        name = create(api)["name"]
        api.post(f"/v1/{name}:cancel")

        gemini.advance(name)

        assert get(api, name)["state"] == "JOB_STATE_CANCELLED"

    def test_a_job_is_put_into_a_state_and_out_of_it(
        self, gemini: Emulator, api: httpx.Client
    ) -> None:
        tuned = gemini.add_vertex_model(ENDPOINT, examples=[("1", "2")], checkpoints=2)
        whole = tuned.model.partition("@")[0]

        for name in (tuned.endpoint, tuned.model, tuned.checkpoints[0], tuned.job):
            gemini.set_state(name, "JOB_STATE_PAUSED")
            assert get(api, tuned.job)["state"] == "JOB_STATE_PAUSED"
            gone = [api.get(f"/v1/{n}").status_code for n in (tuned.endpoint, tuned.model)]
            assert gone == [404, 404]
            gemini.set_state(tuned.endpoint, "JOB_STATE_SUCCEEDED")
            assert ask(api, tuned.checkpoints[0], "1") == "2"
        assert get(api, tuned.job)["tunedModel"]["model"] == f"{whole}@1"

    def test_a_job_that_goes_back_has_done_less(self, gemini: Emulator, api: httpx.Client) -> None:
        name = create(api)["name"]
        gemini.advance(name)

        gemini.set_state(name, "JOB_STATE_RUNNING")
        running = get(api, name)
        gemini.set_state(name, "JOB_STATE_QUEUED")
        queued = get(api, name)

        assert running["tuningJobMetadata"]["completedStepCount"] == "5"
        assert "startTime" in running
        assert not {"startTime", "tuningJobMetadata"} & set(queued)

    def test_a_job_waits_for_what_it_is_told(self, gemini: Emulator, api: httpx.Client) -> None:
        name = create(api)["name"]

        gemini.set_state(name, "TUNING_JOB_STATE_WAITING_FOR_QUOTA")

        job = get(api, name)
        assert job["state"] == "JOB_STATE_RUNNING"
        assert job["tuningJobState"] == "TUNING_JOB_STATE_WAITING_FOR_QUOTA"
        gemini.set_state(name, "JOB_STATE_FAILED", error=(8, "No quota."))
        assert get(api, name)["error"] == {"code": 8, "message": "No quota."}

    def test_a_cancellation_by_a_test_stays_until_it_is_moved(
        self, gemini: Emulator, api: httpx.Client, clock: Any
    ) -> None:
        name = create(api)["name"]

        gemini.set_state(name, "JOB_STATE_CANCELLING")
        clock.now += 3600

        assert get(api, name)["state"] == "JOB_STATE_CANCELLING"


def test_a_tuned_model_is_deleted_behind_the_apis_back(
    gemini: Emulator, api: httpx.Client, tuned: VertexModel
) -> None:
    gemini.delete_tuned_model(tuned.endpoint)

    names = (tuned.endpoint, tuned.model, *tuned.checkpoints)
    assert {api.get(f"/v1/{name}").status_code for name in names} == {404}
    assert get(api, tuned.job)["tunedModel"]["model"] == tuned.model


def test_the_default_alias_stays_when_its_version_is_deleted(
    gemini: Emulator, api: httpx.Client
) -> None:
    first, _, third = (
        gemini.add_vertex_model(f"{AT}/endpoints/{n}", model="15") for n in (1, 2, 3)
    )

    gemini.delete_tuned_model(first.endpoint)

    assert get(api, f"{AT}/models/15")["versionId"] == third.model.partition("@")[2]


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("endpoints/42", {}, "is projects/P/locations/L/endpoints/E"),
        ("tunedModels/x", {}, "is projects/P/locations/L/endpoints/E"),
        (f"{AT}/models/15", {}, "is projects/P/locations/L/endpoints/E"),
        (AT, {}, "is projects/P/locations/L/endpoints/E"),
        (f"{ENDPOINT}/x", {}, "is projects/P/locations/L/endpoints/E"),
        (ENDPOINT.replace("us-central1", "mars"), {}, "no location 'mars'"),
        (ENDPOINT, {"state": "ACTIVE"}, "can't be 'ACTIVE'"),
        (ENDPOINT, {"state": "TUNING_JOB_STATE_DONE"}, "can't be 'TUNING_JOB_STATE_DONE'"),
        (ENDPOINT, {"base_model": "gemini-0"}, "no base model 'models/gemini-0'"),
        (ENDPOINT, {"checkpoints": 11}, "0 to 10 checkpoints"),
        (ENDPOINT, {"checkpoints": -1}, "0 to 10 checkpoints"),
        (f"{AT}/endpoints/1", {}, "is there already"),
        (f"{AT}/tuningJobs/1", {}, "is there already"),
        (f"{AT}/endpoints/2", {"job": "1"}, "is there already"),
    ],
)
def test_what_can_not_be_added_is_refused(
    gemini: Emulator, api: httpx.Client, name: str, options: dict[str, Any], problem: str
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/1", job="1", state="JOB_STATE_RUNNING")

    with pytest.raises(ValueError, match=problem):
        gemini.add_vertex_model(name, **options)

    assert len(api.get(JOBS).json()["tuningJobs"]) == 1


def test_a_model_that_is_not_there_can_not_be_moved(gemini: Emulator) -> None:
    gemini.add_vertex_model(ENDPOINT, job="7")

    with pytest.raises(LookupError, match=f"its jobs are: {AT}/tuningJobs/7"):
        gemini.set_state(f"{AT}/endpoints/1", "JOB_STATE_FAILED")


def test_what_is_added_has_all_names(gemini: Emulator, api: httpx.Client) -> None:
    by_job = gemini.add_vertex_model(f"{AT}/tuningJobs/7", model=f"{AT}/models/15")
    running = gemini.add_vertex_model(f"{AT}/tuningJobs/8", state="JOB_STATE_RUNNING")

    assert (by_job.job, by_job.model) == (f"{AT}/tuningJobs/7", f"{AT}/models/15@1")
    assert by_job.checkpoints == ()
    assert get(api, by_job.job)["tunedModel"] == {
        "model": by_job.model,
        "endpoint": by_job.endpoint,
    }
    assert running.model == ""
    gemini.set_state(running.job, "JOB_STATE_SUCCEEDED")
    assert api.get(f"/v1/{running.endpoint}").status_code == 200


def test_a_models_time_of_creation_can_be_chosen(gemini: Emulator, api: httpx.Client) -> None:
    tuned = gemini.add_vertex_model(ENDPOINT, create_time=1_600_000_000)

    assert get(api, tuned.job)["createTime"] == "2020-09-13T12:26:40.000000Z"


def test_a_row_of_another_form_in_a_file_is_named(gemini: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(json.dumps(CONVERSATION) + '\n{"contents": [1]}\n', encoding="utf-8")

    with pytest.raises(ValueError, match=r"train\.jsonl:2: field 'contents"):
        gemini.add_file("gs://b/c.jsonl", file)
