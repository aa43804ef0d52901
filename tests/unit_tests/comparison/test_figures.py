"""What candidates cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import (
    ParameterError,
)
from langchain_tuned_gemini.comparison import (
    PriceTable,
    compare,
)
from langchain_tuned_gemini.testing import ScriptedChatModel


class TestCost:
    def of(self, prices: PriceTable | None, answers: Any = ("one two",)) -> Any:
        model = ScriptedChatModel(name="tunedModels/x", answers=list(answers))
        questions = [(f"question {n}", "x") for n in range(len(answers))]
        return compare({"v1": model}, questions, prices=prices, max_concurrency=1).figures[0]

    @pytest.mark.parametrize("name", ["tunedModels/x", "x", "v1"])
    def test_a_price_is_found_by_the_models_name_or_the_candidates(self, name: str) -> None:
        figures = self.of(PriceTable.of({name: {"input": 10, "output": 100}}))

        assert (figures.input_tokens, figures.output_tokens) == (2, 2)
        assert figures.cost == pytest.approx(220e-6)
        assert figures.cost_of_a_thousand == pytest.approx(0.22)

    def test_without_a_price_the_cost_is_not_known_and_it_is_said_of_whom(self) -> None:
        figures = self.of(PriceTable.of({"y": {"input": 10}}))

        assert (figures.cost, figures.unpriced) == (None, ("tunedModels/x",))

    def test_without_tokens_the_cost_is_not_known(self) -> None:
        prices = PriceTable.of({"v1": {"input": 10}})

        assert self.of(prices, ["one", AIMessage("two")]).cost is None
        assert self.of(None).cost is None

    def test_a_table_is_read_from_toml_and_from_json(self, tmp_path: Path) -> None:
        toml, plain = tmp_path / "prices.toml", tmp_path / "prices.json"
        toml.write_text('currency = "EUR"\n[models."m"]\ninput = 1\ntraining = 5.5\n')
        plain.write_text(
            json.dumps({"currency": "EUR", "models": {"m": {"input": 1, "training": 5.5}}})
        )

        assert PriceTable.read(toml) == PriceTable.read(plain)
        assert PriceTable.read(toml).find("models/m").of_training(2_000_000) == 11.0
        assert PriceTable.of({"m": {"input": 1}}).find("m").of_training(1) is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("not toml", "is no table of prices"),
            ("{", "is no table of prices"),
            ("[prices]\nm = 1\n", "where 'models'"),
            ("[models]\nm = 1\n", "the price of 'm' is 1"),
            ("[models.m]\n", "it has some of"),
            ("[models.m]\ninputs = 1\n", "it has some of"),
            ("[models.m]\ninput = -1\n", "no amount of money"),
            ("[models.m]\ninput = nan\n", "no amount of money"),
            ("[models.m]\ninput = true\n", "no amount of money"),
            ('[models.m]\ninput = "1"\n', "no amount of money"),
        ],
    )
    def test_a_table_that_makes_no_sense_says_why(
        self, tmp_path: Path, text: str, said: str
    ) -> None:
        path = tmp_path / "prices.toml"
        path.write_text(text)

        with pytest.raises(ParameterError, match=said) as caught:
            PriceTable.read(path)

        assert str(path) in str(caught.value)
