"""Reading a tuning set, and what is said about one that can't be used."""

import json
import pickle
import re
import sqlite3
import tracemalloc
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.dataset import TuningDataset, TuningExample, check
from langchain_tuned_gemini.errors import DatasetError, ParameterError
from langchain_tuned_gemini.errors.problem import Code

EXAMPLE_DATA = Path(__file__).resolve().parents[3] / "examples" / "data"
REAL_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

GOOD = '{"text_input": "1", "output": "2"}'
ONE, TWO = TuningExample("1", "2"), TuningExample("3", "4")
ROWS = [ONE.as_dict(), TWO.as_dict()]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(str.strip)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "train.jsonl"


@pytest.mark.parametrize(
    "text",
    [
        f'{GOOD}\n{{"text_input": "3", "output": "4"}}\n',
        f'{GOOD}\n{{"text_input": "3", "output": "4"}}',
        f'\n{GOOD}\r\n\r\n  {{"output": "4", "text_input": "3"}}\r\n',
        f'\ufeff{GOOD}\n{{"text_input": "3", "output": "4", "id": 7}}',
        json.dumps(ROWS),
        json.dumps(ROWS, indent=4),
        "\ufeff\n " + json.dumps(ROWS),
    ],
    ids=["jsonl", "no-last-newline", "blank-lines", "bom-extra-field", "array", "pretty", "bom"],
)
@pytest.mark.parametrize("name", ["train.jsonl", "train.json", "train"])
def test_the_content_decides_the_format_not_the_name(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode())

    assert list(TuningDataset.read(path)) == [ONE, TWO]
    assert TuningDataset.read(str(path)) == TuningDataset.read(path)


WRONG_ROWS = {
    "not json": ("text_input,output", None, "is not JSON: Expecting value"),
    "cut": ('{"text_input": "1", "out', None, "Each example is one line"),
    "a number": ("7", None, "must be an object with 'text_input' and 'output', not 7"),
    "a list": ("[1, 2]", None, "must be an object"),
    "misspelt input": ('{"text-input": "1", "output": "2"}', "text_input", "has 'text-input'"),
    "misspelt output": ('{"text_input": "1", "ouput": "2"}', "output", "has 'ouput': rename"),
    "other fields": ('{"prompt": "1", "completion": "2"}', "text_input", "'prompt', 'completion'"),
    "a field twice": ('{"text_input": "1", "output": "2", "output": "3"}', "output", "twice"),
    "a field twice, deep": (
        '{"text_input": "1", "output": "2", "x": [{"y": 1, "y": 1}]}',
        "y",
        "twice",
    ),
    "no fields": ("{}", "text_input", "is missing. The row has nothing instead"),
    "one field": ('{"text_input": "1"}', "output", "is missing"),
    "empty input": ('{"text_input": "", "output": "2"}', "text_input", "is empty"),
    "blank output": ('{"text_input": "1", "output": " \\n"}', "output", "is empty"),
    "number": ('{"text_input": "1", "output": 2}', "output", "must be text, not 2"),
    "null": ('{"text_input": null, "output": "2"}', "text_input", "must be text, not None"),
    "NUL": ('{"text_input": "1", "output": "a\\u0000"}', "output", "NUL character at position 1"),
    "surrogate": ('{"text_input": "\\ud83d", "output": "2"}', "text_input", "half a character"),
    "raw NUL": ('{"text_input": "1\0", "output": "2"}', None, "NUL character at position 17"),
    "a tab": ('{"text_input": "1\t", "output": "2"}', None, "is not JSON: Invalid control"),
    "huge number": ('{"text_input": ' + "1" * 5000 + "}", None, "is not JSON"),
    "endless nesting": ('{"text_input": ' + "[" * 100_000, None, "is not JSON"),
}


