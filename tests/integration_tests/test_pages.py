"""Every block of code on the pages runs, and every link leads somewhere.

Except `docs/migrating.md`, which shows old code, too, and has a test of its own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini, GenAIService, ModelLibrary, TuningDataset
from langchain_tuned_gemini.emulator import Emulator
from tests.pages import CONTRIBUTING, PAGES, README, ROOT, blocks, headings

TRAIN = ROOT / "examples" / "data" / "text_to_sql_train.jsonl"
RUN_HERE = [page for page in PAGES if page.name != "migrating.md" and blocks(page)]


@pytest.fixture
def gemini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator with the models that the pages name, and a folder with their files."""
    monkeypatch.chdir(tmp_path)  # some write files
    monkeypatch.delenv("TUNED_MODELS", raising=False)
    for name in ("old", "new"):
        TuningDataset.of([(name, "1"), ("both", "2")]).write(f"{name}.jsonl")
    shutil.copy(TRAIN, "train.jsonl")
    records = blocks(ROOT / "docs" / "library.md", "toml")[0]
    Path("tuned-models.toml").write_text(records, encoding="utf-8")
    with Emulator() as emulator:
        for name in ("x", "sql-expert-v1", "sql-expert-v2"):
            emulator.add_tuned_model(f"tunedModels/{name}", examples=[("7", "8")])
        emulator.add_file("gs://acme/train.jsonl", [("7", "8")])
        yield emulator


def at_the_emulator(code: str, address: str) -> str:
    given = f"api_key='k', base_url={address!r})"
    for there, here in {
        '"train.jsonl"': repr(str(TRAIN)),
        '"test.jsonl"': repr(str(TRAIN).replace("train", "test")),
        "GenerativeAIService(api_key)": f"GenerativeAIService('k', {address!r})",
        "from_api_key(api_key)": f"from_api_key('k', base_url={address!r})",
        '("acme", "us-central1")': f"('acme', 'us-central1', {given}",
        '("sql-expert@production")\n': f'("sql-expert@production", {given}\n',
        "(model=ready.endpoint)": f"(model=ready.endpoint, {given}",
    }.items():
        code = code.replace(there, here)
    return code


def what_the_pages_have_by_then(gemini: Emulator) -> dict[str, Any]:
    access = {"api_key": "k", "base_url": gemini.base_url}
    model = ChatTunedGemini(model="tunedModels/x", **access)
    robust = model.with_few_shot_fallback("gemini-2.5-flash", examples=TRAIN)
    return {
        "model": model,
        "robust": robust,
        "production": model,
        "v3": robust,
        "base_with_examples": robust.models[1],
        "library": ModelLibrary(GenAIService.from_api_key("k", base_url=gemini.base_url)),
    }


def test_the_readmes_first_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(README)[0], "README.md", "exec"), {})

    assert capsys.readouterr().out == "8\n8\n"


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, gemini: Emulator) -> None:
    known = what_the_pages_have_by_then(gemini)

    for block in blocks(page):
        code = at_the_emulator(block, gemini.base_url)
        exec(compile(code, page.name, "exec"), dict(known))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]*)\)", text) if "://" not in link]

    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    text = README.read_text(encoding="utf-8")

    for page in PAGES[1:]:
        assert f"]({page.relative_to(ROOT)}" in text


@pytest.mark.parametrize("page", [README, CONTRIBUTING], ids=lambda page: page.name)
def test_the_targets_that_a_page_names_are_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"`make ([\w-]+)", page.read_text(encoding="utf-8"))

    assert targets
    for target in targets:
        assert f"\n{target}:" in makefile, target
