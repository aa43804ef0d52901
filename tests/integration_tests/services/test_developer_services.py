"""Both services of the Developer API against the emulator: what is particular about them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator

import pytest
from google.genai import Client
from google.genai.types import HttpOptions

from langchain_tuned_gemini.emulator import Emulator, Hyperparameters, manual
from langchain_tuned_gemini.errors import (
    MissingExtraError,
    ServiceError,
)
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.wait import Progress, wait_until_active
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

KEY = "not-a-real-key-1234"
BASE = "models/gemini-1.5-flash-001-tuning"
NAME = "tunedModels/sql-expert-v1"
ROWS = [{"text_input": str(n), "output": str(n + 1)} for n in range(15)]
CREATED = 1_790_000_000.25

Ask = Callable[..., Awaitable[object]]
MakeService = Callable[..., TunedModelService]


async def _ask(service: TunedModelService, method: str, *args, **options) -> object:
    return getattr(service, method)(*args, **options)


async def _aask(service: TunedModelService, method: str, *args, **options) -> object:
    return await getattr(service, f"a{method}")(*args, **options)


@pytest.fixture(params=[_ask, _aask], ids=["sync", "async"])
def ask(request) -> Ask:
    return request.param


@pytest.fixture(
    params=[GenAIService.from_api_key, GenerativeAIService], ids=["genai", "generativeai"]
)
def make_service(request) -> MakeService:
    return request.param


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator(progression=manual(), rejected_keys={"rejected-key-123"}) as emulator:
        yield emulator


@pytest.fixture
def service(make_service: MakeService, gemini: Emulator) -> TunedModelService:
    return make_service(KEY, base_url=gemini.base_url)


@pytest.fixture
def creator(gemini: Emulator) -> GenerativeAIService:
    return GenerativeAIService(KEY, gemini.base_url)


async def test_google_generativeai_tells_the_whole_record(gemini, creator):
    gemini.add_tuned_model(
        NAME,
        examples=ROWS,
        state="ACTIVE",
        display_name="SQL expert",
        hyperparameters=Hyperparameters(epoch_count=5, batch_size=2, learning_rate=0.001),
    )

    model = creator.get(NAME)

    assert model.display_name == "SQL expert"
    assert model.hyperparameters == {"epochCount": 5, "batchSize": 2, "learningRate": 0.001}
    assert [snapshot.step for snapshot in model.snapshots] == list(range(1, 39))
    assert (model.snapshots[0].epoch, model.snapshots[-1].epoch) == (0, 5)
    assert model.loss == model.snapshots[-1].mean_loss
    assert model.loss == float(f"{model.loss:.9g}")  # as it was sent, without float32's noise


async def test_a_learning_rate_multiplier_does_not_crash(ask, gemini, creator):
    """google-generativeai's own get and list raise a TypeError."""
    gemini.add_tuned_model(NAME, examples=ROWS)
    record = {
        "name": NAME,
        "baseModel": BASE,
        "state": "ACTIVE",
        "tuningTask": {"hyperparameters": {"epochCount": 3, "learningRateMultiplier": 0.5}},
    }

    with (
        gemini.fault(method="get", body=record),
        gemini.fault(method="list", body={"tunedModels": [record]}),
    ):
        model = await ask(creator, "get", NAME)
        listed = await ask(creator, "list")

    assert model.hyperparameters == {"epochCount": 3, "learningRateMultiplier": 0.5}
    assert listed == [model]


@pytest.mark.filterwarnings("ignore:Unrecognized State enum value:UserWarning")
async def test_a_state_never_seen_before_is_unknown(ask, gemini, creator):
    with gemini.fault(method="get", body={"name": NAME, "state": 7}):
        model = await ask(creator, "get", NAME)

    assert (model.state, model.raw_state) == (TunedModelState.UNKNOWN, "7")


@pytest.mark.parametrize("version", [None, "v1", "v1alpha"])
async def test_a_client_of_the_user_s_own_is_asked_in_a_version_that_has_tuned_models(
    ask, gemini, version
):
    gemini.add_tuned_model(NAME, examples=ROWS, state="ACTIVE")
    options = HttpOptions(base_url=gemini.base_url, api_version=version)
    client = Client(api_key=KEY, vertexai=False, http_options=options)
    service = GenAIService(client)

    assert (await ask(service, "get", NAME)).state is TunedModelState.ACTIVE
    assert [model.name for model in await ask(service, "list")] == [NAME]
    await ask(service, "delete", NAME)

    assert await ask(service, "list") == []
    await client.aio.aclose()
    client.close()


@pytest.mark.filterwarnings("ignore:DEPLOYING is not a valid JobState:UserWarning")
async def test_google_genai_passes_a_new_word_on(ask, gemini):
    service = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    with gemini.fault(method="get", body={"name": NAME, "state": "DEPLOYING"}):
        model = await ask(service, "get", NAME)

    assert (model.state, model.raw_state) == (TunedModelState.UNKNOWN, "DEPLOYING")


