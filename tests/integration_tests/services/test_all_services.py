"""All services against the emulator: the same questions, the same answers, the same errors."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.errors import (
    ServiceError,
    ServiceUnreachableError,
    TunedModelFailedError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.readiness import ReadinessGate
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.services.wait import await_until_active
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState
from tests.conftest import VERTEX_STATES, Deployed

KEY = "not-a-real-key-1234"
ROWS = [{"text_input": str(n), "output": str(n + 1)} for n in range(15)]

Ask = Callable[..., Awaitable[Any]]
MakeService = Callable[..., TunedModelService]


def vertex(api_key: str, base_url: str, **options: Any) -> VertexService:
    return VertexService("acme", "us-central1", api_key=api_key, base_url=base_url, **options)


SERVICES: dict[str, tuple[str, MakeService]] = {
    "genai": ("developer", GenAIService.from_api_key),
    "generativeai": ("developer", GenerativeAIService),
    "vertex": ("vertex", vertex),
}


@pytest.fixture(params=SERVICES)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def make_service(kind: str) -> MakeService:
    return SERVICES[kind][1]


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator(rejected_keys={"rejected-key-123"}) as emulator:
        yield emulator


@pytest.fixture
def deployed(kind: str, gemini: Emulator) -> Deployed:
    return Deployed.add(gemini, SERVICES[kind][0], ROWS)


@pytest.fixture
def service(make_service: MakeService, gemini: Emulator) -> TunedModelService:
    return make_service(KEY, base_url=gemini.base_url)


async def _ask(service: TunedModelService, method: str, *args: Any) -> Any:
    return getattr(service, method)(*args)


async def _aask(service: TunedModelService, method: str, *args: Any) -> Any:
    return await getattr(service, f"a{method}")(*args)


@pytest.fixture(params=[_ask, _aask], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    ask: Ask = request.param
    return ask


@pytest.mark.parametrize("state", ["CREATING", "ACTIVE", "FAILED"])
async def test_a_model_is_described_in_the_platforms_own_words(
    ask: Ask, state: str, service: TunedModelService, deployed: Deployed
) -> None:
    began = datetime.now(UTC)
    deployed.set_state(state)

    model = await ask(service, "get", deployed.record)

    word = state if deployed.platform == "developer" else VERTEX_STATES[state]
    assert model.name == deployed.record
    assert (model.state, model.raw_state) == (TunedModelState(state), word)
    assert model.base_model.startswith(("models/gemini-", "gemini-"))
    assert abs(model.create_time - began) < timedelta(seconds=60)
    assert model.update_time >= model.create_time


@pytest.mark.usefixtures("gemini")
async def test_a_list_without_models_is_empty(ask: Ask, service: TunedModelService) -> None:
    assert await ask(service, "list") == []


async def test_a_deleted_model_is_gone(
    ask: Ask, service: TunedModelService, deployed: Deployed
) -> None:
    assert await ask(service, "delete", deployed.name) is None

    for method in ("get", "delete"):
        with pytest.raises(TunedModelNotFoundError, match=deployed.name) as raised:
            await ask(service, method, deployed.name)
        assert raised.value.name == deployed.name


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
async def test_a_refusal_becomes_an_error_that_says_what_to_do(
    ask: Ask,
    service: TunedModelService,
    deployed: Deployed,
    refusal: tuple[dict[str, Any], int | None, bool, str],
) -> None:
    fault, status, is_retryable, told = refusal
    gemini, name = deployed.emulator, deployed.name

    for method, args in (("get", [name]), ("delete", [name]), ("list", [])):
        if method == "delete" and status is None:
            continue  # on the Developer API nobody reads the answer to a delete
        with gemini.fault(method="any", **fault), pytest.raises(ServiceError, match=told) as raised:
            await ask(service, method, *args)
        assert raised.value.status == status
        assert raised.value.is_retryable is is_retryable


async def test_a_bad_key_is_told_and_never_shown(
    ask: Ask, make_service: MakeService, deployed: Deployed
) -> None:
    service = make_service("rejected-key-123", base_url=deployed.emulator.base_url)

    with pytest.raises(ServiceError, match=r"API key not valid.*Check the API key") as raised:
        await ask(service, "get", deployed.name)

    assert "rejected-key-123" not in "".join(traceback.format_exception(raised.value))
    assert not raised.value.is_retryable


async def test_a_redirect_is_refused_and_takes_no_key_along(
    ask: Ask, service: TunedModelService, deployed: Deployed
) -> None:
    with Emulator() as elsewhere:
        to = f"{elsewhere.base_url}/v1beta/{deployed.name}"
        with (
            deployed.emulator.fault(method="any", redirect=to),
            pytest.raises(ServiceError) as raised,
        ):
            await ask(service, "get", deployed.name)

        assert elsewhere.requests == []
    assert raised.value.status == 307
    assert "Redirects are refused" in str(raised.value)


async def test_a_connection_that_breaks_is_told_with_the_address(
    ask: Ask, service: TunedModelService, deployed: Deployed
) -> None:
    with (
        deployed.emulator.fault(method="any", reset=True),
        pytest.raises(ServiceUnreachableError) as raised,
    ):
        await ask(service, "get", deployed.name)

    assert raised.value.address == deployed.emulator.base_url
    assert "reset" in str(raised.value)


async def test_nobody_listening_is_told_with_the_address(
    ask: Ask, make_service: MakeService, deployed: Deployed
) -> None:
    service = make_service(KEY, base_url=deployed.emulator.base_url)
    address = deployed.emulator.base_url
    deployed.emulator.stop()

    with pytest.raises(ServiceUnreachableError, match="Connection refused") as raised:
        await ask(service, "get", deployed.name)

    assert raised.value.address == address
    assert raised.value.is_retryable


async def test_a_host_that_is_not_there_is_told(
    ask: Ask, make_service: MakeService, deployed: Deployed
) -> None:
    service = make_service(KEY, base_url="http://nowhere.invalid")

    with pytest.raises(ServiceUnreachableError, match=r"http://nowhere\.invalid"):
        await ask(service, "get", deployed.name)


async def test_no_answer_ends_with_the_timeout(
    ask: Ask, make_service: MakeService, deployed: Deployed
) -> None:
    service = make_service(KEY, base_url=deployed.emulator.base_url, timeout=0.1)

    with (
        deployed.emulator.fault(method="any", hang=True),
        pytest.raises(ServiceUnreachableError, match="no answer in time"),
    ):
        await ask(service, "get", deployed.name)


async def test_cancelling_a_question_does_not_wait_for_its_answer(
    make_service: MakeService, deployed: Deployed
) -> None:
    service = make_service(KEY, base_url=deployed.emulator.base_url, timeout=1.0)
    with deployed.emulator.fault(method="any", hang=True):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.aget(deployed.name)

    assert time.monotonic() - began < 0.8


async def test_a_wait_ends_when_the_model_fails_or_is_deleted(
    service: TunedModelService, deployed: Deployed
) -> None:
    async def no_time(seconds: float) -> None:
        await asyncio.sleep(0)

    def delete(_: object) -> None:
        deployed.set_state("ACTIVE")
        deployed.emulator.delete_tuned_model(deployed.record)

    def fail(_: object) -> None:
        deployed.set_state("FAILED")

    for end, error in ((fail, TunedModelFailedError), (delete, TunedModelNotFoundError)):
        deployed.set_state("CREATING")
        with pytest.raises(error, match=deployed.record):
            await await_until_active(service, deployed.record, on_progress=end, sleep=no_time)


async def test_a_gate_follows_the_model(service: TunedModelService, deployed: Deployed) -> None:
    deployed.set_state("CREATING")
    gate = ReadinessGate(service, deployed.record)

    with pytest.raises(TunedModelNotReadyError):
        await gate.acheck()
    deployed.set_state("ACTIVE")
    gate.forget()
    await gate.acheck()
    asked = len(deployed.emulator.requests)
    for _ in range(100):
        await gate.acheck()
        gate.check()
    assert len(deployed.emulator.requests) == asked

    deployed.emulator.delete_tuned_model(deployed.record)
    gate.forget()
    with pytest.raises(TunedModelNotFoundError):
        gate.check()


@pytest.mark.parametrize(
    "fault", [{"status": 403}, {"status": 503}, {"reset": True}], ids=["403", "503", "reset"]
)
async def test_a_gate_lets_calls_pass_while_nobody_can_tell(
    fault: dict[str, Any], service: TunedModelService, deployed: Deployed
) -> None:
    deployed.set_state("FAILED")
    gate = ReadinessGate(service, deployed.record)

    with deployed.emulator.fault(method="any", **fault):
        await gate.acheck()
        gate.check()

    assert gate.state is None
