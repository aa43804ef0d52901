"""The benchmark of the selectors, on little data."""

from pathlib import Path

import pytest

from benchmarks import few_shot
from benchmarks.selection import OURS, SELECTORS, K
from langchain_tuned_gemini import TuningDataset

DATA = Path(__file__).resolve().parents[3] / "examples" / "data"


@pytest.fixture
def labels(tmp_path):
    things = ("card", "PIN", "transfer", "refund")
    rows = [
        (f"{begin} my {thing} {end}?", f"about_{thing}")
        for begin in ("When will", "Why did", "How can", "Is it true that")
        for thing in things
        for end in ("arrive", "fail", "take so long", "cost a fee", "get lost")
    ]
    TuningDataset.of(rows).write(tmp_path / "labels.jsonl")
    return tmp_path / "labels.jsonl"


def test_it_measures_and_draws(labels, tmp_path, capsys, monkeypatch):
    sql = tmp_path / "sql.jsonl"
    TuningDataset.read(DATA / "text_to_sql_test.jsonl").write(sql)
    picture = tmp_path / "curves.svg"
    given = ["--labels", str(labels), "--sql", str(sql), "--splits", "1", "--plot", str(picture)]
    monkeypatch.setattr("sys.argv", ["few_shot", *given])
    monkeypatch.setattr(few_shot, "SIZES", (20, 0))

    few_shot.main()

    told = capsys.readouterr().out
    assert all(name in told for name in SELECTORS)
    assert "a query takes" in told
    assert "AUROC" in told
    assert picture.read_text().startswith("<?xml")


def test_selected_examples_are_better_than_fixed_ones(labels):
    splits = [TuningDataset.read(labels).split(0.2)]

    shares = few_shot.measure_shares(splits, [0])

    size = len(splits[0][0])
    assert set(shares) == {(name, size) for name in SELECTORS}
    assert shares[OURS, size][1] > 0.9 > shares["fixed", size][1]
    for by_k in shares.values():
        assert list(by_k) == list(K)
        assert list(by_k.values()) == sorted(by_k.values())


def test_data_that_is_not_there_is_asked_for(monkeypatch):
    monkeypatch.setattr("sys.argv", ["few_shot", "--labels", "missing.jsonl"])

    with pytest.raises(SystemExit, match=r"missing.jsonl is not there. Say where: --labels FILE"):
        few_shot.main()
