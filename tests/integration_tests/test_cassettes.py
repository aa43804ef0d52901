"""Recorded traffic, replayed under Google's host name with the network blocked.

`make record` records it again from the emulator. With GOOGLE_API_KEY the life of a tuned model
is recorded from Google; the other tests arrange failures and models that Google can't provide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.genai.errors import ClientError
from google.genai.types import CreateTuningJobConfig, HttpOptions, JobState, TuningDataset
from google.oauth2.credentials import Credentials
from langchain_google_genai.chat_models import GoogleModelNotFoundError
from vcr.cassette import Cassette

from langchain_tuned_gemini import ChatTunedGemini, TunedModelNotFoundError
from langchain_tuned_gemini.emulator import Emulator, Hyperparameters, after
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.wait import Progress, wait_until_active
from tests.conftest import BASE, NEXT_NUMBER, TUNED
from tests.recordings import CASSETTES, THE_EMULATOR, Nobody, RealClock, Source, StandingClock

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

# The last model that Google let people tune here, until May 2025; a new one goes here.
TUNABLE = "models/gemini-1.5-flash-001-tuning"
TWO_STEPS = Hyperparameters(epoch_count=2, batch_size=40, learning_rate=0.001)


@pytest.fixture
def source(request: pytest.FixtureRequest, record_mode: str) -> Iterator[Source]:
    """The cassette; while it is recorded, the emulator, or Google if there is a key.

    A test that asks for `gemini`, too, is always recorded from the emulator.
    """
    if record_mode == "none":
        yield Source()
    elif (key := os.environ.get("GOOGLE_API_KEY")) and "gemini" not in request.fixturenames:
        yield Source("Google", api_key=key, clock=RealClock())
    else:
        clock = StandingClock()
        with Emulator(clock=clock, progression=after(3)) as emulator:
            url = emulator.base_url
            yield Source(THE_EMULATOR, url, vertex_url=url, clock=clock, gemini=emulator)


@pytest.fixture
def gemini(source: Source) -> Emulator | Nobody:
    """Where a test arranges what only the emulator can provide."""
    return source.gemini


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return str(CASSETTES)


@pytest.fixture
def vcr_config(source: Source, default_cassette_name: str) -> Iterator[dict[str, Any]]:
    yield source.vcr_config()
    cassette = CASSETTES / f"{default_cassette_name}.yaml"
    if source.name and cassette.exists():  # a test may fail before it has asked for anything
        source.sign(cassette)


@pytest.fixture(autouse=True)
def whole_recording(vcr: Cassette, record_mode: str) -> Iterator[None]:
    """Nothing is recorded that is not asked for when the cassette is replayed."""
    yield
    assert record_mode != "none" or vcr.all_played


@pytest.fixture
def tuned(source: Source) -> ChatTunedGemini:
    return ChatTunedGemini(model=TUNED, api_key=source.api_key, base_url=source.base_url)


async def test_the_life_of_a_tuned_model(source: Source, tuned: ChatTunedGemini) -> None:
    service = GenerativeAIService(source.api_key, source.base_url)
    looks: list[Progress] = []

    created = service.create(
        NEXT_NUMBER, base_model=TUNABLE, model_id=TUNED.split("/")[1], epochs=2, batch_size=16
    )
    active = wait_until_active(
        service,
        created,
        on_progress=looks.append,
        clock=source.clock,
        sleep=source.clock.sleep,
        chance=lambda: 0.0,
    )
    invoked = tuned.invoke("7").text
    streamed = "".join(chunk.text for chunk in tuned.stream("11"))
    awaited = (await tuned.ainvoke("23")).text
    service.delete(active.name)

    assert created.name == active.name == TUNED
    percents = [look.percent for look in looks]
    assert percents == sorted(percents)
    assert percents[0] < percents[-1] == 100.0
    assert [snapshot.step for snapshot in active.snapshots] == [1, 2, 3, 4, 5]
    assert (invoked, streamed, awaited) == ("8", "12", "24")
    with pytest.raises(TunedModelNotFoundError, match=TUNED):
        service.get(TUNED)
    with pytest.raises(GoogleModelNotFoundError, match="404"):
        tuned.invoke("7")  # its ACTIVE state was remembered, …
    with pytest.raises(TunedModelNotFoundError, match=TUNED):
        tuned.invoke("7")  # … and is not any more


@pytest.mark.parametrize(("status", "reason"), [(503, "overloaded"), (429, "quota")])
async def test_the_base_model_answers_while_the_tuned_one_fails(
    status: int, reason: str, tuned: ChatTunedGemini, gemini: Emulator | Nobody
) -> None:
    gemini.add_tuned_model(TUNED, examples=NEXT_NUMBER, hyperparameters=TWO_STEPS)
    # Chance decides which calls a circuit holds back for want of quota; a cassette can't.
    robust = tuned.with_few_shot_fallback(
        BASE, examples=NEXT_NUMBER, k=4, circuit_breaker=False, retry_budget=False
    )

    with gemini.fault(model=TUNED, status=status):
        during = robust.invoke("7")
        during_too = await robust.ainvoke("11")
    after_it = robust.invoke("7")

    assert (during.text, during_too.text, after_it.text) == ("8", "12", "8")
    for answer in (during, during_too):
        said = answer.response_metadata["tuned_gemini"]
        assert (said["answered_by"], said["model"]) == ("base_fallback", BASE)
        assert (said["reason"], said["few_shot"]["examples"]) == (reason, 4)
        assert [attempt["status"] for attempt in said["attempts"]] == [status, None]
    assert after_it.response_metadata["tuned_gemini"]["answered_by"] == "tuned"


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several pages without hundreds of models, asked for in an order that repeats."""
    for sdk in ("genai", "generativeai"):
        monkeypatch.setattr(f"langchain_tuned_gemini.services.{sdk}.PAGE_SIZE", 2)
    monkeypatch.setattr("langchain_tuned_gemini.services.genai._AT_ONCE", 1)


