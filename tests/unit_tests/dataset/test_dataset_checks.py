"""What a check of a tuning set finds, and where it says that it is."""

import io
import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini import dataset
from langchain_tuned_gemini.dataset import (
    LIMITS,
    TuningDataset,
    TuningExample,
    Turn,
    check,
    estimated_tokens,
)
from langchain_tuned_gemini.dataset.checks import likely_typos
from langchain_tuned_gemini.errors import DatasetError, ParameterError
from langchain_tuned_gemini.errors.problem import Problem, Severity

REAL_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
GOOD = '{"text_input": "1", "output": "2"}'
SYSTEM = {"role": "system", "parts": [{"text": "s"}]}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "train.jsonl"


def found(examples, **options):
    """What a check says, line by line, without the summary."""
    return str(check(examples, **options)).splitlines()[:-1]


def codes(examples, **options):
    return [problem.code for problem in check(examples, **options).problems]


def test_a_file_without_any_problem_is_one_line(file):
    file.write_text(f'{GOOD}\n{{"text_input": "3", "output": "4"}}\n')

    report = check(file)

    assert str(report) == f"{file}: 2 examples, 0 errors, 0 warnings"
    assert (report.ok, report.problems) == (True, ())
    report.raise_for_errors()


def test_all_problems_of_a_file_are_found_at_once(file):
    lines = [
        "\ufeff" + GOOD,
        '{"text_input": "", "output": 7}',
        "{oops",
        GOOD,
        '{"text_input": "1", "output": "3"}',
        '{"text_input": "a\ufffd", "output": "b", "id": 1}',
        '{"text_input": "c", "output": "d", "id": 2}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")

    assert str(check(file)).replace(str(file), "F").splitlines() == [
        "warning: F:1: starts with a byte order mark, which others may refuse. Save it without one.",
        "error: F:2: field 'text_input': is empty. Every example needs both a question and an answer.",
        "error: F:2: field 'output': must be text, not 7.",
        ("error: F:3: is not JSON: Expecting property name enclosed in double quotes at column 2. "
        'Each example is one line: {"text_input": "...", "output": "..."}.'),
        "warning: F:4: says the same as F:1. The model would learn it twice.",
        "warning: F:5: field 'output': answers '3' to what F:1 answers with '2'.",
        ("warning: F:6: field 'text_input': has a replacement character (U+FFFD) at position 1: the "
        "text was damaged when it was read in a wrong encoding."),
        "warning: F:6: field 'id': is not kept: an example holds text only. 2 rows have it.",
        "F: 5 examples, 3 errors, 5 warnings",
    ]  # fmt: skip


def test_reading_raises_every_error_and_no_warning(file):
    file.write_text("\ufeff{}\n" + "7\n" * 30, encoding="utf-8")

    with pytest.raises(DatasetError) as caught:
        TuningDataset.read(file)

    error = caught.value
    assert (error.source, error.line, error.field) == (str(file), 1, "text_input")
    assert (error.total, len(error.problems)) == (32, 32)
    assert {problem.severity for problem in error.problems} == {Severity.ERROR}
    told = str(error).splitlines()
    assert len(told) == 11
    assert told[-1] == "... and 22 more, in `problems` and in what `dataset.check` reports."
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_a_file_that_is_wrong_everywhere_does_not_fill_the_memory(file):
    file.write_text(
        "{oops\n" * 3_000 + '{"text_input": "1", "output": "\ufffd"}\n' * 3_000, encoding="utf-8"
    )

    report = check(file)

    assert (report.errors, report.warnings, report.examples) == (3_000, 5_999, 3_000)
    assert len(report.problems) == 2_000
    assert "... and 6,999 more problems." in str(report)
    with pytest.raises(DatasetError, match=r"and 2,990 more") as caught:
        report.raise_for_errors()
    assert (len(caught.value.problems), caught.value.total) == (1_000, 3_000)


def test_rows_with_ever_new_fields_do_not_fill_the_memory():
    rows = [{"text_input": str(n), "output": "x", f"field {n}": n} for n in range(3_000)]

    assert check(rows).warnings == 1_000


@pytest.mark.parametrize("examples", [[], io.BytesIO(b"[]"), io.StringIO("\n"), TuningDataset(())])
def test_no_examples_are_an_error(examples):
    if isinstance(examples, TuningDataset):
        assert codes(list(examples)) == ["unreadable"]
    else:
        assert codes(examples) == ["unreadable"]


def test_a_file_that_is_not_there_is_an_error_of_its_report(tmp_path):
    path = tmp_path / "missing.jsonl"

    assert found(path) == [f"error: {path}: there is no such file. Check the path."]
    assert found(str(tmp_path)) == [
        f"error: {tmp_path}: is a directory, not a file of examples. Check the path."
    ]


def test_what_can_not_stand_for_examples_is_a_bug_and_raised():
    with pytest.raises(ParameterError):
        check(7)
    with pytest.raises(ParameterError, match="A platform is 'developer' or 'vertex', not 'openai'"):
        check([("1", "2")], platform="openai")


def test_fields_that_are_not_kept_are_told_once_for_each_field():
    contents = [
        {"role": "user", "parts": [{"text": "q"}], "weight": 0},
        {"role": "model", "parts": [{"text": "a"}], "weight": 1},
    ]
    rows = [
        {"contents": contents, "tools": [{}], "labels": {}, "generationConfig": None},
        {"messages": [("human", "q1"), ("ai", "a")], "split": "train"},
        {"text_input": "x", "output": "y", "split": "test"},
    ]

    assert found(rows) == [
        "warning: examples:1: field 'contents.weight': is not kept: an example holds text only.",
        "warning: examples:1: field 'tools': is not kept: an example holds text only.",
        "warning: examples:2: field 'split': is not kept: an example holds text only. 2 rows have it.",
    ]  # fmt: skip


def test_columns_that_are_not_kept_are_told():
    assert found(io.StringIO("text_input,output,contents,history\n1,2,x,y\n3,4,x,y\n")) == [
        f"warning: examples:2: field {name!r}: is not kept: an example holds text only. 2 rows have it."
        for name in ("contents", "history")
    ]


def test_fields_that_are_not_kept_are_told_by_the_file_s_own_names():
    text = (
        '[{"question": "1", "answer": "2"}, {"question": "2", "answer": "3", "output": 1, "x": 2}]'
    )
    columns = {"text_input": "question", "output": "answer"}

    problems = check(io.StringIO(text), columns=columns).problems

    assert [(problem.item, problem.field) for problem in problems] == [(2, "output"), (2, "x")]


def test_each_turn_of_a_history_is_checked():
    history = [{"role": "x"}, {"role": "user", "text": ""}, 7]

    fields = [
        p.field for p in check([{"text_input": "1", "output": "2", "history": history}]).problems
    ]

    assert fields == ["history[0]", "history[1].text", "history[2]"]


def test_each_message_is_checked():
    fields = [p.field for p in check([[{"content": "x"}, {"role": "ai", "content": 7}]]).problems]

    assert fields == ["messages[0]", "messages[1].content"]


def test_duplicates_and_contradictions_name_the_example_that_they_repeat():
    rows = [("a", "1"), ("b", "1"), ("a", "2"), ("a", "2"), ("b", "1"), ("a", "1"), ("A", "3")]

    assert [re.sub("examples:", "", line) for line in found(rows)] == [
        "warning: 3: field 'output': answers '2' to what 1 answers with '1'.",
        "warning: 4: says the same as 3. The model would learn it twice.",
        "warning: 5: says the same as 2. The model would learn it twice.",
        "warning: 6: says the same as 1. The model would learn it twice.",
    ]


def test_texts_that_look_the_same_are_the_same_question_and_the_same_answer():
    rows = [("für", "ü"), ("fu\u0308r", "u\u0308"), ("\ufefffür", "u"), ("FÜR", "ü")]

    assert codes(rows) == ["duplicate", "contradiction"]


def test_a_label_that_looks_like_another_is_that_label():
    rows = [(str(n), "Rückgabe" if n % 2 else "Ru\u0308ckgabe") for n in range(12)]

    assert codes([*rows, ("12", "Rückgabe\u200b")]) == []
    assert dataset.stats([TuningExample(*row) for row in rows]).labels == {"Rückgabe": 12}
    (typo,) = found([*rows, ("12", "Ru\u0308ckgbe")])
    assert "'Rückgabe' is here 12 times. Is it a typo?" in typo


def test_a_question_is_all_that_comes_before_the_answer():
    plain = TuningExample("q", "a")
    later = TuningExample("q", "b", (Turn("user", "x"), Turn("model", "y")))
    told = TuningExample("q", "c", system_instruction="s")

    assert codes([plain, later, told]) == []
    assert codes([later, later, told, told, TuningExample("q", "d", system_instruction="s")]) == [
        "duplicate",
        "duplicate",
        "contradiction",
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1))
def test_duplicates_and_contradictions_are_all_found(pairs):
    counted = codes(pairs)

    assert counted.count("duplicate") == len(pairs) - len({*pairs})
    assert counted.count("contradiction") == len({*pairs}) - len(
        {question for question, _ in pairs}
    )


