"""google-genai in Vertex mode, unmodified, against the emulator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from langchain_tuned_gemini.emulator import Emulator, manual
from tests.discovery import problems_of_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_tuned_gemini.emulator import VertexModel

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental"),
    # aiohttp's complaint about google-genai's session, where aiohttp is installed
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession"),
]

AT = "projects/acme/locations/us-central1"
BASE = "gemini-2.5-flash"
DATA = types.TuningDataset(gcs_uri="gs://acme/train.jsonl")
QUESTION = "How many users are there?"
ANSWER = "SELECT COUNT(*) FROM users"


@pytest.fixture(autouse=True)
def requests_as_documented(gemini: Emulator) -> Iterator[None]:
    """Whatever google-genai sends is what Google's discovery documents describe."""
    yield
    problems = [
        (request.path, problems_of_request(request.method, request.path, request.body))
        for request in gemini.requests
    ]
    assert [(path, found) for path, found in problems if found] == []


def test_an_endpoint_generates(client: genai.Client, tuned: VertexModel) -> None:
    answer = client.models.generate_content(model=tuned.endpoint, contents=QUESTION)

    assert answer.text == ANSWER
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.model_version == "gemini-3.5-flash"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.total_token_count == 7 + 7 + 512  # thoughts
    assert answer.usage_metadata.traffic_type is types.TrafficType.ON_DEMAND
    assert answer.create_time is not None


def test_an_endpoint_streams(client: genai.Client, tuned: VertexModel) -> None:
    chunks = list(client.models.generate_content_stream(model=tuned.endpoint, contents=QUESTION))

    assert len(chunks) == 4
    assert "".join(chunk.text or "" for chunk in chunks) == ANSWER


def test_an_endpoint_generates_and_streams_asynchronously(
    client: genai.Client, tuned: VertexModel
) -> None:
    async def main() -> tuple[str | None, str, int | None]:
        models = client.aio.models
        answer = await models.generate_content(model=tuned.endpoint, contents=QUESTION)
        stream = await models.generate_content_stream(model=tuned.endpoint, contents=QUESTION)
        streamed = "".join([chunk.text or "" async for chunk in stream])
        counted = await models.count_tokens(model=tuned.endpoint, contents=QUESTION)
        await client.aio.aclose()
        return answer.text, streamed, counted.total_tokens

    assert asyncio.run(main()) == (ANSWER, ANSWER, 7)


def test_a_base_model_reads_its_few_shot_examples(client: genai.Client) -> None:
    contents = [
        types.UserContent("How many cats?"),
        types.ModelContent("CATS"),
        types.UserContent("How many cats are there?"),
    ]

    answer = client.models.generate_content(model=BASE, contents=contents)

    assert answer.text == "CATS"


@pytest.mark.parametrize("who", ["endpoint", BASE])
def test_tokens_are_counted_for_endpoints(
    client: genai.Client, tuned: VertexModel, who: str
) -> None:
    model = tuned.endpoint if who == "endpoint" else who

    assert client.models.count_tokens(model=model, contents=QUESTION).total_tokens == 7


def test_a_model_is_tuned_and_answers_from_its_file(client: genai.Client) -> None:
    config = types.CreateTuningJobConfig(
        epoch_count=2,
        learning_rate_multiplier=0.5,
        adapter_size=types.AdapterSize.ADAPTER_SIZE_ONE,
        tuned_model_display_name="sql",
        description="Experts only",
        labels={"team": "data"},
    )

    job = client.tunings.tune(base_model=BASE, training_dataset=DATA, config=config)
    done = client.tunings.get(name=job.name or "")
    assert done.tuned_model is not None
    answer = client.models.generate_content(
        model=done.tuned_model.endpoint or "", contents="list the dogs"
    )

    assert job.state is types.JobState.JOB_STATE_PENDING
    assert (done.state, done.has_succeeded) == (types.JobState.JOB_STATE_SUCCEEDED, True)
    assert (done.base_model, done.description) == (BASE, "Experts only")
    assert done.tuned_model_display_name == "sql"
    assert done.labels == {"team": "data"}
    assert answer.text == "SELECT * FROM dogs"


def test_a_tuning_job_shows_its_checkpoints(client: genai.Client, tuned: VertexModel) -> None:
    job = client.tunings.get(name=tuned.job)

    assert job.tuned_model is not None
    assert job.tuned_model.model == tuned.model
    assert job.tuned_model.endpoint == tuned.endpoint
    assert job.tuned_model.checkpoints is not None
    shown = [(c.checkpoint_id, c.epoch, c.step, c.endpoint) for c in job.tuned_model.checkpoints]
    assert shown == [
        (str(n), n, n, endpoint) for n, endpoint in enumerate(tuned.checkpoints, start=1)
    ]
    for endpoint in tuned.checkpoints:
        answer = client.models.generate_content(model=endpoint, contents=QUESTION)
        assert answer.text == ANSWER