async def test_all_pages_are_listed_with_their_states(ask, service, gemini):
    states = ["ACTIVE", "FAILED", "CREATING"]
    for number in range(230):
        gemini.add_tuned_model(
            f"tunedModels/m{number:03}",
            examples=ROWS[:2],
            state=states[number % 3],
            display_name=f"Model {number}",
            create_time=CREATED + number,
        )

    models = await ask(service, "list")

    assert [model.name for model in models] == [f"tunedModels/m{n:03}" for n in range(230)]
    assert [model.raw_state for model in models] == [states[n % 3] for n in range(230)]
    assert models[7].display_name == "Model 7"
    assert sum(request.call == "list" for request in gemini.requests) == 3


NOT_THERE = {"error": {"code": 404, "status": "NOT_FOUND", "message": "…does not exist."}}


async def test_a_model_that_vanishes_while_listing_is_left_out(ask, gemini):
    service = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    gemini.add_tuned_model("tunedModels/stays", examples=ROWS)
    before = [{"name": "tunedModels/stays"}, {"name": "tunedModels/vanishes"}]

    with gemini.fault(method="list", times=1, body={"tunedModels": before}):
        models = await ask(service, "list")

    assert [model.name for model in models] == ["tunedModels/stays"]


async def test_a_model_that_is_listed_and_not_found_is_in_no_known_state(ask, gemini):
    service = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    for name in ("tunedModels/stays", "tunedModels/lags"):
        gemini.add_tuned_model(name, examples=ROWS, display_name=name[12:])

    with gemini.fault(model="tunedModels/lags", method="get", status=404, body=NOT_THERE):
        stays, lags = await ask(service, "list")

    assert stays.state is TunedModelState.ACTIVE
    assert (lags.state, lags.display_name) == (TunedModelState.UNKNOWN, "lags")


async def test_an_error_while_listing_is_not_a_shorter_list(ask, gemini):
    service = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    for number in range(40):
        gemini.add_tuned_model(f"tunedModels/m{number}", examples=ROWS[:2])

    with gemini.fault(method="get", status=503), pytest.raises(ServiceError) as raised:
        await ask(service, "list")

    assert raised.value.status == 503
    left_over = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*left_over, return_exceptions=True)
    assert len(gemini.requests) < 40  # the rest is not asked for any more


async def test_a_page_that_comes_again_ends_the_list_with_an_error(ask, service, gemini):
    page = {"tunedModels": [{"name": NAME, "state": "ACTIVE"}], "nextPageToken": "again"}

    with gemini.fault(method="list", body=page), pytest.raises(ServiceError, match="never end"):
        await ask(service, "list")


async def test_creating_sends_the_examples_and_tells_the_steps(ask, gemini, creator):
    model = await ask(
        creator,
        "create",
        ROWS,
        base_model=BASE,
        display_name="number generator",
        epochs=5,
        batch_size=2,
        learning_rate=0.001,
    )

    assert model.state is TunedModelState.CREATING
    assert model.name.startswith("tunedModels/number-generator-")
    assert (model.total_steps, model.progress) == (38, 0.0)
    [request] = gemini.requests
    task = request.body["tuningTask"]
    assert [
        {"text_input": row["textInput"], "output": row["output"]}
        for row in task["trainingData"]["examples"]["examples"]
    ] == ROWS
    assert task["hyperparameters"]["epochCount"] == 5
    assert task["hyperparameters"]["batchSize"] == 2


async def test_a_chosen_id_becomes_the_name(ask, creator):
    model = await ask(creator, "create", iter(ROWS), base_model=BASE, model_id="sql-expert-v1")

    assert model.name == NAME
    assert (await ask(creator, "get", NAME)).state is TunedModelState.CREATING


async def test_a_creation_that_fails_is_not_repeated(ask, gemini, creator):
    """google-generativeai's default would send it again for a minute: models that nobody knows."""
    with gemini.fault(method="create", status=503), pytest.raises(ServiceError):
        await ask(creator, "create", ROWS, base_model=BASE)

    assert len(gemini.requests) == 1


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.generativeai", None)

    with pytest.raises(MissingExtraError, match=r"langchain-tuned-gemini\[generativeai\]"):
        GenerativeAIService(KEY)


async def test_a_wait_sees_the_tuning_go_on(creator, gemini):
    created = creator.create(ROWS, base_model=BASE, epochs=5, batch_size=2)
    seen: list[Progress] = []

    def tune(progress: Progress) -> None:
        seen.append(progress)
        if progress.model.state is TunedModelState.CREATING:
            gemini.advance(created.name, 19)

    model = wait_until_active(creator, created, on_progress=tune, sleep=lambda _: None)

    assert model.state is TunedModelState.ACTIVE
    assert [progress.percent for progress in seen] == [0.0, 50.0, 100.0]
    losses = [progress.loss for progress in seen]
    assert losses[0] is None
    assert losses[1] > losses[2]