@pytest.mark.parametrize(("row", "field", "said"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_wrong_row_is_named_by_file_line_and_field(file, row, field, said):
    file.write_text(f"{GOOD}\n\n{row}\n{GOOD}\n", encoding="utf-8")

    with pytest.raises(DatasetError, match=re.escape(said)) as caught:
        TuningDataset.read(file)

    error = caught.value
    assert (error.source, error.line, error.field) == (str(file), 3, field)
    assert str(error).startswith(f"{file}:3: ")
    assert {problem.code for problem in error.problems} <= {*get_args(Code)}


@pytest.mark.parametrize(("indent", "line"), [(None, 1), (4, 6)])
def test_a_wrong_item_of_an_array_is_named_by_its_line_and_its_number(file, indent, line):
    file.write_text(json.dumps([ONE.as_dict(), {"text_input": "3"}], indent=indent))

    with pytest.raises(DatasetError) as caught:
        TuningDataset.read(file)

    assert str(caught.value) == f"{file}:{line}: example 2: field 'output': is missing."


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (GOOD.encode() + b'\n{"text_input": "caf\xe9", "output": "2"}', 2, "byte 20 .* 0xE9"),
        (b'[\n{"text_input":\n"caf\xe9",\n"output": "2"}]\n', 3, "after .*caf' comes .* 0xE9"),
        (b"[\n%s,\n" % GOOD.encode() + b" " * 70_000 + b'"\xe9"]\n', 3, "byte 0xE9"),
        (GOOD.encode("utf-16"), 1, "as UTF-16 or UTF-32"),
        (GOOD.encode("utf-16-le"), 1, "NUL character at position 1.*UTF-16"),
        (b'[\n{"text_input":\n"1", "output" "2"}]', 3, "delimiter at"),
        (b'[{"text_input": "1", "output": "2"},\n]', 2, "Expecting value at"),
        (b'[{"text_input": "1", "output": "2"}\n {}]', 2, "Expecting ',' delimiter at '{}]'"),
        (b'[{"text_input": "1", "output": "2"}\n', 2, "Expecting ',' delimiter at the end"),
        (b'[{"text_input": "1", "output": "2"}]\n\nx', 3, "Extra data at 'x'"),
        (b"[\n" + b"[" * 100_000, 2, "nested too deeply"),
        (b"[\n" + b"1" * 5_000 + b"]", 2, "too many digits"),
        (b'{"text_input": "' + b"x" * 4_000_000 + b'", "output": "2"}', 1, "4,000,000 bytes"),
    ],
    ids=[
        "latin-1",
        "latin-1 in an array",
        "latin-1 far in an array",
        "utf-16",
        "utf-16 without a mark",
        "colon",
        "last comma",
        "comma",
        "cut",
        "more",
        "deep",
        "digits",
        "over-long",
    ],
)
def test_what_is_no_json_text_is_named_by_its_line(file, content, line, said):
    file.write_bytes(content)

    with pytest.raises(DatasetError, match=said) as caught:
        TuningDataset.read(file)

    assert caught.value.line == line
    assert caught.value.problems[0].code in {"encoding", "syntax", "too-long"}


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_line_may_be_as_long_as_a_line_may_be(file, end):
    row = json.dumps({"text_input": "", "output": "2"})
    longest = "x" * (4_000_000 - len(row))
    file.write_text(json.dumps({"text_input": longest, "output": "2"}) + end)

    assert list(TuningDataset.read(file)) == [TuningExample(longest, "2")]


def test_files_that_were_joined_are_read_without_their_byte_order_marks(file):
    file.write_text(f"\ufeff{GOOD}\n\ufeff{GOOD}\n", encoding="utf-8")

    assert list(TuningDataset.read(file)) == [ONE, ONE]
    assert [(p.code, p.line) for p in check(file).problems] == [
        ("encoding", 1),
        ("encoding", 2),
        ("duplicate", 2),
    ]


def test_an_array_may_stand_on_one_line_of_any_length(file):
    row = TuningExample("x" * 50_000, "y")
    file.write_text(json.dumps([row.as_dict()] * 100))

    assert len(TuningDataset.read(file)) == 100


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff", "[]", " [ ]\n"])
def test_a_file_without_examples_is_refused(file, content):
    file.write_text(content, encoding="utf-8")

    with pytest.raises(DatasetError, match="has no examples"):
        TuningDataset.read(file)


def test_a_path_that_is_no_file_says_so(tmp_path):
    with pytest.raises(DatasetError, match=r"missing\.jsonl: there is no such file"):
        TuningDataset.read(tmp_path / "missing.jsonl")
    with pytest.raises(DatasetError, match="is a directory"):
        TuningDataset.read(tmp_path)
    with pytest.raises(DatasetError, match="can't be read: File name too long"):
        TuningDataset.read("x" * 5_000)


def as_csv(rows):
    lines = [f"{row['text_input']},{row['output']},{row['notes']}\n" for row in rows]
    return "text_input,output,notes\n" + "".join(lines)


@pytest.mark.parametrize(
    "written",
    [lambda rows: "\n".join(map(json.dumps, rows)), json.dumps, as_csv],
    ids=["jsonl", "json", "csv"],
)
def test_rows_are_read_one_by_one(file, written):
    row = {"text_input": "a question", "output": "an answer", "notes": "x" * 2_000}
    file.write_text(written([row] * 2_000))

    tracemalloc.start()
    try:
        dataset = TuningDataset.read(file)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(dataset) == 2_000
    assert file.stat().st_size > 4_000_000
    assert peak - kept < 500_000


