"""Probing: a real call, and what its failure means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_tuned_gemini import ModelLibrary, ProbeOutcome, TunedModelNameError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, KEY, Ask

NAME = "tunedModels/x-v1"
ENDPOINT = f"{AT}/endpoints/1"


@pytest.fixture(params=["genai", "generativeai", "vertex"])
def service(request: pytest.FixtureRequest) -> TunedModelService:
    service: TunedModelService = request.getfixturevalue(request.param)
    return service


@pytest.fixture
def name(gemini: Emulator, service: TunedModelService) -> str:
    """A model that answers."""
    if service.platform == "developer":
        gemini.add_tuned_model(NAME, examples=[("1", "2")])
        return NAME
    gemini.add_vertex_model(ENDPOINT, examples=[("1", "2")], display_name="x-v1")
    return ENDPOINT


@pytest.fixture
def library(service: TunedModelService, name: str) -> ModelLibrary:
    return ModelLibrary(service)


def called(gemini: Emulator) -> int:
    return sum("generateContent" in request.path for request in gemini.requests)


async def test_a_model_that_answers_is_ready(
    ask: Ask, gemini: Emulator, library: ModelLibrary, name: str
) -> None:
    probe = await ask(library, "probe", name)

    assert (probe.outcome, probe.is_ready, probe.status) == (ProbeOutcome.READY, True, 200)
    assert probe.duration >= 0
    assert called(gemini) == 1


async def test_a_version_is_probed_by_its_family(
    ask: Ask, gemini: Emulator, library: ModelLibrary
) -> None:
    assert (await ask(library, "probe", "x-v1")).is_ready
    with pytest.raises(TunedModelNameError, match="No tuned model is called x-v2"):
        await ask(library, "probe", "x-v2")


FAULTS: list[tuple[dict[str, Any], ProbeOutcome]] = [
    ({"status": 403}, ProbeOutcome.PERMISSION),
    ({"status": 404}, ProbeOutcome.DELETED),
    ({"status": 429}, ProbeOutcome.QUOTA),
    ({"status": 401}, ProbeOutcome.CREDENTIALS),
    ({"status": 500}, ProbeOutcome.SICK),
    ({"status": 503}, ProbeOutcome.SICK),
    ({"status": 400}, ProbeOutcome.SICK),
    ({"reset": True}, ProbeOutcome.SICK),
    ({"empty": True}, ProbeOutcome.SICK),
    ({"blocked": True}, ProbeOutcome.READY),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=str)
async def test_what_keeps_a_model_from_answering_is_told_apart(
    ask: Ask,
    gemini: Emulator,
    library: ModelLibrary,
    name: str,
    fault: dict,
    expected: ProbeOutcome,
) -> None:
    with gemini.fault(model=name, method="generateContent", **fault):
        probe = await ask(library, "probe", name)

    assert probe.outcome is expected
    assert probe.detail.endswith(".")
    assert KEY not in repr(probe)


STATES = [
    ("CREATING", "JOB_STATE_RUNNING", ProbeOutcome.NOT_READY),
    ("FAILED", "JOB_STATE_FAILED", ProbeOutcome.FAILED),
]


@pytest.mark.parametrize(("state", "vertex_state", "expected"), STATES)
async def test_a_model_that_can_not_answer_is_not_called(
    ask: Ask,
    gemini: Emulator,
    genai: GenAIService,
    vertex: VertexService,
    state: str,
    vertex_state: str,
    expected: ProbeOutcome,
) -> None:
    gemini.add_tuned_model("tunedModels/a", state=state)
    job = gemini.add_vertex_model(f"{AT}/tuningJobs/1", state=vertex_state).job
    library = ModelLibrary([genai, vertex])

    probes = [await ask(library, "probe", name) for name in ("tunedModels/a", job)]

    assert [probe.outcome for probe in probes] == [expected, expected]
    assert called(gemini) == 0


async def test_what_does_not_exist_was_deleted(ask: Ask, library: ModelLibrary, name: str) -> None:
    probe = await ask(library, "probe", f"{name}0")

    assert (probe.outcome, probe.status) == (ProbeOutcome.DELETED, 404)


async def test_a_model_without_its_base_is_retired(
    ask: Ask, gemini: Emulator, vertex: VertexService
) -> None:
    labels = {"google-vertex-llm-tuning-base-model-id": "gemini-2_5-pro"}
    gemini.add_vertex_model(ENDPOINT, labels=labels)
    later = datetime(2026, 10, 21, tzinfo=UTC).timestamp()

    outcomes = {}
    with gemini.fault(model=ENDPOINT, method="generateContent", status=404):
        for day in (later, later - 10 * 86_400):
            library = ModelLibrary(vertex, clock=lambda now=day: now)
            outcomes[day] = (await ask(library, "probe", ENDPOINT)).outcome

    assert list(outcomes.values()) == [ProbeOutcome.RETIRED, ProbeOutcome.DELETED]


async def test_an_account_that_may_only_call_a_model_can_probe_it(
    ask: Ask, gemini: Emulator, library: ModelLibrary, name: str
) -> None:
    method = "get" if name == NAME else "endpoints.get"
    with gemini.fault(method=method, status=403):
        probe = await ask(library, "probe", name)

    assert probe.is_ready


async def test_where_nobody_may_tell_the_endpoint_nothing_is_called(
    ask: Ask, gemini: Emulator, vertex: VertexService
) -> None:
    job = gemini.add_vertex_model(ENDPOINT).job
    with gemini.fault(method="tuningJobs.get", status=403):
        probe = await ask(ModelLibrary(vertex), "probe", job)

    assert probe.outcome is ProbeOutcome.PERMISSION
    assert called(gemini) == 0