LABELS = {"card_arrival": 9, "top_up_failed": 9, "level_1": 9, "yes": 9, "no": 1, "rare": 4}
LABELS["debit"] = 5  # just often enough


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("card_arival", "card_arrival"),
        ("card_arrivall", "card_arrival"),
        ("card_arrivel", "card_arrival"),
        ("card_arrivla", "card_arrival"),
        ("Card Arrival", "card_arrival"),
        ("card-arrival ", "card_arrival"),
        ("cardarrival", "card_arrival"),
        ("YES", "yes"),
        ("top_up_fialed", "top_up_failed"),
        ("Top Up Failed", "top_up_failed"),
        ("top-up-failed", "top_up_failed"),
        ("Level 1", "level_1"),
        ("debt", "debit"),
        # Labels of their own:
        ("level_2", None),
        ("level_11", None),
        ("yet", None),
        ("card_linking", None),
        ("card_arvl", None),
        ("rarer", None),  # of a label that is not there often
    ],
)
def test_a_label_seen_once_beside_one_like_it_is_a_likely_typo(label, meant):
    assert dict(likely_typos({**LABELS, label: 1})) == ({label: meant} if meant else {})


def test_a_likely_typo_is_named_by_its_line():
    rows = [(f"question {number}", "card_arrival") for number in range(9)]
    rows.insert(3, ("another", "card_arival"))

    assert found(rows) == [
        (
            "warning: examples:4: field 'output': is 'card_arival', a label that is here once; "
            "'card_arrival' is here 9 times. Is it a typo?"
        )
    ]


