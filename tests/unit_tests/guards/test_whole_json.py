"""JSON of an answer is read only if all of it is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from langchain_tuned_gemini.guards import whole_tool_calls
from langchain_tuned_gemini.guards.valid_json import UnreadableError, read_json

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, min_size=1) | st.lists(values, min_size=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n{"a": 1}\n', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```JSON\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('It is:\n```json\n{"a": 1}\n```\nThat is all.', {"a": 1}),
        ('{"a": 1}\nThat is all.', {"a": 1}),
        ('{"a": "two\nlines\tand a tab"}', {"a": "two\nlines\tand a tab"}),
        ('{"a": "```sql\nSELECT 1\n```"}', {"a": "```sql\nSELECT 1\n```"}),
        ("[1, 2]", [1, 2]),
        ("12", 12),
        ("null", None),
    ],
)
def test_json_is_read_with_what_models_put_around_it(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("Two dogs.", "Expecting value"),
        ("12 dogs", "text follows"),
        ('It is: {"a": 1}', "Expecting value"),
        ('{"a": 1', "Expecting ','"),
        ('{"a": "SELECT', "Unterminated string"),
        ('```json\n{"a": [1, 2\n```', "Expecting ','"),
        ('{"a": 1,}', "Expecting property name|Illegal trailing comma"),
        (f"[{'9' * 5_000}]", "digits"),
        (DEEP, "nested too deep"),
        (DEEP[:300_000], "nested too deep"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_missing_is_not_made_up(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why) as raised:
        read_json(text)

    assert "SELECT" not in str(raised.value)


@given(objects, st.data())
def test_no_part_of_an_object_or_a_list_is_taken_for_all_of_it(value: Any, data: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    end = data.draw(st.integers(0, len(text) - 1))

    assert read_json(text) == value
    with pytest.raises(UnreadableError):
        read_json(text[:end])


def streamed(*arguments: str | None) -> AIMessage:
    """The sum of the chunks in which a tool call arrives."""
    chunks = [
        AIMessageChunk("", tool_call_chunks=[tool_call_chunk(name=name, args=args, index=0)])
        for name, args in zip(["look_up", *[None] * len(arguments)], arguments, strict=False)
    ]
    total: AIMessage = chunks[0] + chunks[1:]
    return total


CALL = {"name": "look_up", "args": {"what": "dogs"}, "id": "1"}
CUT = {"finish_reason": "MAX_TOKENS"}


@pytest.mark.parametrize(
    ("message", "is_whole"),
    [
        (AIMessage("", tool_calls=[CALL]), True),
        (AIMessage("", tool_calls=[CALL], response_metadata=CUT), False),
        (AIMessage("A text", response_metadata=CUT), True),
        (streamed('{"what": "dogs"}'), True),
        (streamed('{"what": ', '"do', 'gs"}'), True),
        (streamed('{"what": "two\nlines"}'), True),
        (streamed(None), True),
        (streamed(""), True),
        (streamed('{"what": "do'), False),
        (streamed('{"what": ', '"do'), False),
        (streamed("{"), False),
    ],
)
def test_a_tool_call_is_whole_if_all_of_its_arguments_came(
    message: AIMessage, is_whole: bool
) -> None:
    assert message.tool_calls or not is_whole or message.text  # LangChain made calls of them

    assert (whole_tool_calls(message) is None) is is_whole
