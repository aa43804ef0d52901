"""Merging, naming, splitting and measuring tuning sets."""

import logging
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.dataset import (
    DatasetStats,
    Spread,
    TuningDataset,
    TuningExample,
    Turn,
    merge,
    stats,
)
from langchain_tuned_gemini.errors import DatasetError, ParameterError

REAL_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

words = st.text("abc=\u00e9", min_size=1, max_size=3)
turns = st.builds(Turn, st.sampled_from(["user", "model"]), words)
examples = st.builds(
    TuningExample, words, words, st.lists(turns, max_size=2).map(tuple), st.none() | words
)
sets = st.lists(examples, min_size=1).map(lambda rows: TuningDataset(tuple(rows)))


def of(*pairs):
    return TuningDataset.of(pairs)


def test_two_sets_become_one_without_duplicates():
    old, new = of(("1", "2"), ("3", "4")), of(("3", "4"), ("5", "6"), ("5", "6"))

    assert old + new == of(("1", "2"), ("3", "4"), ("5", "6"))
    assert merge(old, new).duplicates == 2
    assert merge(old).dataset == old
    assert len(merge(old, new, [("7", "8")], [TuningExample("9", "10")]).dataset) == 5


def test_a_merge_reports_what_it_dropped_and_what_contradicts(tmp_path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.csv"
    of(("1", "2"), ("3", "4")).write(old)
    of(("1", "two"), ("3", "4")).write(new, format="csv")

    merged = merge(old, new)

    assert (merged.duplicates, merged.contradictions) == (1, 1)
    assert str(merged.report).splitlines() == [
        f"warning: {new}:2: field 'output': answers 'two' to what {old}:1 answers with '2'.",
        f"warning: {new}:3: says the same as {old}:2. The model would learn it twice.",
        f"{old} + {new}: 3 examples, 0 errors, 2 warnings",
    ]
    # What stays contradictory is found again, still with the line that it comes from.
    (problem,) = merged.dataset.check().problems
    assert (problem.source, problem.line, problem.code) == (str(new), 2, "contradiction")
    assert repr(merged.dataset) == f"TuningDataset(3 examples from '{old} + {new}')"


def test_a_sum_says_in_the_log_that_something_contradicts(caplog):
    with caplog.at_level(logging.WARNING, "langchain_tuned_gemini"):
        of(("1", "2")) + of(("1", "2"), ("3", "4"))
        assert not caplog.records
        of(("1", "2")) + of(("1", "3"), ("1", "4"))

    assert [record.getMessage() for record in caplog.records] == [
        "examples: 2 examples contradict earlier ones. check() names them."
    ]


def test_only_datasets_can_be_added():
    with pytest.raises(TypeError):
        of(("1", "2")) + [("3", "4")]  # noqa: RUF005  it must not work
    with pytest.raises(DatasetError):
        merge(of(("1", "2")), [])


@given(sets, sets, sets)
def test_merging_is_like_a_union(a, b, c):
    assert len(a + b) == len({*a, *b})
    assert list(a + b)[: len({*a})] == list(dict.fromkeys(a))
    assert (a + b) + c == a + (b + c)
    assert (a + b).content_hash() == (b + a).content_hash()
    assert (a + a).content_hash() == TuningDataset(tuple(dict.fromkeys(a))).content_hash()


@given(sets, st.randoms())
def test_a_hash_depends_on_the_examples_and_not_on_their_order_or_file(examples, random):
    shuffled = list(examples)
    random.shuffle(shuffled)

    again = TuningDataset.of([example.as_dict() for example in shuffled])

    assert again.content_hash() == examples.content_hash()


@given(sets, sets)
def test_different_examples_have_different_hashes(a, b):
    same = sorted(a, key=repr) == sorted(b, key=repr)

    assert (a.content_hash() == b.content_hash()) is same


def test_a_hash_stays_the_same_from_version_to_version():
    told = TuningExample("é", "b", (Turn("model", "x"),), "s")

    assert TuningDataset((TuningExample("1", "2"), told)).content_hash() == (
        "2b03110c6bb9b19b9a4fdd07ac6d0804dc86a5daad1c57a94a243976104b4040"
    )


def labelled(**counts):
    return TuningDataset(
        tuple(
            TuningExample(f"{label} {number}", label)
            for label, count in counts.items()
            for number in range(count)
        )
    )


def labels_of(dataset):
    return stats(dataset).labels


def test_each_label_has_its_share_in_both_parts():
    rest, held_back = labelled(a=100, b=50, c=10, d=1).split(0.1)

    assert labels_of(held_back) == {"a": 10, "b": 5, "c": 1}
    assert labels_of(rest) == {"a": 90, "b": 45, "c": 9, "d": 1}


def test_a_split_keeps_the_order_and_the_places():
    dataset = labelled(a=20, b=20)

    rest, held_back = dataset.split(0.25)

    assert sorted([*rest, *held_back], key=list(dataset).index) == list(dataset)
    for part in (rest, held_back):
        assert list(part) == sorted(part, key=list(dataset).index)
        assert [part.place(i).item for i in range(len(part))] == [
            list(dataset).index(example) + 1 for example in part
        ]


@given(sets, st.floats(0.01, 0.99), st.integers(0, 3), st.randoms())
def test_a_split_loses_nothing_leaks_nothing_and_is_always_the_same(examples, share, seed, random):
    def asked(part):
        return {(e.text_input, e.history, e.system_instruction) for e in part}

    try:
        rest, held_back = examples.split(share, seed=seed)
    except ParameterError:
        # All labels are there once, or everything asks the same.
        assert len(asked(examples)) < 2 or stats(examples).labels
        return

    assert sorted([*rest, *held_back], key=repr) == sorted(examples, key=repr)
    assert asked(rest).isdisjoint(asked(held_back))
    assert rest
    assert held_back
    shuffled = list(examples)
    random.shuffle(shuffled)
    _, again = TuningDataset(tuple(shuffled)).split(share, seed=seed)
    assert again.content_hash() == held_back.content_hash()


@pytest.mark.parametrize(
    "again", ["Fu\u0308r {}?", "\ufeffFür {}?", "FÜR {}?", " Für  {}? "], ids=ascii
)
def test_no_part_has_a_question_that_a_reader_knows_from_the_other(again):
    pairs = [(form.format(n), f"{n}") for n in range(20) for form in ("Für {}?", again)]

    rest, held_back = of(*pairs).split(0.3)

    assert len(held_back) == 12
    assert {e.output for e in rest}.isdisjoint(e.output for e in held_back)


@pytest.mark.parametrize("total", [2, 3, 10, 49, 1_000])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.29, 0.5, 0.999])
def test_the_share_is_right_as_near_as_whole_examples_go(total, share):
    dataset = TuningDataset(tuple(TuningExample(f"q{n}", f"a{n}") for n in range(total)))

    _, held_back = dataset.split(share)

    assert len(held_back) == min(max(1, round(total * share)), total - 1)