def test_a_tuned_model_is_tuned_again_as_its_next_version(
    client: genai.Client, gemini: Emulator, tuned: VertexModel
) -> None:
    gemini.add_file("gs://acme/more.jsonl", [("List all cats", "SELECT * FROM cats")])
    more = types.TuningDataset(gcs_uri="gs://acme/more.jsonl")
    config = types.CreateTuningJobConfig(pre_tuned_model_checkpoint_id="2")

    job = client.tunings.tune(base_model=tuned.model, training_dataset=more, config=config)
    done = client.tunings.get(name=job.name or "")

    assert done.pre_tuned_model is not None
    assert done.pre_tuned_model.tuned_model_name == tuned.model
    assert done.pre_tuned_model.checkpoint_id == "2"
    assert done.pre_tuned_model.base_model == "gemini-3.5-flash"
    assert done.tuned_model is not None
    assert done.tuned_model.model == tuned.model.replace("@1", "@2")
    for question, answer in [("List all cats", "SELECT * FROM cats"), (QUESTION, ANSWER)]:
        said = client.models.generate_content(
            model=done.tuned_model.endpoint or "", contents=question
        )
        assert said.text == answer


def test_tuning_jobs_are_listed_page_by_page(client: genai.Client, gemini: Emulator) -> None:
    for number in range(7):
        gemini.add_vertex_model(f"{AT}/tuningJobs/{number}")
    gemini.add_vertex_model("projects/acme/locations/europe-west4/tuningJobs/99")

    names = [job.name for job in client.tunings.list(config={"page_size": 3})]

    assert sorted(names) == [f"{AT}/tuningJobs/{number}" for number in range(7)]
    assert [request.call for request in gemini.requests] == ["tuningJobs.list"] * 3


def test_tuning_jobs_are_listed_by_a_filter(client: genai.Client, gemini: Emulator) -> None:
    for number, state in enumerate(["JOB_STATE_FAILED", "JOB_STATE_RUNNING"]):
        gemini.add_vertex_model(f"{AT}/tuningJobs/{number}", state=state)

    jobs = list(client.tunings.list(config={"filter": 'state="JOB_STATE_FAILED"'}))

    assert [job.name for job in jobs] == [f"{AT}/tuningJobs/0"]


def test_a_tuning_job_is_cancelled(client: genai.Client, gemini: Emulator) -> None:
    job = gemini.add_vertex_model(f"{AT}/tuningJobs/7", state="JOB_STATE_RUNNING")

    client.tunings.cancel(name=job.job)

    cancelled = client.tunings.get(name=job.job)
    assert cancelled.state is types.JobState.JOB_STATE_CANCELLED
    assert cancelled.error is not None
    assert cancelled.error.code == 1
    assert cancelled.tuned_model is None


def test_tunings_work_asynchronously(client: genai.Client) -> None:
    async def main() -> list[Any]:
        tunings = client.aio.tunings
        job = await tunings.tune(base_model=BASE, training_dataset=DATA)
        await tunings.cancel(name=job.name or "")
        done = await tunings.get(name=job.name or "")
        listed = [job.name async for job in await tunings.list()]
        await client.aio.aclose()
        return [done.state, listed == [job.name]]

    # Cancelling a job that has ended already changes nothing.
    assert asyncio.run(main()) == [types.JobState.JOB_STATE_SUCCEEDED, True]


def test_a_tuned_model_is_read_by_its_versions(client: genai.Client, tuned: VertexModel) -> None:
    whole = tuned.model.partition("@")[0]

    model = client.models.get(model=tuned.model)

    assert client.models.get(model=whole) == model
    assert client.models.get(model=f"{whole}@default") == model
    assert (model.name, model.version, model.display_name) == (whole, "1", "sql")
    assert [endpoint.name for endpoint in model.endpoints or []] == list(tuned.checkpoints)
    assert model.tuned_model_info is not None
    assert model.tuned_model_info.base_model == "gemini-3_5-flash"
    assert model.default_checkpoint_id == "3"
    assert [c.epoch for c in model.checkpoints or []] == [1, 2, 3]


def test_tuned_models_are_listed(client: genai.Client, gemini: Emulator) -> None:
    for number in range(3):
        gemini.add_vertex_model(f"{AT}/endpoints/{number}", display_name=f"d{number}")

    config = types.ListModelsConfig(query_base=False, page_size=2)
    models = list(client.models.list(config=config))
    config = types.ListModelsConfig(query_base=False, filter='display_name="d1"')
    (filtered,) = client.models.list(config=config)

    assert sorted(model.display_name or "" for model in models) == ["d0", "d1", "d2"]
    assert filtered.display_name == "d1"


