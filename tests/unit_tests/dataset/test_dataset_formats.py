"""Reading each format from each kind of source, and writing it back without loss."""

import csv
import gzip
import io
import json
import os
import re
import threading
import tracemalloc
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    messages_to_dict,
)

from langchain_tuned_gemini.dataset import TuningDataset, TuningExample, Turn, check
from langchain_tuned_gemini.dataset.formats import rows
from langchain_tuned_gemini.dataset.readers.files import CHUNK
from langchain_tuned_gemini.errors import DatasetError, LossyConversionError, ParameterError
from langchain_tuned_gemini.errors.problem import Code
from langchain_tuned_gemini.few_shot.selectors import LexicalExampleSelector

ONE, TWO = TuningExample("1", "2"), TuningExample("3", "4")
TALK = TuningExample(
    "What's your name?",
    "Captain Barktholomew.",
    history=(Turn("user", "Hi"), Turn("model", "Argh!")),
    system_instruction="You are a pirate dog.",
)
# As in Vertex AI's documentation of the format.
TALK_OF_VERTEX = {
    "systemInstruction": {"role": "system", "parts": [{"text": "You are a pirate dog."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Argh!"}]},
        {"role": "user", "parts": [{"text": "What's "}, {"text": "your name?"}]},
        {"role": "model", "parts": [{"text": "Captain Barktholomew."}]},
    ],
}
MESSAGES = [
    SystemMessage("You are a pirate dog."),
    HumanMessage("Hi"),
    AIMessage("Argh!"),
    HumanMessage([{"type": "text", "text": "What's "}, "your name?"]),
    AIMessageChunk("Captain Barktholomew."),
]
EVERY_FORMAT = ["jsonl", "json", "csv", "vertex", "messages"]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(str.strip)
turns = st.builds(Turn, st.sampled_from(["user", "model"]), texts)
plain = st.builds(TuningExample, texts, texts)
talks = st.builds(
    TuningExample, texts, texts, st.lists(turns, max_size=4).map(tuple), st.none() | texts
)
# What a spreadsheet or a CSV reader may trip over.
nasty = st.text(st.sampled_from("=+-@'\"\t\r\n,; a\uff1d\u2028\x85")).filter(str.strip)


def read(text, **options):
    data = text.encode() if isinstance(text, str) else text
    return list(TuningDataset.read(io.BytesIO(data), **options))


@pytest.mark.parametrize(
    "row",
    [
        TALK_OF_VERTEX,
        {**TALK_OF_VERTEX, "systemInstruction": None, "system_instruction": TALK_OF_VERTEX["systemInstruction"]},
        {"messages": MESSAGES},
        {"messages": messages_to_dict(MESSAGES)},
        {"messages": [dumpd(message) for message in MESSAGES]},
        {"messages": [{"type": m["type"], "data": {"content": m["data"]["content"]}} for m in messages_to_dict(MESSAGES)]},
        {"messages": [("system", "You are a pirate dog."), ("human", "Hi"), ("ai", "Argh!"),
                      ("user", "What's your name?"), ("assistant", "Captain Barktholomew.")]},
        [{"role": "developer", "content": "You are a pirate dog."}, {"type": "human", "content": "Hi"},
         ChatMessage("Argh!", role="model"), *MESSAGES[3:]],
        MESSAGES,
        TALK.as_messages(),
        TALK.as_dict(),
        TALK,
    ],
    ids=["vertex", "snake-case", "messages", "messages_to_dict", "dumpd", "old", "tuples", "roles", "list", "as_messages", "as_dict", "itself"],
)  # fmt: skip
def test_a_conversation_is_read_from_every_shape_that_it_may_have(row):
    assert list(TuningDataset.of([row])) == [TALK]


def test_a_conversation_of_a_file_keeps_every_turn():
    assert read(f"{json.dumps(TALK_OF_VERTEX)}\n{json.dumps(ONE.as_dict())}") == [TALK, ONE]
    assert TALK.turns == (
        Turn("user", "Hi"),
        Turn("model", "Argh!"),
        Turn("user", "What's your name?"),
        Turn("model", "Captain Barktholomew."),
    )
    assert (TALK.is_plain, ONE.is_plain) == (False, True)


def test_pairs_of_texts_are_examples():
    assert list(TuningDataset.of([("1", "2"), ["3", "4"]])) == [ONE, TWO]
    # What LangChain gives as a message's text is a kind of str.
    assert list(TuningDataset.of([("1", AIMessage("2").text)])) == [ONE]
    assert read('[["1", "2"], ["3", "4"]]') == [ONE, TWO]


@pytest.mark.parametrize(
    "text",
    [
        "text_input,output\n1,2\n3,4\n",
        "\ufefftext_input;output\r\n1;2\r\n\r\n3;4",
        "id\toutput\ttext_input\n7\t2\t1\n8\t4\t3\n",
        '"text_input", "output"\n"1","2"\n3,4'.replace(", ", ","),
        "system_instruction,text_input,output\n,1,2\n,3,4\n",
    ],
    ids=["commas", "semicolons", "tabs", "quotes", "empty-system"],
)
def test_csv_is_told_by_its_header(text):
    assert read(text) == [ONE, TWO]


def test_csv_may_have_text_of_several_lines_and_a_system_instruction():
    text = 'text_input,output,system_instruction\n"a\nb","c ""d""",Be brief.\n'

    assert read(text) == [TuningExample("a\nb", 'c "d"', system_instruction="Be brief.")]


@pytest.mark.parametrize(
    "text",
    [
        "question,answer,output\n1,2,x\n3,4,y\n",
        '{"question": "1", "answer": "2"}\n{"answer": "4", "question": "3", "output": "x"}',
        '[{"question": "1", "answer": "2"}, {"text_input": "x", "question": "3", "answer": "4"}]',
    ],
    ids=["csv", "jsonl", "json"],
)
def test_a_file_may_call_its_fields_what_it_likes(text):
    assert read(text, columns={"text_input": "question", "output": "answer"}) == [ONE, TWO]


def test_fields_may_even_have_changed_names():
    columns = {"text_input": "output", "output": "text_input"}

    assert read('{"text_input": "2", "output": "1"}', columns=columns) == [ONE]
    assert read("text_input,output\n2,1\n", columns=columns) == [ONE]


def test_a_column_that_an_example_does_not_have_is_refused():
    with pytest.raises(ParameterError, match="not 'input'"):
        read("input,output\n", columns={"input": "x"})


WRONG_CSV = {
    "no such columns": ("question,answer\n1,2\n", 1, "is neither JSON nor the header"),
    "a column twice": ("text_input,output,output\n1,2,3\n", 1, "each once"),
    "plain text": ("Dear Gemini,\n", 1, "but 'Dear Gemini,'"),
    "a cell too many": ("text_input,output\n1,2\n1,2,3\n", 3, "must have 2 cells"),
    "a cell too few": ("text_input,output\n\n1\n", 3, "must have 2 cells.*not 1"),
    "a quote inside": ('text_input,output\n1,2\n"a"b,c\n', 3, "is not CSV: ',' expected"),
    "an open quote": ('text_input,output\n1,2\n\n"a,b\nc,d\n', 4, "is not CSV: unexpected end"),
    "an endless cell": ("text_input,output\nx" + "x" * 200_000 + ",2\n", 2, "field larger"),
    "an endless header": ("x" * 200_000 + ",output\n1,2\n", 1, "is neither JSON nor"),
    "an empty cell": ("text_input,output\n1,\n", 2, "field 'output': is empty"),
    "NUL": ("text_input,output\n1,\0\n", 2, "NUL character"),
    "latin-1": ("text_input,output\n1,caf\xe9\n".encode("latin-1"), 2, "byte 6 of the line is 0xE9"),
    "latin-1 header": ("caf\xe9,output\n1,2\n".encode("latin-1"), 1, "byte 4 of the line is 0xE9"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), WRONG_CSV.values(), ids=WRONG_CSV)
def test_what_is_wrong_with_a_csv_file_is_named_by_its_line(text, line, said):
    with pytest.raises(DatasetError, match=said) as caught:
        read(text)

    assert [problem.line for problem in caught.value.problems] == [line]
    assert {problem.code for problem in caught.value.problems} <= {*get_args(Code)}


def test_after_a_wrong_line_the_next_ones_are_still_checked():
    text = 'text_input,output\n"a"b,c\n1,2\n7\n"a\nb",\n'

    report = check(io.BytesIO(text.encode()))

    assert [(problem.code, problem.line) for problem in report.problems] == [
        ("syntax", 2), ("syntax", 4), ("field", 5),
    ]  # fmt: skip
    assert (report.examples, report.errors) == (1, 3)


def turn(role, **parts):
    return {"role": role, "parts": [parts]}


QUESTION, ANSWER = turn("user", text="q"), turn("model", text="a")
WRONG_TALKS = {
    "no list": ({"contents": "x"}, "contents", "must be a list"),
    "no turns": ({"contents": []}, "contents", "has no turns"),
    "no answer": ({"contents": [QUESTION]}, "contents[0]", "The last one must be the model's"),
    "no question": ({"contents": [ANSWER]}, "contents[0]", "answers no question"),
    "two answers": ({"contents": [QUESTION, ANSWER, ANSWER]}, "contents[2]", "right before it"),
    "a role of others": ({"contents": [QUESTION, turn("assistant", text="a")]}, "contents[1].role", "not 'assistant'"),
    "a system turn": ({"contents": [turn("system", text="s"), QUESTION, ANSWER]}, "contents[0].role", "systemInstruction"),
    "no role": ({"contents": [{"parts": [{"text": "q"}]}, ANSWER]}, "contents[0].role", "is missing: say"),
    "a role that is a list": ({"contents": [{"role": [], "parts": [{"text": "q"}]}, ANSWER]}, "contents[0].role", "not []"),
    "no parts": ({"contents": [{"role": "user"}, ANSWER]}, "contents[0]", "must be {"),
    "no content": ({"contents": [7, QUESTION, ANSWER]}, "contents[0]", "not 7"),
    "an image": ({"contents": [turn("user", fileData={}), ANSWER]}, "contents[0].parts[0]", "holds 'fileData'"),
    "a call": ({"contents": [QUESTION, turn("model", functionCall={})]}, "contents[1].parts[0]", "'functionCall'"),
    "a thought": ({"contents": [QUESTION, turn("model", text="a", thought=True)]}, "contents[1].parts[0]", "'text', 'thought'"),
    "a part that is text itself": ({"contents": [{"role": "user", "parts": ["q"]}, ANSWER]}, "contents[0].parts[0]", "holds 'q'"),
    "a part with a number": ({"contents": [turn("user", text=7), ANSWER]}, "contents[0].parts[0]", "holds 'text'"),
    "an empty part": ({"contents": [QUESTION, turn("model")]}, "contents[1].parts[0]", "holds nothing"),
    "empty text": ({"contents": [turn("user", text=" "), ANSWER]}, "contents[0].parts", "is empty"),
    "system text": ({"contents": [QUESTION, ANSWER], "systemInstruction": "s"}, "systemInstruction", "must be {"),
    "messages that are none": ({"messages": "x"}, "messages", "must be a list of messages"),
    "a tool's message": ([HumanMessage("q"), AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]), ToolMessage("x", tool_call_id="1")], "messages[1].tool_calls", "can't be kept"),
    "a picture": ([HumanMessage([{"type": "image", "url": "u"}]), AIMessage("a")], "messages[0].content[0]", "holds 'type', 'url'"),
    "content that is none": ([{"role": "user", "content": 7}, AIMessage("a")], "messages[0].content", "must be text"),
    "a late system message": ([HumanMessage("q"), SystemMessage("s"), AIMessage("a")], "messages[1]", "only the first may be one"),
    "no message": ([7.5, AIMessage("a")], None, "must be an object"),
    "no message later": ([HumanMessage("q"), 7], "messages[1]", "must be a system, human or AI message, not 7"),
    "a message without content": ([{"role": "user"}, AIMessage("a")], "messages[0]", "must be a system, human or AI message"),
    "a message without any sense": ([{"data": "content"}, AIMessage("a")], "messages[0]", "must be a system, human or AI message"),
    "a role nobody knows": ([{"role": ["user"], "content": "q"}, AIMessage("a")], "messages[0]", "must be a system, human or AI message"),
    "no messages": ({"messages": []}, "messages", "has no turns"),
    "a history that is none": ({**ONE.as_dict(), "history": "x"}, "history", "must be a list of turns"),
    "a turn that is none": ({**ONE.as_dict(), "history": [{"role": "x", "text": "y"}]}, "history[0]", 'must be {"role"'),
    "a turn without text": ({**ONE.as_dict(), "history": [{"role": "user"}]}, "history[0].text", "must be text, not None"),
    "an empty system": ({**ONE.as_dict(), "system_instruction": ""}, "system_instruction", "is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "field", "said"), WRONG_TALKS.values(), ids=WRONG_TALKS)
def test_what_is_wrong_with_a_conversation_is_named_by_its_field(row, field, said):
    with pytest.raises(DatasetError, match=re.escape(said)) as caught:
        TuningDataset.of([row])

    assert (caught.value.line, caught.value.field) == (1, field)
    assert {problem.code for problem in caught.value.problems} <= {*get_args(Code)}


def test_turns_that_do_not_alternate_are_odd_but_not_wrong():
    row = {"contents": [QUESTION, QUESTION, ANSWER]}

    report = check([row])

    assert report.ok
    assert [str(problem) for problem in report.problems] == [
        (
            "examples:1: field 'contents[1]': follows another turn of the user: some Gemini models "
            "want the user and the model to alternate."
        )
    ]
    assert TuningDataset.of([row])[0].history == (Turn("user", "q"),)


def open_binary(path):
    return path.open("rb")


def open_text(path):
    return path.open(encoding="utf-8")


def open_pipe(path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(path.read_bytes())
    return os.fdopen(reading, "rb")


@pytest.mark.parametrize("form", EVERY_FORMAT)
@pytest.mark.parametrize(
    "opened",
    [
        open_binary,
        open_text,
        open_pipe,
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: io.StringIO(path.read_text(encoding="utf-8")),
        lambda path: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(path.read_bytes()))),
    ],
    ids=["binary", "text", "pipe", "BytesIO", "StringIO", "gzip"],
)
def test_an_open_file_is_read_to_its_end_and_stays_open(tmp_path, form, opened):
    examples = TuningDataset.of([ONE, ("é", "\U0001f600 ü"), TWO])
    examples.write(tmp_path / "train", format=form)

    with opened(tmp_path / "train") as file:
        assert TuningDataset.read(file) == TuningDataset.of(tmp_path / "train") == examples
        assert not file.closed
        assert file.read() in {"", b""}


def test_a_stream_is_named_if_it_has_a_name(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("7")

    with path.open() as file, pytest.raises(DatasetError) as caught:
        TuningDataset.read(file)
    assert caught.value.source == str(path)
    with pytest.raises(DatasetError, match=r"^examples:1: "):
        TuningDataset.read(io.StringIO("7"))


def test_half_a_character_of_a_text_stream_is_an_error():
    with pytest.raises(DatasetError, match="is not UTF-8"):
        TuningDataset.read(io.StringIO('{"text_input": "\ud83d", "output": "2"}'))


def test_a_stream_that_breaks_is_an_error_of_the_file():
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(DatasetError, match="can't be read: Input/output error"):
        TuningDataset.read(Broken())


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_an_array_may_arrive_in_pieces_of_any_size(pieces, mark):
    rows = [ONE.as_dict(), {"text_input": "\U0001f600é", "output": '"\\'}, [" 1", "2"]]
    data = (mark + json.dumps(rows)).encode()

    examples = TuningDataset.read(Pieces(data, pieces))

    assert list(examples) == [ONE, TuningExample("\U0001f600é", '"\\'), TuningExample(" 1", "2")]


class Pieces(io.BytesIO):
    """A slow connection."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def read(self, size=-1):
        return super().read(min(size, self.size))


@pytest.mark.parametrize("before", range(60))
def test_an_array_may_be_cut_anywhere(before):
    item = '{"text_input": "\\ud83d\\ude00", "output": "a", "x": [true, -1.5e3]}'
    text = "[" + " " * (CHUNK - before) + item + "," + item + "]"

    assert read(text) == [TuningExample("\U0001f600", "a")] * 2


def test_an_array_of_more_than_one_chunk_is_read_in_pieces():
    rows = [{"text_input": f"{number} " + "x" * 40_000, "output": "y"} for number in range(20)]
    wrong = {"text_input": "x", "output": 7}
    text = json.dumps([*rows, wrong], indent=1)

    report = check(io.BytesIO(text.encode()))

    assert (report.examples, report.errors) == (20, 1)
    assert report.problems[0].item == 21
    assert report.problems[0].line == text[: text.index('"x"')].count("\n")


def test_an_array_with_an_item_without_end_is_not_read_to_its_end():
    text = b'[\n{"text_input": "' + b"x" * 30_000_000

    tracemalloc.start()
    try:
        with pytest.raises(
            DatasetError, match="starts an example of more than 4,000,000"
        ) as caught:
            TuningDataset.read(io.BytesIO(text))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.line == 2
    assert peak < 60_000_000


def test_after_an_over_long_line_the_next_ones_are_still_read(tmp_path):
    path = tmp_path / "train.jsonl"
    good = json.dumps(ONE.as_dict())
    path.write_text(f'{good}\n{{"text_input": "{"x" * 4_000_000}"}}\n{good}\n{{}}\n')

    report = check(path)

    assert [(problem.code, problem.line) for problem in report.problems if problem.severity == "error"] == [
        ("too-long", 2), ("field", 4), ("field", 4),
    ]  # fmt: skip
    assert report.examples == 2


class Endless(io.RawIOBase):
    """Never ends a line, and counts what was read of it."""

    def __init__(self):
        super().__init__()
        self.given = 0

    def readable(self):
        return True

    def read(self, size=-1):
        self.given += size
        return b"{" * size


def test_a_file_without_any_line_end_is_given_up():
    endless = Endless()

    with pytest.raises(DatasetError, match="longer than 4,000,000 bytes"):
        TuningDataset.read(endless)

    assert endless.given < 80_000_000


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_reading_takes_little_memory_beyond_the_rows_that_are_kept(tmp_path, form):
    path = tmp_path / "train"
    number = 5_000
    examples = (TuningExample(f"a question about {n}", f"label_{n % 77}") for n in range(number))
    TuningDataset(tuple(examples)).write(path, format=form)

    tracemalloc.start()
    try:
        dataset = TuningDataset.read(path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(dataset) == number
    # 60 MB for 200,000 rows would be 1.5 MB here.
    assert peak - kept < 700_000


@pytest.mark.parametrize("form", EVERY_FORMAT)
@settings(max_examples=40)
@given(examples=st.lists(plain | st.builds(TuningExample, nasty, nasty), min_size=1))
def test_every_format_gives_back_what_was_written(tmp_path_factory, form, examples):
    path = tmp_path_factory.mktemp("data") / "train"

    TuningDataset(tuple(examples)).write(path, format=form)

    assert list(TuningDataset.read(path)) == examples


@pytest.mark.parametrize("form", ["vertex", "messages"])
@settings(max_examples=40)
@given(examples=st.lists(talks, min_size=1))
def test_conversations_come_back_as_they_were_written(form, examples):
    text = "".join(TuningDataset(tuple(examples)).lines(form))

    assert list(TuningDataset.read(io.StringIO(text))) == examples


@given(talks)
def test_an_example_survives_every_way_to_show_it(example):
    assert TuningExample.parse(example.as_dict(), source="x", line=1) == example
    assert (
        TuningExample.parse(json.loads(json.dumps(example.as_dict())), source="x", line=1)
        == example
    )
    assert TuningExample.parse(example.as_messages(), source="x", line=1) == example


@pytest.mark.parametrize("form", EVERY_FORMAT)
@settings(max_examples=40)
@given(examples=st.lists(talks, min_size=1))
def test_a_format_holds_everything_or_says_what_it_would_lose(form, examples):
    dataset = TuningDataset(tuple(examples))

    lost = {(problem.item, problem.field) for problem in dataset.losses(form).problems}

    rest = TuningDataset.read(io.StringIO("".join(dataset.lines(form, lossy=True))))
    assert lost == {
        (number, field)
        for number, (before, after) in enumerate(zip(dataset, rest, strict=True), start=1)
        for field in ("text_input", "output", "history", "system_instruction")
        if getattr(before, field) != getattr(after, field)
    }
    if lost:
        with pytest.raises(LossyConversionError):
            dataset.rows(form)


def test_what_would_be_lost_is_named_by_line_and_field(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(f"{json.dumps(ONE.as_dict())}\n\n{json.dumps(TALK_OF_VERTEX)}\n")
    dataset = TuningDataset.read(path)

    with pytest.raises(LossyConversionError) as caught:
        dataset.write(tmp_path / "out.csv", format="csv")

    assert str(caught.value).splitlines() == [
        f"{path}:3: field 'history': would be lost: csv holds one question and one answer.",
        f"{path}:3: field 'system_instruction': would be lost: csv has no place for it.",
        "To leave that out, say lossy=True to `rows`, `lines` or `write`.",
    ]
    assert not (tmp_path / "out.csv").exists()
    dataset.write(tmp_path / "out.csv", format="csv", lossy=True)
    assert read((tmp_path / "out.csv").read_bytes()) == [
        ONE,
        TuningExample(TALK.text_input, TALK.output),
    ]


def test_a_cell_that_no_csv_reader_takes_would_be_lost():
    long = TuningDataset.of([("-" + "x" * csv.field_size_limit(), "y")])

    with pytest.raises(LossyConversionError, match="longer than the 131,072 characters"):
        long.lines("csv")
    assert long.losses("jsonl").ok


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
)
def test_a_formula_is_quoted_in_csv_and_comes_back(text):
    written = "".join(TuningDataset.of([(text, "x")]).lines("csv"))

    assert next(csv.DictReader(io.StringIO(written, newline="")))["text_input"] == f"'{text}"
    assert read(written) == [TuningExample(text, "x")]


@pytest.mark.parametrize("text", ["1-3", "'tis", "a=b", " -"])
def test_other_cells_are_left_alone(text):
    assert f'"{text}"' in "".join(TuningDataset.of([(text, "x")]).lines("csv"))


@pytest.mark.parametrize("form", ["jsonl", "json", "vertex", "messages"])
def test_no_character_ends_a_line_of_json_too_early(form):
    separators = "a\u2028b\u2029c\x85d"
    dataset = TuningDataset.of([(separators, "x")])

    written = "".join(dataset.lines(form))

    assert not re.search("[\u2028\u2029\x85]", written)
    assert read(written) == list(dataset)


def test_messages_are_written_as_langchain_reads_them():
    (row,) = TuningDataset.of([TALK]).rows("messages")

    read_back = convert_to_messages(row["messages"])
    assert [(message.type, message.content) for message in read_back] == [
        (message.type, message.content) for message in TALK.as_messages()
    ]


def test_vertex_rows_are_those_of_the_documentation():
    (row,) = rows([TALK], "vertex")

    one_part = [*TALK_OF_VERTEX["contents"][:2], turn("user", text="What's your name?")]
    assert row == {**TALK_OF_VERTEX, "contents": [*one_part, TALK_OF_VERTEX["contents"][-1]]}
    assert list(rows([ONE], "vertex")) == [
        {"contents": [turn("user", text="1"), turn("model", text="2")]}
    ]


@pytest.mark.parametrize("use", [TuningDataset.rows, TuningDataset.lines, TuningDataset.losses])
def test_a_format_that_is_none_is_refused(use):
    with pytest.raises(
        ParameterError, match="'jsonl', 'json', 'csv', 'vertex', 'messages', not 'xml'"
    ):
        use(TuningDataset.of([ONE]), "xml")


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("old")
    broken = TuningDataset((ONE, TuningExample("\ud83d", "half a character can't be written")))

    with pytest.raises(UnicodeEncodeError):
        broken.write(path)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    TuningDataset.of([ONE]).write(path)
    assert read(path.read_bytes()) == [ONE]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    path = tmp_path / "train.jsonl"
    path.touch()
    path.chmod(0o640)

    TuningDataset.of([ONE]).write(path)

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    path, link, pipe = tmp_path / "train.jsonl", tmp_path / "link", tmp_path / "pipe"
    path.touch()
    link.symlink_to(path)
    os.mkfifo(pipe)

    TuningDataset.of([ONE]).write(link)
    writer = threading.Thread(target=TuningDataset.of([TWO]).write, args=(pipe,))
    writer.start()
    from_pipe = list(TuningDataset.read(pipe))
    writer.join()

    assert link.is_symlink()
    assert list(TuningDataset.read(path)) == [ONE]
    assert from_pipe == [TWO]
    assert pipe.is_fifo()


def test_a_file_that_can_not_be_written_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        TuningDataset.of([ONE]).write(tmp_path / "missing" / "train.jsonl")


def test_a_repr_shows_what_an_example_has():
    assert repr(ONE) == "TuningExample(text_input='1', output='2')"
    assert repr(TuningExample("1", "2", (Turn("user", "0"),))) == (
        "TuningExample(text_input='1', output='2', history=(Turn(role='user', text='0'),))"
    )


def test_a_selected_conversation_comes_back_whole():
    selector = LexicalExampleSelector([TALK, ONE], k=1)

    (selected,) = selector.select_examples({"text_input": "your name?"})

    assert TuningExample.parse(selected, source="bm25", line=1) == TALK
