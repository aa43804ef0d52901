"""The files that people have: read as what they are, refused by what they are, and nothing lost."""

import gzip
import io
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_tuned_gemini.dataset import TuningDataset, TuningExample, check, merge
from langchain_tuned_gemini.dataset.readers.files import CHUNK
from langchain_tuned_gemini.errors import DatasetError, LossyConversionError

ONE, TWO = TuningExample("1", "2"), TuningExample("3", "4")
ROWS = [ONE.as_dict(), TWO.as_dict()]
PALM_CHAT = [{"author": "user", "content": "1"}, {"author": "bot", "content": "2"}]
SHAREGPT = [{"from": "human", "value": "1"}, {"from": "gpt", "value": "2"}]
NULLS = {"function_call": None, "inline_data": None, "thought": None}


def contents(*texts, **more):
    roles = ["user", "model"] * len(texts)
    return {
        "contents": [
            {"role": role, "parts": [{"text": text, **more}]}
            for role, text in zip(roles, texts, strict=False)
        ]
    }


def read(data, **options):
    data = data.encode() if isinstance(data, str) else data
    return list(TuningDataset.read(io.BytesIO(data), **options))


FILES = {
    "rows on several lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "rows on several lines, blank ones between": "\n\n".join(json.dumps(row, indent=2) for row in ROWS),
    "rows on several lines, commas between": ",\n".join(json.dumps(row, indent=2) for row in ROWS),
    "one object": json.dumps({"training_examples": ROWS}),
    "one object on several lines": json.dumps({"training_examples": ROWS}, indent=1),
    "the API's own body": json.dumps({"examples": {"examples": ROWS}}, indent=1),
    "the API's own body, camelCase": json.dumps({"tuningTask": {"trainingData": {"examples": {"examples": ROWS}}}}),
    "one object, more after it": json.dumps({"examples": ROWS, "count": 2, "by": {"me": []}}, indent=1),
    "a CSV file of Excel's": "sep=;\r\ntext_input;output\r\n1;2\r\n3;4\r\n;\r\n; \r\n",
    "a CSV file of an old Mac": "text_input,output\r1,2\r3,4\r",
    "JSONL of an old Mac": "".join(json.dumps(row) + "\r" for row in ROWS),
    "empty rows in between": "text_input,output,note\n1,2,\n,,\n3,4,\n",
}  # fmt: skip


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_rows_of_a_file_are_found_in_whichever_way_it_holds_them(text):
    assert read(text) == [ONE, TWO]


FIRST_KEYS = {
    "a list of objects": {"items": [{"sku": "A7"}]},
    "a list of lists": {"data": [[1, 2]]},
    "a list in objects": {"examples": {"rows": [{}]}},
    "more than a buffer holds": {"items": [{"sku": "A7" * io.DEFAULT_BUFFER_SIZE}]},
}


@pytest.mark.parametrize(
    ("between", "indent"), [("\n", None), ("\n\n", None), ("\n", 1), (",\n", 1)]
)
@pytest.mark.parametrize("first", FIRST_KEYS.values(), ids=FIRST_KEYS)
def test_a_row_whose_first_field_is_a_list_is_not_taken_for_the_whole_file(first, between, indent):
    rows = [{**first, **row} for row in ROWS]

    dataset = TuningDataset.read(
        io.StringIO(between.join(json.dumps(row, indent=indent) for row in rows))
    )

    assert list(dataset) == [ONE, TWO]
    assert dataset.left_out == dict.fromkeys(first, 2)


def test_a_large_object_is_read_row_by_row():
    rows = [{"text_input": f"{n} {'x' * 1000}", "output": "y"} for n in range(6_000)]

    assert len(read(json.dumps({"examples": {"examples": rows}}))) == 6_000


def test_a_line_that_is_cut_off_does_not_hide_those_after_it():
    good = json.dumps(ONE.as_dict())

    report = check(io.StringIO(f'{{"text_input": "1",\n{good}\n{good[:-1]}\n{good}\n'))

    assert [problem.line for problem in report.problems if problem.code == "syntax"] == [1, 3]
    assert report.examples == 2


