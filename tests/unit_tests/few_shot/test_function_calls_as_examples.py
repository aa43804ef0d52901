"""Examples that call functions: read from rows, and shown as turns or not at all."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
)
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_tuned_gemini import (
    FewShotPrompt,
    LexicalExampleSelector,
    SemanticExampleSelector,
    TuningDataset,
    TuningExample,
)
from langchain_tuned_gemini.errors import DatasetError, LossyConversionError, ParameterError
from langchain_tuned_gemini.few_shot.selectors import FixedExampleSelector

CALL = {"name": "stock", "args": {"sku": "Ä7"}}
OPENAI = {"name": "stock", "arguments": '{"sku": "Ä7"}'}
RETURNED = {"name": "stock", "response": {"count": 3}}
RESPONSE = '{"count": 3}'
CALLS = [
    HumanMessage("Is Ä7 in stock?"),
    AIMessage("", tool_calls=[{**CALL, "id": "x"}]),
    ToolMessage(RESPONSE, tool_call_id="x"),
    AIMessage("There are 3."),
]
TEXT = TuningExample("Hello", "Hi.")


def contents(*turns: Any, **more: Any) -> dict[str, Any]:
    """A row of Vertex AI's: a text, or the parts of a turn; the user and the model alternate."""
    parts = [[{"text": turn}] if isinstance(turn, str) else turn for turn in turns]
    roles = ("user", "model")
    return {
        "contents": [{"role": roles[n % 2], "parts": said} for n, said in enumerate(parts)],
        **more,
    }


def messages(*more: dict[str, Any]) -> dict[str, Any]:
    question = {"role": "user", "content": "Is Ä7 in stock?"}
    return {"messages": [question, *more, {"role": "assistant", "content": "There are 3."}]}


def called(said: dict[str, Any], returned: dict[str, Any]) -> dict[str, Any]:
    return messages({"role": "assistant", **said}, {"content": RESPONSE, **returned})


def read(*rows: object) -> TuningDataset:
    return TuningDataset.of(rows, text_only=True, function_calls=True)


def shown(messages: list[BaseMessage]) -> list[tuple[Any, ...]]:
    """What is said, called and returned, without the ids that hold calls and returns together."""
    return [
        (
            message.type,
            message.content,
            [(call["name"], call["args"]) for call in getattr(message, "tool_calls", ())],
        )
        for message in messages
    ]


ASKED = "Is Ä7 in stock?"
VERTEX = contents(ASKED, [{"functionCall": CALL}], [{"functionResponse": RETURNED}], "There are 3.")
NULLS = {"text": None, "inline_data": None, "thought_signature": "c2ln"}
TOOL_CALL = {"tool_calls": [{"id": "c", "type": "function", "function": OPENAI}]}
AS_TURNS = {
    "Vertex AI's": VERTEX,
    "Vertex AI's with a turn of the function": {
        "contents": [
            {**turn, "role": "function"} if n == 2 else turn
            for n, turn in enumerate(VERTEX["contents"])
        ]
    },
    "Vertex AI's as an SDK dumps it": contents(
        ASKED,
        [{"function_call": {**CALL, "id": None}, **NULLS}],
        [{"function_response": {**RETURNED, "id": None, "parts": None}, "text": None}],
        "There are 3.",
    ),
    "OpenAI's tool_calls": called(
        {"content": None, **TOOL_CALL}, {"role": "tool", "tool_call_id": "c"}
    ),
    "OpenAI's function_call": called(
        {"content": None, "function_call": OPENAI}, {"role": "function", "name": "stock"}
    ),
    "LangChain's messages": CALLS,
    "LangChain's as dictionaries": {"messages": [message_to_dict(said) for said in CALLS]},
    "LangChain's as dumped": {"messages": [dumpd(said) for said in CALLS]},
    "LangChain's as once from OpenAI": {
        "messages": [
            CALLS[0],
            AIMessage("", additional_kwargs={"function_call": OPENAI}),
            *CALLS[2:],
        ]
    },
    "an example itself": read(VERTEX)[0],
    "an example as plain data": json.loads(json.dumps(read(VERTEX)[0].as_dict())),
}


@pytest.mark.parametrize("row", AS_TURNS.values(), ids=AS_TURNS)
def test_a_row_that_calls_functions_is_an_example_with_its_turns_as_they_are(row: object) -> None:
    (example,) = read(row)

    assert shown(list(example.messages)) == shown(CALLS)
    assert [m.tool_call_id for m in example.messages if isinstance(m, ToolMessage)] == ["1"]
    assert (example.text_input, example.functions) == (ASKED, {"stock"})
    assert example.output == 'stock({"sku": "Ä7"})\n{"count": 3}\nThere are 3.'
    assert example == read(VERTEX)[0]


