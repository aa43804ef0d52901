"""Both services against the emulator: the same questions, the same answers, the same errors."""

import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from langchain_tuned_gemini.emulator import Emulator, Hyperparameters, manual
from langchain_tuned_gemini.errors import (
    MissingExtraError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelFailedError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.readiness import ReadinessGate
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.tuned_model import TunedModelState
from langchain_tuned_gemini.waiting import Progress, await_until_active, wait_until_active

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


@pytest.mark.parametrize("state", ["CREATING", "ACTIVE", "FAILED"])
async def test_a_model_is_described_in_the_platforms_own_words(ask, service, gemini, state):
    gemini.add_tuned_model(NAME, examples=ROWS, state=state, create_time=CREATED)

    model = await ask(service, "get", NAME)

    assert model.name == NAME
    assert (model.state, model.raw_state) == (TunedModelState(state), state)
    assert model.base_model == BASE
    assert abs(model.create_time - datetime.fromtimestamp(CREATED, UTC)) < timedelta(milliseconds=1)
    assert model.update_time >= model.create_time
    assert model.error is None


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


async def test_a_list_without_models_is_empty(ask, service):
    assert await ask(service, "list") == []


async def test_a_model_that_vanishes_while_listing_is_left_out(ask, gemini):
    service = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    for name in ("tunedModels/stays", "tunedModels/vanishes"):
        gemini.add_tuned_model(name, examples=ROWS)
    gone = {"error": {"code": 404, "status": "NOT_FOUND", "message": "…does not exist."}}

    with gemini.fault(model="tunedModels/vanishes", method="get", status=404, body=gone):
        models = await ask(service, "list")

    assert [model.name for model in models] == ["tunedModels/stays"]


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


async def test_a_deleted_model_is_gone(ask, service, gemini):
    gemini.add_tuned_model(NAME, examples=ROWS)

    assert await ask(service, "delete", NAME) is None

    for method in ("get", "delete"):
        with pytest.raises(TunedModelNotFoundError, match=NAME) as raised:
            await ask(service, method, NAME)
        assert raised.value.name == NAME


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


# What goes wrong: (fault, the error's status, whether trying again may help, what is told)
FAULTS = [
    ({"status": 400}, 400, False, "Correct the request"),
    ({"status": 403}, 403, False, "check which project the key belongs to"),
    ({"status": 404, "body": "<html>no such page"}, 404, False, "check base_url"),
    ({"status": 429, "quota": "minute"}, 429, True, "The quota is used up"),
    ({"status": 500}, 500, True, "try again in a while"),
    ({"status": 502}, 502, True, "try again in a while"),
    ({"status": 503}, 503, True, "try again in a while"),
    ({"body": "<html>Log in to this network"}, None, False, "check base_url"),
    ({"malformed": True}, None, False, "check base_url"),
]


@pytest.mark.parametrize("refusal", FAULTS)
async def test_a_refusal_becomes_an_error_that_says_what_to_do(ask, service, gemini, refusal):
    fault, status, is_retryable, told = refusal
    gemini.add_tuned_model(NAME, examples=ROWS)

    for method, args in (("get", [NAME]), ("delete", [NAME]), ("list", [])):
        if method == "delete" and status is None:
            continue  # nobody reads the answer to a delete
        with gemini.fault(method="any", **fault), pytest.raises(ServiceError, match=told) as raised:
            await ask(service, method, *args)
        assert raised.value.status == status
        assert raised.value.is_retryable is is_retryable


async def test_a_bad_key_is_told_and_never_shown(ask, make_service, gemini):
    service = make_service("rejected-key-123", base_url=gemini.base_url)

    with pytest.raises(ServiceError, match=r"API key not valid.*Check the API key") as raised:
        await ask(service, "get", NAME)

    assert "rejected-key-123" not in "".join(traceback.format_exception(raised.value))
    assert not raised.value.is_retryable


async def test_a_redirect_is_refused_and_takes_no_key_along(ask, service, gemini):
    with Emulator() as elsewhere:
        to = f"{elsewhere.base_url}/v1beta/{NAME}"
        with gemini.fault(method="any", redirect=to), pytest.raises(ServiceError) as raised:
            await ask(service, "get", NAME)

        assert elsewhere.requests == []
    assert raised.value.status == 307
    assert "Redirects are refused" in str(raised.value)


async def test_a_connection_that_breaks_is_told_with_the_address(ask, service, gemini):
    with gemini.fault(method="any", reset=True), pytest.raises(ServiceUnreachableError) as raised:
        await ask(service, "get", NAME)

    assert raised.value.address == gemini.base_url
    assert "reset" in str(raised.value)


async def test_nobody_listening_is_told_with_the_address(ask, make_service, gemini):
    service = make_service(KEY, base_url=gemini.base_url)
    address = gemini.base_url
    gemini.stop()

    with pytest.raises(ServiceUnreachableError, match="Connection refused") as raised:
        await ask(service, "get", NAME)

    assert raised.value.address == address
    assert raised.value.is_retryable


async def test_a_host_that_is_not_there_is_told(ask, make_service):
    service = make_service(KEY, base_url="http://nowhere.invalid")

    with pytest.raises(ServiceUnreachableError, match=r"http://nowhere\.invalid"):
        await ask(service, "get", NAME)


async def test_no_answer_ends_with_the_timeout(ask, make_service, gemini):
    service = make_service(KEY, base_url=gemini.base_url, timeout=0.1)

    with (
        gemini.fault(method="any", hang=True),
        pytest.raises(ServiceUnreachableError, match="no answer in time"),
    ):
        await ask(service, "get", NAME)


async def test_cancelling_a_question_does_not_wait_for_its_answer(make_service, gemini):
    service = make_service(KEY, base_url=gemini.base_url, timeout=1.0)
    with gemini.fault(method="any", hang=True):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.aget(NAME)

    assert time.monotonic() - began < 0.8


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


async def test_a_wait_ends_when_the_model_fails_or_is_deleted(ask, service, gemini):
    async def no_time(seconds: float) -> None:
        await asyncio.sleep(0)

    for end, error in (
        (lambda _: gemini.set_state(NAME, "FAILED"), TunedModelFailedError),
        (lambda _: gemini.delete_tuned_model(NAME), TunedModelNotFoundError),
    ):
        gemini.add_tuned_model(NAME, examples=ROWS, state="CREATING")
        with pytest.raises(error, match=NAME):
            await await_until_active(service, NAME, on_progress=end, sleep=no_time)
        if error is TunedModelFailedError:
            gemini.delete_tuned_model(NAME)


async def test_a_gate_follows_the_model(service, gemini):
    gemini.add_tuned_model(NAME, examples=ROWS, state="CREATING")
    gate = ReadinessGate(service, NAME)

    with pytest.raises(TunedModelNotReadyError):
        await gate.acheck()
    gemini.set_state(NAME, "ACTIVE")
    gate.forget()
    for _ in range(100):
        await gate.acheck()
        gate.check()
    assert len(gemini.requests) == 2

    gemini.delete_tuned_model(NAME)
    gate.forget()
    with pytest.raises(TunedModelNotFoundError):
        gate.check()


@pytest.mark.parametrize(
    "fault", [{"status": 403}, {"status": 503}, {"reset": True}], ids=["403", "503", "reset"]
)
async def test_a_gate_lets_calls_pass_while_nobody_can_tell(service, gemini, fault):
    gemini.add_tuned_model(NAME, examples=ROWS, state="FAILED")
    gate = ReadinessGate(service, NAME)

    with gemini.fault(method="get", **fault):
        await gate.acheck()
        gate.check()

    assert gate.state is None