SHAPES = {
    "the REST API's spelling": {"textInput": "1", "output": "2"},
    "PaLM's names": {"input_text": "1", "output_text": "2"},
    "PaLM's chat": {"messages": PALM_CHAT},
    "ShareGPT": {"conversations": SHAREGPT},
    "an SDK's dump": {"text_input": "1", "output": "2", "history": None, "system_instruction": None},
    "an SDK's dump of contents": {**contents("1", "2", **NULLS), "system_instruction": None},
    "both spellings, equal": {**contents("1", "2"), "systemInstruction": None, "system_instruction": None},
    "OpenAI's Responses API": {"messages": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "1"}]}, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "2", "annotations": []}]}]},
    "Amazon's Bedrock": {"messages": [{"role": "user", "content": [{"text": "1"}]}, {"role": "assistant", "content": [{"text": "2"}]}]},
    "a call's history that calls nothing": {"messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2", "tool_calls": [], "function_call": None, "refusal": None}]},
}  # fmt: skip


@pytest.mark.parametrize("row", SHAPES.values(), ids=SHAPES)
def test_a_row_is_read_in_the_spelling_of_whoever_wrote_it(row):
    assert list(TuningDataset.of([row])) == [ONE]
    assert check([row]).problems == ()


def test_what_the_model_is_told_beside_the_messages_is_read():
    told = TuningExample("1", "2", system_instruction="Be brief.")

    assert list(TuningDataset.of([{"messages": PALM_CHAT, "context": "Be brief."}])) == [told]
    assert list(TuningDataset.of([{"conversations": SHAREGPT, "system": "Be brief."}])) == [told]
    assert list(TuningDataset.of([{"messages": PALM_CHAT, "system": "Be brief."}])) == [told]
    assert TuningDataset.of([{"messages": PALM_CHAT, "context": "a", "system": "b"}]).left_out == {
        "system": 1
    }


PREFERRED = {
    "contents": [{"role": "user", "parts": [{"text": "q"}]}],
    "completions": [{"score": 1}],
}
OTHERS = {
    "Vertex AI's preference set": (PREFERRED, "preference set"),
    "OpenAI's preference set": ({"input": {}, "preferred_output": [], "non_preferred_output": []}, "preference set"),
    "a preference set of others": ({"prompt": "q", "chosen": "a", "rejected": "b"}, "preference set"),
    "PaLM's preference set": ({"input_text": "q", "candidate_0": "a", "candidate_1": "b", "choice": 1}, "preference set"),
    "TRL's preference set": ({"prompt": "q", "completion": "a", "label": False}, "preference set"),
    "Alpaca": ({"instruction": "Translate.", "input": "q", "output": "a"}, 'To read them apart: columns={"text_input": "input"'),
    "other names, one as in messages": ({"type": "faq", "content": "q", "answer": "a"}, 'columns={"text_input": ..., "output": ...}'),
    "calls and what they gave": ({"inputs": {"x": "q"}, "outputs": {"y": "a"}}, "'inputs', 'outputs' instead, none of them text"),
    "single messages": ({"role": "user", "content": "q"}, "nothing says where a conversation ends"),
    "single contents": ({"role": "user", "parts": [{"text": "q"}]}, "nothing says where a conversation ends"),
    "single messages of ShareGPT": ({"from": "human", "value": "q"}, "nothing says where"),
    "other names": ({"question": "q", "answer": "a"}, 'columns={"text_input": ..., "output": ...}'),
    "a list somewhere": ({"name": "x", "rows_of_mine": [ONE.as_dict()]}, "a list under 'rows_of_mine'"),
    "turns without sides": ({"contents": [{"parts": [{"text": "q"}]}]}, '"role": "user" or "role": "model"'),
}  # fmt: skip


