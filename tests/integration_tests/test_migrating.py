"""What the page about moving existing code says is run, the old code included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "migrating.md"
TUNED = "tunedModels/next-number"
NUMBERS = [(str(n), str(n + 1)) for n in range(20)]

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # google-generativeai's farewell
    pytest.mark.filterwarnings("ignore:The argument `including_default_value_fields`"),  # and age
]


@pytest.fixture(scope="module")
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=NUMBERS)
        yield emulator


def blocks() -> list[str]:
    return [
        part.split("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
    ]


def run(code: str, address: str) -> None:
    """Runs a block of the page with the emulator in Google's place."""
    at_the_emulator = f"api_key='k', base_url={address!r}"
    for there, here in {
        "configure(api_key=api_key)": "configure(api_key='k', transport='rest', "
        f"client_options={{'api_endpoint': {address!r}}})",
        "api_key=api_key": at_the_emulator,
        "temperature=0,": f"temperature=0, {at_the_emulator},",
    }.items():
        code = code.replace(there, here)
    exec(compile(code, PAGE.name, "exec"), {})


@pytest.mark.parametrize("number", range(len(blocks())))
def test_a_block_of_the_page_runs(
    gemini: Emulator, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_text(
        "\n".join(f'{{"text_input": "{q}", "output": "{a}"}}' for q, a in NUMBERS)
    )

    run(blocks()[number], gemini.base_url)


def test_the_new_code_answers_as_the_old_one(
    gemini: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (block for block in blocks() if "max_output_tokens" in block or "strict" in block)

    run(old, gemini.base_url)
    run(new, gemini.base_url)

    assert capsys.readouterr().out == "8\n8" * 2


ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"status": 404}, "ModelNotFoundError", "gone"),
    ({"status": 403}, "ModelPermissionDeniedError", "permission"),
    ({"status": 429}, "ModelRateLimitError", "quota"),
    ({"status": 500}, "ModelAPIError", "overloaded"),
    ({"status": 503}, "ModelAPIError", "overloaded"),
]


@pytest.mark.parametrize(("fault", "error", "reason"), ERRORS)
def test_what_is_raised_now_is_what_the_table_says(
    gemini: Emulator, fault: dict[str, Any], error: str, reason: str
) -> None:
    from langchain_core import exceptions

    model = ChatTunedGemini(model=TUNED, api_key="k", base_url=gemini.base_url)
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=NUMBERS)
    robust.circuit.reset()

    with gemini.fault(model=TUNED, **fault):
        message = robust.invoke("7")
        with pytest.raises(getattr(exceptions, error)):
            model.invoke("7")

    assert message.response_metadata["tuned_gemini"]["reason"] == reason
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if error in line)
    assert f"`{reason}`" in row
    robust.circuit.reset()