def test_outputs_that_are_no_labels_have_no_typos():
    rows = [
        (f"question {number}", f"a sentence {'abcdefghij'[number % 10]}") for number in range(10)
    ]

    assert (
        found([*rows, ("x", "a sentence"), *[("y" * n, "a sentence a") for n in range(1, 7)]]) == []
    )


def example_of(*, characters=1, output=1, tokens=0):
    return TuningExample("x" * max(characters, tokens * 4), "y" * output)


ENOUGH = [(f"question {number}", f"answer {number}") for number in range(100)]


@pytest.mark.parametrize(
    ("platform", "example", "said"),
    [
        ("developer", example_of(characters=40_000, output=5_000), None),
        ("developer", example_of(characters=40_001), "'text_input': has 40,001 characters; the Developer API takes 40,000."),
        ("developer", example_of(output=5_001), "'output': has 5,001 characters; the Developer API takes 5,000."),
        ("developer", TuningExample("q", "a", (Turn("model", "x"),)), "'history': is not taken by the Developer API"),
        ("developer", TuningExample("q", "a", (), "s"), "'system_instruction': is not taken by the Developer API"),
        ("vertex", TuningExample("q", "a", (Turn("model", "x"),), "s"), None),
        ("vertex", example_of(characters=40_001, output=5_001), None),
        ("vertex", example_of(tokens=131_071), None),
        ("vertex", example_of(tokens=131_072), "has about 131,073 tokens; Vertex AI takes 131,072 and drops"),
    ],
)  # fmt: skip
def test_an_example_beyond_a_limit_is_named(platform, example, said):
    lines = found([*ENOUGH, example], platform=platform)

    assert len(lines) == (said is not None)
    assert codes([*ENOUGH, example], platform=platform) == ["limit"] * len(lines)
    # The number of tokens is an estimate.
    assert check([*ENOUGH, example], platform=platform).ok is (said is None or "tokens" in said)
    assert all(
        f"examples:101: {'' if said.startswith('has') else 'field '}{said}" in line
        for line in lines
    )