@pytest.mark.parametrize(("row", "said"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_tuning_set_is_named_once_with_what_to_do(row, said):
    report = check([row] * 50)

    (problem,) = report.problems
    assert said in str(report)
    assert problem.message.endswith(" 50 rows have it.")
    assert (problem.line, report.errors, report.examples) == (1, 1, 0)


SIDES = [("human", "Hello"), ("ai", "Hi"), ("human", "Bye"), ("ai", "Bye")]


@pytest.mark.parametrize("name", [str, str.upper])
def test_a_conversation_of_pairs_is_not_taken_for_questions_and_answers(name):
    with pytest.raises(DatasetError, match="is a conversation: a side and what it says"):
        TuningDataset.of([(name(side), text) for side, text in SIDES])

    assert len(TuningDataset.of([*SIDES, ("cat", "chat")])) == 5  # a dictionary, say


def test_columns_are_heard_for_rows_in_memory_and_what_they_replace_is_told():
    rows = [{"question": "1", "answer": "2", "output": "x"}]

    dataset = TuningDataset.of(rows, columns={"text_input": "question", "output": "answer"})

    assert (list(dataset), dataset.left_out) == ([ONE], {"output": 1})


def test_columns_of_a_csv_file_are_told_where_they_hold_something():
    rows = "text_input;output;;note;note;\n1;2;;;x;\n3;4;;;;\n"

    dataset = TuningDataset.read(io.StringIO(rows))

    assert (list(dataset), dataset.left_out) == ([ONE, TWO], {"note": 1})


def test_a_column_that_is_read_stands_there_once():
    rows = "text_input,output,system_instruction,system_instruction\n1,2,a,b\n"

    with pytest.raises(DatasetError, match="'system_instruction': stands there twice"):
        TuningDataset.read(io.StringIO(rows))


def test_a_line_feed_that_comes_after_what_is_looked_at_makes_no_line_twice():
    header = "text_input,output," + "x" * (CHUNK - 19)

    assert read(f'{header}\r\n"1\r\n1",2,\r\n') == [TuningExample("1\r\n1", "2")]


class Pieces(io.BytesIO):
    """A pipe that hands out a few bytes at a time."""

    def read(self, size=-1):
        return super().read(min(size, 5))


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_rows_are_found_whatever_pieces_a_file_comes_in(text):
    assert list(TuningDataset.read(Pieces(text.encode()))) == [ONE, TWO]


def test_a_field_that_is_an_array_is_told():
    row = {**ONE.as_dict(), "vector": np.array([1.0, 2.0])}

    assert TuningDataset.of([row]).left_out == {"vector": 1}


ARCHIVES = {
    "gzip": (gzip.compress(b"text_input,output\n1,2\n"), "gunzip"),
    "xlsx": (b"PK\x03\x04\x14\x00", "save the sheet as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1", "Save the sheet as CSV"),
    "parquet": (b"PAR1\x15\x04", "read_parquet"),
    "bzip2": (b"BZh91AY", "bunzip2"),
}


@pytest.mark.parametrize(("data", "said"), ARCHIVES.values(), ids=ARCHIVES)
def test_a_file_that_holds_no_text_is_named_as_what_it_is(data, said):
    with pytest.raises(DatasetError, match=said) as caught:
        read(data)

    assert caught.value.problems[0].code == "shape"


@pytest.mark.parametrize(
    ("address", "said"),
    [("gs://acme/train.jsonl", "gcloud storage cp gs://acme/train.jsonl"),
     ("https://example.com/train.jsonl", "Download it first")],
)  # fmt: skip
def test_an_address_is_not_a_path(address, said):
    with pytest.raises(DatasetError, match=said):
        TuningDataset.of(address)


def asked_and(answer):
    return {"messages": [{"role": "user", "content": "Is A7 in stock?"}, answer]}


CALL = {"name": "stock", "arguments": "{}"}
MORE_THAN_TEXT = {
    "OpenAI's function_call": asked_and({"role": "assistant", "content": "One moment.", "function_call": CALL}),
    "OpenAI's tool_calls": asked_and({"role": "assistant", "content": None, "tool_calls": [{"function": CALL}]}),
    "a call and no content": asked_and({"role": "assistant", "tool_calls": [{"function": CALL}]}),
    "a refusal": asked_and({"role": "assistant", "content": None, "refusal": "No."}),
    "LangChain's invalid calls": asked_and(AIMessage("One moment.", invalid_tool_calls=[{"name": "stock", "args": "{", "id": "1", "error": "x"}])),
    "LangChain's additional_kwargs": asked_and(AIMessage("One moment.", additional_kwargs={"function_call": CALL})),
    "a tool's message": asked_and({"role": "tool", "content": "12", "tool_call_id": "1"}),
    "ShareGPT's call": {"conversations": [*SHAREGPT, {"from": "function_call", "value": "{}"}]},
    "Vertex AI's call": {"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}]},
    "a function's turn": {"contents": [{"role": "function", "parts": [{"functionResponse": {}}]}]},
    "an image": {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://a/b"}}, {"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]},
    "a picture in a message": asked_and(HumanMessage([{"type": "image_url", "image_url": "u"}])),
}  # fmt: skip


@pytest.mark.parametrize("row", MORE_THAN_TEXT.values(), ids=MORE_THAN_TEXT)
def test_more_than_text_is_refused_and_no_filler_is_taught(row):
    with pytest.raises(DatasetError) as caught:
        TuningDataset.of([row])

    assert {problem.code for problem in caught.value.problems} == {"not-text"}


@pytest.mark.parametrize("row", MORE_THAN_TEXT.values(), ids=MORE_THAN_TEXT)
def test_more_than_text_is_left_out_where_text_will_do(row, caplog):
    kept = TuningDataset.of([row, ONE, row], text_only=True)

    assert list(kept) == [ONE]
    (told,) = caplog.messages
    assert told == (
        "examples:1: is left out: it holds a function call, an image or the like, and an example "
        "holds text only. 2 rows have it."
    )


def test_what_is_wrong_is_not_left_out_where_text_will_do():
    with pytest.raises(DatasetError, match="is empty"):
        TuningDataset.of([{"text_input": "", "output": "x"}, ONE], text_only=True)
    with pytest.raises(DatasetError, match="has no example that holds text only"):
        TuningDataset.of([MORE_THAN_TEXT["an image"]], text_only=True)


def weighed(*weights):
    messages = []
    for number, weight in enumerate(weights):
        answer = {"role": "assistant", "content": f"a{number}", "weight": weight}
        messages += [{"role": "user", "content": f"q{number}"}, answer]
    return {"messages": messages}


def test_an_answer_that_is_not_to_be_learned_is_not_the_one_that_is_taught():
    with pytest.raises(DatasetError, match="this answer is not to be learned") as caught:
        TuningDataset.of([weighed(0)])
    assert caught.value.field == "messages[1].weight"

    assert check([weighed(1)]).problems == check([weighed(None)]).problems == ()
    (problem,) = check([weighed(0, 1)]).problems
    assert (problem.code, problem.field) == ("not-kept", "messages.weight")
    assert "Gemini may learn every answer" in problem.message


@pytest.mark.parametrize("said", [{"train": False}, {"loss": False}, {"weight": 0}])
def test_whoever_says_that_an_answer_is_not_to_be_learned_is_heard(said):
    question = {"role": "user", "content": "1"}
    openai = {"role": "assistant", "content": "2", **said}
    langchain = {"type": "ai", "data": {"content": "2"}, **said}

    for answer in (openai, langchain):
        with pytest.raises(DatasetError, match="this answer is not to be learned"):
            TuningDataset.of([{"messages": [question, answer]}])


@pytest.mark.parametrize("weight", ["0", [], {}])
def test_a_weight_that_is_no_number_is_told_or_nothing(weight):
    assert len(TuningDataset.of([weighed(weight)])) == 1


def test_two_system_instructions_that_differ_are_refused():
    row = {
        **contents("1", "2"),
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "system_instruction": {"parts": [{"text": "Be polite."}]},
    }

    with pytest.raises(DatasetError, match="says something else than 'systemInstruction'"):
        TuningDataset.of([row])


TOOLS = {**contents("1", "2"), "tools": [{"functionDeclarations": []}], "generationConfig": {"temperature": 0}}  # fmt: skip


def test_what_a_row_loses_is_told_when_it_is_read(caplog):
    dataset = TuningDataset.of([TOOLS, {**TWO.as_dict(), "id": 7}, TOOLS])

    assert dataset.left_out == {"tools": 2, "generationConfig": 2, "id": 1}
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert "field 'tools': is not kept" in caplog.text


def test_a_part_of_a_set_has_left_out_what_its_own_rows_lost():
    dataset = TuningDataset.of([TOOLS, {**TWO.as_dict(), "id": 7}, TOOLS])
    of_tools = {"tools": 2, "generationConfig": 2}

    assert [part.left_out for part in dataset.split(0.5)] == [of_tools, {"id": 1}]
    assert [dataset[:1].left_out, dataset[1:2].left_out] == [dict.fromkeys(of_tools, 1), {"id": 1}]
    assert merge([ONE, TWO], dataset[1:]).dataset.left_out == {}
    assert merge([TWO], dataset).dataset.left_out == dict.fromkeys(of_tools, 1)


def test_what_stands_beside_the_rows_belongs_to_each_part_of_them():
    text = json.dumps({"examples": [ONE.as_dict(), TWO.as_dict()], "tools": [{}]})

    for part in TuningDataset.read(io.StringIO(text)).split(0.5):
        assert part.left_out == {"tools": 1}
        assert not part.losses("vertex").ok


LOSING = {
    "rows": [TOOLS, {**TWO.as_dict(), "id": 7}, TOOLS],
    "an answer that is not learned": [weighed(0, 1)],
    "a CSV file": "text_input,output,note\n1,2,\n3,4,x\n",
    "an object around the rows": json.dumps({"examples": [ONE.as_dict()], "by": "me"}),
}


@pytest.mark.parametrize("given", LOSING.values(), ids=LOSING)
def test_a_check_tells_again_what_reading_left_out(given):
    def source():
        return io.StringIO(given) if isinstance(given, str) else given

    dataset = TuningDataset.of(source())

    assert check(dataset) == dataset.check() == check(source())
    assert "not-kept" in {problem.code for problem in check(dataset).problems}


def test_a_check_tells_again_which_rows_were_left_out():
    dataset = TuningDataset.of([MORE_THAN_TEXT["an image"], ONE], text_only=True)

    assert [problem.code for problem in check(dataset).problems] == ["not-text"]
    assert check(dataset[:1]).problems == ()


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "vertex", "messages"])
def test_tools_that_were_offered_are_written_down_or_nothing_is(form, tmp_path):
    dataset = TuningDataset.of([TOOLS, TOOLS])

    with pytest.raises(
        LossyConversionError, match=r"'tools': would be lost \(rows that have it: 2"
    ):
        dataset.write(tmp_path / "train", format=form)
    assert not Path(tmp_path / "train").exists()
    dataset.write(tmp_path / "train", format=form, lossy=True)
    assert TuningDataset.read(tmp_path / "train")[0] == ONE


@pytest.mark.parametrize("cell", ["'-ing", "'@ana", "'+1", "'=x", "''=", "'tis"])
def test_an_apostrophe_that_somebody_else_wrote_stays(cell):
    assert read(f'text_input,output\n"{cell}",x\n') == [TuningExample(cell, "x")]
    both = TuningDataset.of([(cell, "=1"), ("=1", cell)])
    assert read("".join(both.lines("csv"))) == list(both)
