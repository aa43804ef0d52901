"""What a server says can't reach the terminal as anything but text."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.cli.sanitizer import REPLACEMENT, clean, clean_json, clean_line

ANYTHING = st.text(st.characters(codec=None, categories=None))
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_harmless(character: str) -> bool:
    """Whether a terminal shows it, and shows it where it stands."""
    return (
        unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        and unicodedata.bidirectional(character) not in BIDI
        and character not in "\u200e\u200f\u061c\u200b\ufeff"
    )


@given(ANYTHING)
def test_nothing_is_left_that_a_terminal_acts_on(text: str) -> None:
    assert all(is_harmless(c) for c in clean(text) if c not in "\n\t")
    assert all(is_harmless(c) for c in clean_line(text))


@given(ANYTHING)
def test_what_is_clean_can_be_encoded_and_stays(text: str) -> None:
    clean(text).encode()

    assert clean(clean(text)) == clean(text)
    assert clean_line(clean_line(text)) == clean_line(text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_is_left_alone(text: str) -> None:
    assert clean(text) == clean_line(text) == text


@given(ANYTHING, ANYTHING)
def test_the_pieces_of_a_stream_may_be_cleaned_one_by_one(one: str, other: str) -> None:
    assert clean(one) + clean(other) == clean(one + other)


@given(st.recursive(ANYTHING, lambda deeper: st.lists(deeper) | st.dictionaries(ANYTHING, deeper)))
def test_json_is_harmless_and_loses_nothing(value: object) -> None:
    told = clean_json(json.dumps(value, ensure_ascii=False))

    assert all(is_harmless(character) for character in told)
    assert json.loads(told) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", f"{REPLACEMENT}]0;owned{REPLACEMENT}"),
        ("\x9b2J", f"{REPLACEMENT}2J"),
        ("a\u202eb", f"a{REPLACEMENT}b"),
        ("a\rb", "ab"),
        ("مرحبا 👨\u200d👩", "مرحبا 👨\u200d👩"),
        ("\ud800", REPLACEMENT),
    ],
)
def test_known_tricks(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_two_names_that_look_alike_are_not_made_one() -> None:
    assert clean("tunedModels/a\u200b") != clean("tunedModels/a")