def test_the_turns_before_the_last_question_and_the_system_instruction_are_kept() -> None:
    vertex = contents("Hello", "Hi.", ASKED, [{"functionCall": CALL}])
    system = {"systemInstruction": {"parts": [{"text": "Be "}, {"text": "brief."}]}}
    said = [SystemMessage("Be brief."), HumanMessage("Hello"), AIMessage("Hi."), *CALLS[:2]]

    for row in ({**vertex, **system}, said):
        (example,) = read(row)
        assert example.system_instruction == "Be brief."
        assert [turn.text for turn in example.history] == ["Hello", "Hi."]
        assert (example.text_input, example.output) == (ASKED, 'stock({"sku": "Ä7"})')
        assert shown(example.as_messages())[:5] == shown(said)


def test_calls_at_once_get_what_each_returned_and_an_open_one_that_it_was_right() -> None:
    other = {"name": "price", "args": {}}
    price = {"name": "price", "response": {"output": "7"}}
    parts = [[{"text": "Wait."}, {"functionCall": CALL}, {"functionCall": other}]]
    crossed = [{"functionResponse": price}, {"functionResponse": RETURNED}]

    (whole,) = read(contents(ASKED, *parts, crossed, "3 for 7."))
    (cut,) = read(contents(ASKED, *parts))

    names = {call["id"]: call["name"] for call in whole.messages[1].tool_calls}  # type: ignore[attr-defined]
    returned = {names[m.tool_call_id]: m.content for m in whole.messages[2:4]}  # type: ignore[attr-defined]
    assert returned == {"price": '{"output": "7"}', "stock": RESPONSE}
    assert [said.content for said in cut.messages[2:]] == [
        "You have correctly called this tool."
    ] * 2


PICTURE = {"fileData": {"fileUri": "gs://a/b"}}
NOT_AS_TURNS = {
    "a picture": contents([{"text": "What is it?"}, PICTURE], [{"functionCall": CALL}]),
    "a picture returned": contents(
        ASKED, [{"functionCall": CALL}], [{"functionResponse": {**RETURNED, "parts": [PICTURE]}}], "3"
    ),
    "nothing returned": contents(ASKED, [{"functionCall": CALL}], "And?", "3"),
    "half returned": contents(
        ASKED, [{"functionCall": CALL}] * 2, [{"functionResponse": RETURNED}], "3"
    ),
    "returned by another function": contents(
        ASKED, [{"functionCall": CALL}], [{"functionResponse": {"name": "x", "response": {}}}], "3"
    ),
    "returned without a call": contents(ASKED, "3", [{"functionResponse": RETURNED}], "3"),
    "a call of the user": contents([{"functionCall": CALL}], "3"),
    "a call before any question": {"contents": VERTEX["contents"][1:]},
    "what is returned beside a text": contents(
        ASKED, [{"functionCall": CALL}], [{"functionResponse": RETURNED}, {"text": "x"}], "3"
    ),
    "a call of nothing": contents(ASKED, [{"functionCall": {"args": {}}}]),
    "code": contents(ASKED, [{"executableCode": {"code": "1"}}], "x", "3"),
    "arguments that are no JSON": called(
        {"tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}, {"role": "tool"}
    ),
    "arguments that are a list": called(
        {"tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}, {"role": "tool"}
    ),
    "calls of no known form": called({"tool_calls": ["f"]}, {"role": "tool"}),
    "returned to another call": called(TOOL_CALL, {"role": "tool", "tool_call_id": "d"}),
    "a refusal": called({"refusal": "No.", **TOOL_CALL}, {"role": "tool"}),
    "half a character": called(
        {"content": "\ud83d", **TOOL_CALL}, {"role": "tool", "tool_call_id": "c"}
    ),
    "ShareGPT's call": {
        "conversations": [
            {"from": "human", "value": ASKED},
            {"from": "function_call", "value": "{}"},
            {"from": "gpt", "value": "3"},
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("row", NOT_AS_TURNS.values(), ids=NOT_AS_TURNS)
def test_what_no_model_takes_as_turns_is_left_out_with_a_count(
    row: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(read(row, TEXT, row)) == [TEXT]

    assert "is left out: it holds a function call" in caplog.text
    assert "2 rows have it." in caplog.text


ANYTHING = st.recursive(
    st.sampled_from([None, 1, "", "f", "x", "{", "{}", CALL, OPENAI, RETURNED]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "function", "args", "id", "text"]), inner)
    ),
    max_leaves=4,
)
FIELDS = ["content", "tool_calls", "function_call", "additional_kwargs", "name", "tool_call_id"]
PARTS = ["text", "functionCall", "function_call", "functionResponse", "thought"]


@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), max_size=2),
    st.lists(st.dictionaries(st.sampled_from(PARTS), ANYTHING), max_size=2),
)
def test_whatever_a_row_holds_it_is_an_example_or_told(
    said: list[dict[str, Any]], parts: list[dict[str, Any]]
) -> None:
    rows = [
        messages(*({"role": role, **one} for role, one in zip(("ai", "tool"), said, strict=False))),
        contents(ASKED, parts),
        contents(ASKED, [{"functionCall": CALL}], parts, "3"),
    ]
    for row in rows:
        with contextlib.suppress(DatasetError):
            read(TEXT, row)