def test_limits_of_a_whole_set():
    assert found(ENOUGH[:19], platform="developer") == [
        "warning: examples: has 19 examples; the Developer API recommends 20 or more."
    ]
    assert found(ENOUGH[:99], platform="vertex") == [
        "warning: examples: has 99 examples; Vertex AI recommends 100 or more."
    ]
    long = [(f"{number} {'é' * 20_000}", "x") for number in range(100)]
    assert found(long, platform="developer") == [
        f"error: examples: has {sum(len(json.dumps(dict(zip(('text_input', 'output'), row, strict=True)), ensure_ascii=False).encode()) + 1 for row in long):,} bytes as jsonl; the Developer API takes 4,000,000."
    ]  # fmt: skip
    assert found(long, platform="vertex") == []
    assert LIMITS["vertex"].most_examples == 10_000_000


def test_no_limit_is_checked_unless_a_platform_is_named():
    assert found([example_of(characters=40_001, output=5_001)]) == []


def test_tokens_are_estimated_from_everything_that_an_example_has():
    example = TuningExample("abcde", "漢字", (Turn("user", "1234"),), "a")

    assert estimated_tokens(example) == 2 + 2 + 4 + 1


def test_a_dataset_checks_itself_and_knows_its_lines(file):
    file.write_text(f"{GOOD}\n\n{GOOD}\n")
    dataset = TuningDataset.read(file)

    (problem,) = dataset.check().problems

    assert (problem.source, problem.line, problem.code) == (str(file), 3, "duplicate")
    assert check(dataset) == dataset.check()
    assert dataset.check(platform="vertex").warnings == 2
    assert TuningDataset.of([dataset[1], *dataset]).check().warnings == 2


def test_parts_of_a_dataset_keep_their_lines(file):
    file.write_text("\n" + f"{GOOD}\n" * 4)

    rest = TuningDataset.read(file)[1:][::2]

    assert [str(rest.place(number)) for number in range(2)] == [f"{file}:3", f"{file}:5"]
    assert found(rest) == [
        f"warning: {file}:5: says the same as {file}:3. The model would learn it twice."
    ]
    assert found(pickle.loads(pickle.dumps(rest))) == found(rest)


def test_examples_without_lines_are_known_by_their_number():
    example = TuningExample("1", "2")
    same = "says the same as examples: example 1. The model would learn it twice."

    assert found(TuningDataset((example, example))) == [f"warning: examples: example 2: {same}"]
    assert found(io.StringIO(f"[{GOOD}, {GOOD}]")) == [f"warning: examples: example 2: {same}"]


@pytest.mark.parametrize(
    "name",
    ["banking77_train.jsonl", "text_to_sql_sqlite_train.jsonl", "increment_tuning_data.json"],
)
@pytest.mark.parametrize("platform", ["developer", "vertex"])
def test_real_tuning_data_has_no_problems(name, platform):
    if not (REAL_DATA / name).exists():
        pytest.skip("the real data is not here")

    problems = check(REAL_DATA / name, platform=platform).problems

    # Fifteen examples are few.
    assert [problem.code for problem in problems] == ["limit"] * name.startswith("increment")


def test_a_typo_planted_in_real_labels_is_the_only_problem():
    if not REAL_DATA.exists():
        pytest.skip("the real data is not here")
    rows = list(TuningDataset.read(REAL_DATA / "banking77_train.jsonl"))
    rows[5_000] = TuningExample(rows[5_000].text_input, rows[5_000].output[:-1])

    (problem,) = check(rows).problems

    assert (problem.code, problem.line) == ("label-typo", 5_001)


def test_a_problem_is_a_value():
    problem = Problem("field", "is empty.", "train.json", 3, 2, "output")

    assert str(problem) == "train.json:3: example 2: field 'output': is empty."
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert hash(problem) == hash(pickle.loads(pickle.dumps(problem)))


@pytest.mark.parametrize("name", dataset.__all__)
def test_every_name_of_the_module_is_there(name):
    assert hasattr(dataset, name)
