"""Instances of schemas: they fit, and say what the text says."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.emulator.model.instances import fits, instance

texts = st.text(max_size=40) | st.sampled_from(["Add 3 and -4.5 in 'New York', Ada Lovelace."])
bounds = st.integers(-9, 9)


def _numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda low, more, keys: {"type": kind, keys[0]: low, keys[1]: low + more},
        bounds,
        st.integers(3, 9),
        st.sampled_from([("minimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")]),
    )


leaves = st.one_of(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["null", "integer"]},
            {"const": {"a": [1]}},
            {"enum": ["x", 7, None]},
            {"type": "string", "minLength": 3, "maxLength": 5},
        ]
    ),
    _numbers("integer"),
    _numbers("number"),
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    return st.one_of(
        st.builds(
            lambda p: {"type": "object", "properties": p, "required": sorted(p)[:2]}, properties
        ),
        st.builds(
            lambda i, n: {"type": "array", "items": i, "minItems": n}, inner, st.integers(0, 2)
        ),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda i: {"$defs": {"it": i}, "anyOf": [i, {"type": "null"}]}, inner),
    )


@given(st.recursive(leaves, _nested, max_leaves=6), texts)
def test_an_instance_fits_its_schema(schema: dict[str, Any], text: str) -> None:
    made = instance(schema, text)

    jsonschema.validate(made, schema)
    assert fits(schema, made)


@pytest.mark.parametrize(
    ("schema", "text", "made"),
    [
        ({"type": "STRING"}, "say it", "say it"),
        ({"type": "STRING"}, 'call it "a cat"', "a cat"),
        ({"type": "STRING"}, "“你好” 集团", "你好"),
        ({"type": "STRING"}, "What's it? It's Ada Lovelace's cat", "Ada Lovelace's"),
        ({"type": "STRING"}, "I am in San Francisco, CA. Are you?", "San Francisco, CA"),
        ({"type": "STRING"}, "To Oslo; and Rome", "Oslo"),
        ({"type": "INTEGER"}, "7.9 of them", 7),
        ({"type": "NUMBER"}, "minus -7.5", -7.5),
        ({"type": "NUMBER"}, "none", 0),
        ({"type": "STRING", "format": "date"}, "today", "2024-01-31"),
        ({"type": "STRING", "enum": ["to", "tomorrow"]}, "call TOMORROW", "tomorrow"),
        ({"anyOf": [{"type": "NULL"}, {"type": "INTEGER"}]}, "3", 3),
        ({"type": "ARRAY", "prefixItems": [{"type": "NUMBER"}, {"type": "NUMBER"}]}, "1 2", [1, 2]),
        ({"properties": {"a": {"type": "NUMBER"}}}, "1", {"a": 1}),
        ({"type": "OBJECT"}, "1", {}),
        ({"type": 6, "properties": {"a": {"type": 3}}}, "1", {"a": 1}),
    ],
)
def test_values_are_what_the_text_has_for_them(
    schema: dict[str, Any], text: str, made: object
) -> None:
    assert instance(schema, text) == made


def test_a_schema_that_needs_itself_for_ever_comes_to_an_end() -> None:
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}},
    }

    assert list(instance(schema, "x")) == ["next"]


def test_a_reference_to_nothing_is_like_a_text() -> None:
    assert instance({"$ref": "#/$defs/Nothing"}, "x") == "x"