@pytest.mark.parametrize("row", AS_TURNS.values(), ids=AS_TURNS)
def test_where_text_is_wanted_a_row_that_calls_functions_is_refused_or_left_out(
    row: object,
) -> None:
    with pytest.raises(DatasetError) as caught:
        TuningDataset.of([row, TEXT])
    assert {problem.code for problem in caught.value.problems} == {"not-text"}

    for source in ([row, TEXT], read(row, TEXT)):
        assert list(TuningDataset.of(source, text_only=True)) == [TEXT]


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "vertex", "messages"])
def test_no_file_holds_an_example_that_calls_functions(form: Any) -> None:
    dataset = read(VERTEX, TEXT)

    with pytest.raises(LossyConversionError, match="it calls functions"):
        dataset.rows(form)
    assert list(dataset.rows(form, lossy=True)) == list(TuningDataset.of([TEXT]).rows(form))


def test_ids_of_calls_are_like_no_others_in_a_prompt() -> None:
    prompt = FewShotPrompt([VERTEX, CALLS, VERTEX], k=3, instruction=None)

    sent = prompt.invoke(CALLS[:3])

    made = [call["id"] for said in sent if isinstance(said, AIMessage) for call in said.tool_calls]
    returned = [said.tool_call_id for said in sent if isinstance(said, ToolMessage)]
    assert made == returned
    assert len({*made}) == 4
    assert shown(sent) == shown([*CALLS * 3, *CALLS[:3]])


def selectors(rows: list[object]) -> list[Any]:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    return [
        LexicalExampleSelector(rows, k=2),
        SemanticExampleSelector(rows, store, k=2),
        FixedExampleSelector(rows, k=2),
    ]


@pytest.mark.parametrize("number", range(3))
async def test_each_selector_finds_calls_by_what_the_user_says_and_texts_without_them(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    selector = selectors([VERTEX, CALLS, TEXT, ("Bye", "Bye.")])[number]
    texts = [{"text_input": "Bye", "output": "Bye."}, TEXT.as_dict()]
    query = {"text_input": ASKED}

    assert selector.choose(ASKED).examples[0].functions == {"stock"}
    for found in (selector.select_examples(query), await selector.aselect_examples(query)):
        assert sorted(found, key=str) == sorted(texts, key=str)
    assert caplog.text.count("2 examples call functions. They are left out") == 1

    selector.add_example({"text_input": "More", "output": "x"})
    selector.add_example(VERTEX)
    assert len(selector.dataset) == 6
    assert len(selector.texts.dataset) == 3
    assert selectors([VERTEX])[number].select_examples(query) == []


def test_a_block_of_text_shows_no_calls_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    for rows in ([VERTEX, TEXT], read(VERTEX, TEXT), LexicalExampleSelector([VERTEX, TEXT])):
        caplog.clear()
        prompt = FewShotPrompt(rows, form="block", instruction=None)
        assert prompt.invoke(ASKED)[0].content == "Input: Hello\nOutput: Hi."
        assert "left out" in caplog.text

    with pytest.raises(ParameterError, match="which a block of text can't show"):
        FewShotPrompt(LexicalExampleSelector([VERTEX]), form="block")
    with pytest.raises(DatasetError, match="has no example that holds text only"):
        FewShotPrompt([VERTEX], form="block")


@pytest.mark.parametrize(
    ("functions", "number", "dropped"),
    [(None, 2, 0), ({"stock", "x"}, 2, 0), ({"x"}, 1, 1), (set(), 1, 0)],
)
def test_a_model_is_shown_no_calls_that_it_can_not_make(
    functions: set[str] | None, number: int, dropped: int
) -> None:
    prompt = FewShotPrompt([VERTEX, TEXT])

    selection = prompt.select([HumanMessage(ASKED)], functions=functions)

    assert (len(selection.examples), selection.dropped) == (number, dropped)
    assert prompt.rows(selection) == ([1, 2] if number == 2 else [2])