@pytest.mark.usefixtures("pages_of_two")
@pytest.mark.parametrize(
    "make_service",
    [GenAIService.from_api_key, GenerativeAIService],
    ids=["google-genai", "google-generativeai"],
)
def test_all_pages_are_listed(
    make_service: Callable[..., TunedModelService],
    source: Source,
    gemini: Emulator | Nobody,
    vcr: Cassette,
) -> None:
    states = ["ACTIVE", "FAILED", "CREATING", "ACTIVE", "FAILED"]
    for number, state in enumerate(states):
        gemini.add_tuned_model(
            f"tunedModels/m{number}", examples=NEXT_NUMBER, state=state, hyperparameters=TWO_STEPS
        )

    models = make_service(source.api_key, base_url=source.base_url).list()

    assert [(model.name, model.raw_state) for model in models] == [
        (f"tunedModels/m{number}", state) for number, state in enumerate(states)
    ]
    assert sum(request.path.endswith("/tunedModels") for request in vcr.requests) == 3


@pytest.fixture
def vertex(source: Source) -> Iterator[genai.Client]:
    """google-genai itself: nothing of this package stands between it and the recording."""
    client = genai.Client(
        vertexai=True,
        project="acme",
        location="us-central1",
        credentials=Credentials("not-a-real-token"),
        http_options=HttpOptions(base_url=source.vertex_url),
    )
    yield client
    client.close()


@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")
def test_the_life_of_a_tuned_model_on_vertex_ai(
    source: Source, gemini: Emulator | Nobody, vertex: genai.Client
) -> None:
    gemini.add_file("gs://acme/next-number.jsonl", NEXT_NUMBER)
    tunings, models = vertex.tunings, vertex.models
    data = TuningDataset(gcs_uri="gs://acme/next-number.jsonl")
    config = CreateTuningJobConfig(epoch_count=2, tuned_model_display_name="next number")

    job = tunings.tune(base_model=BASE, training_dataset=data, config=config)
    states = [job.state]
    while not job.has_ended:
        source.clock.sleep(1)
        job = tunings.get(name=job.name)
        states.append(job.state)
    tuned = job.tuned_model
    asked = models.generate_content(model=tuned.endpoint, contents="7").text
    streamed = models.generate_content_stream(model=tuned.endpoint, contents="11")
    streamed = "".join(chunk.text for chunk in streamed)
    counted = models.count_tokens(model=tuned.endpoint, contents="23").total_tokens
    (model,) = models.list(config={"query_base": False})

    stopped = tunings.tune(base_model=tuned.model, training_dataset=data)
    tunings.cancel(name=stopped.name)
    listed = {job.name: job.state for job in tunings.list()}

    with pytest.raises(ClientError, match="400 FAILED_PRECONDITION"):
        models.delete(model=model.name)
    for checkpoint in tuned.checkpoints:
        _delete_endpoint(vertex, checkpoint.endpoint)
    models.delete(model=model.name)

    seen = [state.value.removeprefix("JOB_STATE_") for state in states]
    assert seen == ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert [checkpoint.epoch for checkpoint in tuned.checkpoints] == [1, 2]
    assert (asked, streamed, counted) == ("8", "12", 1)
    assert tuned.model == f"{model.name}@{model.version}"
    assert listed == {
        job.name: JobState.JOB_STATE_SUCCEEDED,
        stopped.name: JobState.JOB_STATE_CANCELLED,
    }
    with pytest.raises(ClientError, match="404 NOT_FOUND"):
        models.generate_content(model=tuned.endpoint, contents="7")
    with pytest.raises(ClientError, match="404 NOT_FOUND"):
        models.get(model=model.name)
    assert tunings.get(name=job.name).has_succeeded  # the record of a job can't be deleted


def _delete_endpoint(client: genai.Client, name: str) -> None:
    """google-genai has no endpoints, only the requests to ask for them."""
    request = client._api_client.request
    endpoint = json.loads(request("get", name, {}, None).body)
    for deployed in endpoint["deployedModels"]:
        operation = request(
            "post", f"{name}:undeployModel", {"deployedModelId": deployed["id"]}, None
        )
        assert json.loads(operation.body)["done"]
    request("delete", name, {}, None)
