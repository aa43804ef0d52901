"""Tuned models on the emulator, on both platforms, compared over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.comparison import Comparison, PriceTable, acompare, compare, is_better
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, NEXT_NUMBER, Deployed

TEST = NEXT_NUMBER[:20]
AT = {"api_key": "any-key"}


def in_threads(*args: Any, **settings: Any) -> Comparison:
    return compare(*args, **settings)


def in_tasks(*args: Any, **settings: Any) -> Comparison:
    return asyncio.run(acompare(*args, **settings))


@pytest.mark.parametrize("run", [in_threads, in_tasks])
@pytest.mark.parametrize("platform", ["developer", "vertex"])
def test_a_version_that_has_learnt_more_is_better(
    run: Callable[..., Comparison], platform: str
) -> None:
    with Emulator() as gemini:
        v1 = Deployed.add(gemini, platform, NEXT_NUMBER[:8], model_id="v1")
        v2 = Deployed.add(gemini, platform, NEXT_NUMBER, model_id="v2")
        models = {
            version: ChatTunedGemini(model=one.name, base_url=gemini.base_url, **AT)
            for version, one in {"v1": v1, "v2": v2}.items()
        }

        comparison = run(
            models, TEST, prices=PriceTable.of({"v1": {"input": 1}, "v2": {"input": 2}})
        )

    assert [figures.exact.passed for figures in comparison.figures] == [8, 20]
    assert is_better(comparison, "v2", than="v1")
    assert not is_better(comparison, "v1", than="v2")
    first, second = comparison.figures
    assert first.latency
    assert 0 < first.latency.p50 <= first.latency.p95 <= first.latency.most
    assert first.cost and second.cost == pytest.approx(2 * first.cost)
    assert second.answered_by == {v2.name: 20}


@pytest.mark.parametrize("run", [in_threads, in_tasks])
def test_an_outage_in_the_middle_is_told_and_mended_by_going_on(
    run: Callable[..., Comparison], tmp_path: Path
) -> None:
    journal = tmp_path / "answers.jsonl"
    with Emulator() as gemini:
        tuned = Deployed.add(gemini, "developer", NEXT_NUMBER)
        alone = ChatTunedGemini(model=tuned.name, base_url=gemini.base_url, **AT)
        robust = alone.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, retry_budget=False)
        models = {"alone": alone, "robust": robust}
        with gemini.fault(model=tuned.name, status=429):
            during = run(models, TEST, journal=journal)
        robust.circuit.reset()
        after = run(models, TEST, journal=journal)

    alone_during, robust_during = during.figures
    assert alone_during.failures == {"quota": 20}
    assert robust_during.answered_by == {BASE: 20}
    assert set(robust_during.fell_back) == {"quota"}
    assert not is_better(during, "robust")  # an outage says nothing of a model
    assert after.figures[0].failures == {}
    assert after.figures[0].exact.passed == 20
    assert after.figures[1] == robust_during  # its answers were there already
