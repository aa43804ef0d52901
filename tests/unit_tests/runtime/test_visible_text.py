"""Two texts are the same where a reader sees the same, and only there."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.runtime.visible_text import folded_text, is_blank, visible_text

INVISIBLE = "\u200b\ufeff\u00ad\u2060\u200e\u200f\ufe0f"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Rückgabe", "Ru\u0308ckgabe", True),
        ("한국어", normalize("NFD", "한국어"), True),
        ("か\u3099", "が", True),
        ("\u212b", "Å", True),
        ("a\u0323\u0302", "a\u0302\u0323", True),
        ("yes", "\ufeffyes", True),
        ("yes", "y\u200be\u00ads\u2060", True),
        ("yes", "yes\ufe01", True),
        ("ế\ufe00", "ế", True),
        ("❤", "❤\ufe0f", True),
        ("1\u20e3", "1\ufe0f\u20e3", True),
        ("אב", "\u200fאב", True),
        ("葛\U000e0100", "葛\U000e0101", False),
        ("葛\U000e0100", "葛", False),
        ("می\u200cشد", "میشد", False),
        ("क\u094d\u200dष", "क\u094dष", False),
        ("👩\u200d🔬", "👩🔬", False),
        ("abc", "\u202eabc", False),
        ("ﬁ", "fi", False),
        ("\uff21", "A", False),
        ("Yes", "yes", False),
        ("a  b", "a b", False),
        ("Ruckgabe", "Rückgabe", False),
    ],
)
def test_texts_are_the_same_where_a_reader_sees_the_same(one, other, is_same):
    assert (visible_text(one) == visible_text(other)) is is_same


@given(st.text())
def test_a_text_and_its_decomposition_are_the_same(text):
    composed, decomposed = normalize("NFC", text), normalize("NFD", text)
    assert visible_text(text) == visible_text(composed) == visible_text(decomposed)
    assert folded_text(text) == folded_text(composed) == folded_text(decomposed)


@given(st.text(), st.integers(0, 20), st.sampled_from(INVISIBLE))
def test_a_mark_that_nobody_sees_changes_nothing(text, place, mark):
    assert visible_text(text[:place] + mark + text[place:]) == visible_text(text)


@given(st.text(), st.integers(0, 20), st.sampled_from("\u200c\u200d"))
def test_a_joiner_always_makes_a_difference(text, place, joiner):
    assert visible_text(text[:place] + joiner + text[place:]) != visible_text(text)


@given(st.text())
def test_a_visible_text_stays_as_it_is(text):
    assert visible_text(visible_text(text)) == visible_text(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("How many DOGS?", " how  many\ndogs? "), ("STRASSE", "Straße"), ("A\u00a0b", "a\u200b b")],
)
def test_folded_texts_know_neither_case_nor_white_space(one, other):
    assert folded_text(one) == folded_text(other)


@pytest.mark.parametrize(
    ("text", "is_seen"),
    [("", False), (" \n\u00a0", False), ("\ufeff\u200b \u200d", False), ("\u200b.", True)],
)
def test_a_blank_text_has_nothing_that_is_seen(text, is_seen):
    assert is_blank(text) is not is_seen