@pytest.mark.parametrize(
    "dataset",
    [labelled(a=50, b=50), TuningDataset(tuple(TuningExample(f"{n}", f"{n}") for n in range(100)))],
    ids=["labels", "texts"],
)
def test_another_seed_chooses_others(dataset):

    chosen = {dataset.split(0.1, seed=seed)[1] for seed in range(5)}

    assert len(chosen) == 5


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_is_between_none_and_all(share):
    with pytest.raises(ParameterError, match="a part between 0 and 1"):
        labelled(a=5).split(share)


def test_a_single_question_can_not_be_split():
    with pytest.raises(ParameterError, match="1 different questions can't be split"):
        of(("1", "2"), ("1", "3")).split(0.5)


def test_statistics_count_and_measure():
    talk = TuningExample("abc", "x", (Turn("user", "1234"),), "12345")
    dataset = TuningDataset(
        (talk, TuningExample("a", "x"), TuningExample("a", "x"), TuningExample("a", "yy"))
    )

    assert stats(dataset) == DatasetStats(
        examples=4,
        conversations=1,
        with_system_instruction=1,
        duplicates=1,
        contradictions=1,
        input_characters=Spread(1, 1, 3, 6),
        output_characters=Spread(1, 1, 2, 5),
        tokens=Spread(2, 2, 11, 17),
        labels={"x": 3, "yy": 1},
    )


def test_statistics_of_nothing_are_zero():
    assert stats(()).tokens == Spread(0, 0, 0, 0)
    assert stats(of(("1", "2"))).labels == {}


def test_real_data_splits_by_its_labels():
    if not REAL_DATA.exists():
        pytest.skip("the real data is not here")
    dataset = TuningDataset.read(REAL_DATA / "banking77_train.jsonl")

    rest, held_back = dataset.split(0.1)

    # One more than a tenth: a question and its repeats in another case stay together.
    assert (len(rest), len(held_back)) == (9_002, 1_001)
    for label, count in stats(dataset).labels.items():
        assert abs(stats(held_back).labels[label] - count / 10) < 1
