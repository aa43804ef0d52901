"""A candidate's version tells it from another one of its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    OneOf,
)
from langchain_tuned_gemini.comparison import (
    Candidate,
)
from langchain_tuned_gemini.testing import ScriptedChatModel


def in_a_fallback(model: Any) -> FallbackChatModel:
    return FallbackChatModel(models=[model, ScriptedChatModel(answers=["1"])])


class TestVersions:
    """What makes a candidate another one."""

    def model(self, examples: Any = (("1", "2"),), answers: Any = ("1",), **settings: Any) -> Any:
        base = ScriptedChatModel(answers=list(answers))
        shown = FewShotChatModel(wrapped=base, prompt=FewShotPrompt(list(examples)))
        return FallbackChatModel(models=[base, shown], **settings)

    def version(self, *args: Any, **settings: Any) -> str:
        return Candidate("x", self.model(*args, **settings)).version

    def test_the_same_settings_are_the_same_version(self) -> None:
        assert self.version(guards=[lambda m: True]) == self.version(guards=[lambda m: True])

    @pytest.mark.parametrize(
        "changed",
        [
            {"examples": [("1", "3")]},
            {"answers": ["2"]},
            {"total_timeout": 3.0},
            {"guards": [OneOf(["a"])]},
        ],
    )
    def test_other_settings_or_examples_are_another_one(self, changed: dict[str, Any]) -> None:
        assert self.version(**changed) != self.version()

    def test_a_bound_model_is_not_the_bare_one(self) -> None:
        model = ScriptedChatModel(answers=["1"])

        assert Candidate("x", model.bind(stop=["."])).version != Candidate("x", model).version

    @pytest.mark.parametrize("wrap", [lambda m: m, lambda m: m.bind(stop=["."]), in_a_fallback])
    def test_an_alias_is_another_one_once_it_points_to_another_version(
        self, tmp_path: Path, wrap: Callable[[Any], Any]
    ) -> None:
        records = tmp_path / "tuned-models.toml"

        def version(of: str) -> str:
            records.write_text(
                '[x.versions.v1]\nmodel = "tunedModels/x-v1"\n'
                '[x.versions.v2]\nmodel = "tunedModels/x-v2"\n'
                f'[x.aliases]\nproduction = "{of}"\n',
                encoding="utf-8",
            )
            tuned = ChatTunedGemini(model="x@production", records=records, api_key="key")
            return Candidate("production", wrap(tuned)).version

        assert version("v1") == version("v1")
        assert version("v1") != version("v2")

    def test_examples_are_looked_for_within_chains(self) -> None:
        def chain(output: str) -> Any:
            return FewShotPrompt([("1", output)]) | ScriptedChatModel(answers=["1"])

        assert Candidate("x", chain("2")).version == Candidate("x", chain("2")).version
        assert Candidate("x", chain("2")).version != Candidate("x", chain("3")).version