def test_base_models_are_listed_and_read(client: genai.Client) -> None:
    names = [model.name for model in client.models.list()]

    assert f"publishers/google/models/{BASE}" in names
    assert client.models.get(model=BASE).name == f"publishers/google/models/{BASE}"


def test_a_tuned_model_is_changed(client: genai.Client, tuned: VertexModel) -> None:
    config = types.UpdateModelConfig(
        display_name="SQL", description="Expert", default_checkpoint_id="2"
    )

    client.models.update(model=tuned.model, config=config)

    model = client.models.get(model=tuned.model)
    assert (model.display_name, model.description) == ("SQL", "Expert")
    assert model.default_checkpoint_id == "2"


def test_a_deployed_model_is_not_deleted(client: genai.Client, tuned: VertexModel) -> None:
    with pytest.raises(errors.ClientError, match="deployed") as raised:
        client.models.delete(model=tuned.model.partition("@")[0])

    assert (raised.value.code, raised.value.status) == (400, "FAILED_PRECONDITION")


def test_a_model_that_is_deployed_nowhere_is_deleted(
    client: genai.Client, api: Any, tuned: VertexModel
) -> None:
    name = tuned.model.partition("@")[0]
    for endpoint in tuned.checkpoints:
        (deployed,) = api.get(f"/v1/{endpoint}").json()["deployedModels"]
        body = {"deployedModelId": deployed["id"]}
        assert api.post(f"/v1/{endpoint}:undeployModel", json=body).json()["done"]

    client.models.delete(model=name)

    with pytest.raises(errors.ClientError, match="not found") as raised:
        client.models.get(model=name)
    assert raised.value.code == 404


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_errors_carry_googles_body(
    client: genai.Client, gemini: Emulator, tuned: VertexModel, status: int
) -> None:
    gemini.fault(status=status)

    with pytest.raises(errors.APIError) as raised:
        client.models.generate_content(model=tuned.endpoint, contents=QUESTION)

    assert raised.value.code == status
    assert raised.value.details["error"]["code"] == status


def express(gemini: Emulator) -> genai.Client:
    options = types.HttpOptions(base_url=gemini.base_url)
    return genai.Client(vertexai=True, api_key="a-key", http_options=options)


def stable(gemini: Emulator) -> genai.Client:
    options = types.HttpOptions(base_url=gemini.base_url, api_version="v1")
    return genai.Client(
        vertexai=True,
        project="acme",
        location="us-central1",
        credentials=Credentials("a-token"),
        http_options=options,
    )


@pytest.mark.parametrize("make", [express, stable])
def test_keys_and_the_stable_version_work(
    gemini: Emulator, tuned: VertexModel, make: Callable[[Emulator], genai.Client]
) -> None:
    client = make(gemini)

    answer = client.models.generate_content(model=tuned.endpoint, contents=QUESTION)
    unknown = client.models.generate_content(model=BASE, contents=QUESTION)
    job = client.tunings.get(name=tuned.job)

    client.close()
    assert answer.text == ANSWER
    assert "no examples" in (unknown.text or "")
    assert job.has_succeeded


def test_a_job_is_pending_until_it_is_advanced(tuned: VertexModel, gemini: Emulator) -> None:
    with Emulator(progression=manual(), files={"gs://acme/train.jsonl": [("1", "2")]}) as slow:
        client = stable(slow)
        job = client.tunings.tune(base_model=BASE, training_dataset=DATA)
        name = job.name or ""
        states = [client.tunings.get(name=name).state]
        slow.advance(name, 1)
        states.append(client.tunings.get(name=name).state)
        slow.advance(name)
        states.append(client.tunings.get(name=name).state)
        client.close()

    assert [state and state.value for state in states] == [
        "JOB_STATE_PENDING",
        "JOB_STATE_RUNNING",
        "JOB_STATE_SUCCEEDED",
    ]


def test_an_operation_is_read(client: genai.Client, api: Any, tuned: VertexModel) -> None:
    (deployed,) = api.get(f"/v1/{tuned.endpoint}").json()["deployedModels"]
    body = {"deployedModelId": deployed["id"]}
    started = api.post(f"/v1/{tuned.endpoint}:undeployModel", json=body).json()

    # google-genai reads operations of a project's location, by their id.
    operation = client.operations._get(operation_id=started["name"].rpartition("/")[2])

    assert operation.name == started["name"]
    assert operation.done