def test_a_line_without_end_is_not_read_to_its_end(file):
    file.write_bytes(b"x" * 30_000_000)

    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match="longer than 4,000,000 bytes"):
            TuningDataset.read(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 15_000_000


@given(st.lists(st.builds(TuningExample, texts, texts), min_size=1), st.booleans(), st.booleans())
def test_any_text_is_read_as_it_was_written(tmp_path_factory, examples, array, escaped):
    rows = [example.as_dict() for example in examples]
    path = tmp_path_factory.mktemp("data") / "train"
    lines = "\n".join(json.dumps(row, ensure_ascii=escaped) for row in rows)
    path.write_text(json.dumps(rows) if array else lines, encoding="utf-8", newline="")

    assert list(TuningDataset.read(path)) == examples
    assert list(TuningDataset.of(rows)) == examples


def test_whatever_stands_for_a_dataset_becomes_one(file):
    file.write_text(GOOD)
    dataset = TuningDataset.read(file)

    assert TuningDataset.of(dataset) is dataset
    assert TuningDataset.of(str(file)) == TuningDataset.of(file) == dataset
    assert TuningDataset.of([ONE]) == TuningDataset.of(iter([ONE.as_dict()])) == dataset


@pytest.mark.parametrize("wrong", [None, 7, b"train.jsonl", ONE.as_dict()])
def test_what_can_not_stand_for_a_dataset_is_refused(wrong):
    with pytest.raises(ParameterError, match="examples takes a file's path, a TuningDataset"):
        TuningDataset.of(wrong)


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ([], "examples: has no examples"),
        (TuningDataset(()), "examples: has no examples"),
        ([ONE, TuningExample("3", "")], "examples:2: field 'output': is empty"),
        (["1", "2"], "examples:1: must be an object"),
    ],
)
def test_examples_in_memory_are_checked_like_those_of_a_file(examples, said):
    with pytest.raises(DatasetError, match=said):
        TuningDataset.of(examples)


def test_a_dataset_is_an_immutable_sequence():
    dataset = TuningDataset.of([ONE, TWO])

    assert (dataset[0], dataset[-1], len(dataset), ONE in dataset) == (ONE, TWO, 2, True)
    assert dataset[:1] == TuningDataset.of([ONE])
    assert list(reversed(dataset)) == [TWO, ONE]
    assert hash(dataset) == hash(TuningDataset.of(ROWS))
    assert pickle.loads(pickle.dumps(dataset)) == dataset
    with pytest.raises(AttributeError):
        dataset.examples = ()


def test_a_repr_counts_the_examples_and_does_not_print_them():
    assert repr(TuningDataset.of([ONE, TWO])) == "TuningDataset(2 examples from 'examples')"


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("banking77_train.jsonl", 10_003),
        ("text_to_sql_sqlite_train.jsonl", 158),
        ("increment_tuning_data.json", 15),
    ],
)
def test_real_tuning_data_is_read(name, rows):
    if not (REAL_DATA / name).exists():
        pytest.skip("the real data is not here")

    assert len(TuningDataset.read(REAL_DATA / name)) == rows


@pytest.fixture(scope="module")
def database():
    with sqlite3.connect(":memory:") as connection:
        connection.executescript((EXAMPLE_DATA / "schema.sql").read_text())
        yield connection
    connection.close()


@pytest.mark.parametrize("name", ["text_to_sql_train.jsonl", "text_to_sql_test.jsonl"])
def test_every_query_of_the_example_data_finds_something(database, name):
    for example in TuningDataset.read(EXAMPLE_DATA / name):
        rows = database.execute(example.output).fetchall()

        assert any(value is not None for row in rows for value in row), example


@pytest.mark.parametrize("name", ["text_to_sql_train.jsonl", "text_to_sql_test.jsonl"])
def test_the_example_data_keeps_to_its_style(name):
    for example in TuningDataset.read(EXAMPLE_DATA / name):
        sql = re.sub(r"'[^']*'", "''", example.output)

        assert re.match(r"(SELECT|WITH) .*[^;];$", sql), example
        assert not re.search(r"\*(?!\))(?! \d)|\b(select|from|where|join|as|count)\b", sql), example
        for table in re.finditer(r"\b(?:FROM|JOIN) (\w+)(.{0,4})", sql):
            assert table[2].startswith(" AS "), example


def test_held_back_questions_are_not_in_the_tuning_set():
    train = TuningDataset.read(EXAMPLE_DATA / "text_to_sql_train.jsonl")
    held_back = TuningDataset.read(EXAMPLE_DATA / "text_to_sql_test.jsonl")

    assert len(train) >= 72
    assert len(held_back) >= 12
    assert len({example.text_input for example in (*train, *held_back)}) == len(train) + len(
        held_back
    )
    assert not {example.output for example in train} & {example.output for example in held_back}
