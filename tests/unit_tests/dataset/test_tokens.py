"""How many tokens a text has: an estimate that learns."""

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_tuned_gemini.dataset.tokens import TokenEstimator, estimate_tokens

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4_000}}
LONG = [HumanMessage("word " * 80)]  # about 100 tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abcd" * 10, 10),
        ("資料庫" * 10, 23),
        ("Привет", 3),
        ("🙂🙂", 2),
        ("2026-11-28", 8 + 1),
        ("\ud83d", 1),
    ],
)
def test_bytes_and_digits_are_counted(text, tokens):
    assert estimate_tokens(text) == tokens


@given(st.text(), st.text())
def test_a_longer_text_has_no_fewer_tokens(one, other):
    assert estimate_tokens(one) <= estimate_tokens(one + other)
    assert estimate_tokens(one + other) <= estimate_tokens(one) + estimate_tokens(other)


def test_everything_in_a_conversation_counts():
    call = {"name": "atlas", "args": {"of": "Norge" * 8}, "id": "1"}
    conversation = [
        SystemMessage("abcd"),
        HumanMessage([{"type": "text", "text": "abcdabcd"}, PICTURE]),
        AIMessage("", tool_calls=[call]),
        ToolMessage("abcd" * 4, tool_call_id="1"),
    ]

    assert TokenEstimator().of_messages(conversation) == 1 + 2 + 258 + 13 + 4


@pytest.mark.parametrize("truth", [0.5, 1.0, 1.7, 3.9])
def test_the_estimate_becomes_what_models_count(truth):
    estimator = TokenEstimator()

    for words in range(60, 90):
        asked = [HumanMessage("word " * words)]
        estimator.learn(asked, round(truth * estimate_tokens(asked[0].text)))

    assert estimator.of(["word " * 200]) == pytest.approx(truth * 250, rel=0.03)


def test_one_odd_count_does_not_spoil_what_was_learnt():
    estimator = TokenEstimator()
    for _ in range(20):
        estimator.learn(LONG, 100)

    estimator.learn(LONG, 390)

    assert estimator.of_messages(LONG) <= 115


@pytest.mark.parametrize(
    ("messages", "counted"),
    [
        ([HumanMessage("Hi")], 7),  # most of it is what a model adds to every prompt
        ([HumanMessage([{"type": "text", "text": "word " * 80}, PICTURE])], 358),
        (LONG, 2_000),  # something else was counted, too
        (LONG, 3),
        (LONG, 0),
    ],
)
def test_what_says_nothing_about_the_text_teaches_nothing(messages, counted):
    estimator = TokenEstimator()

    estimator.learn(messages, counted)

    assert estimator.ratio == 1.0
