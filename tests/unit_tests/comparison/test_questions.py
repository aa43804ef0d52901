"""The questions of a test set, each once, and those that stand in a tuning set as well."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini.comparison.questions import in_common, questions_of
from langchain_tuned_gemini.dataset import TuningExample, Turn


@pytest.mark.parametrize(
    ("tuned_with", "is_known"),
    [
        ("Wie lange dauert die Rückgabe?", True),
        ("Wie lange dauert die Ru\u0308ckgabe?", True),
        ("\ufeffWie lange dauert die Rück\u00adgabe?", True),
        ("wie lange dauert die RÜCKGABE?", True),
        (" Wie lange  dauert\ndie Rückgabe? ", True),
        ("Wie lange dauert die Rückgabe", False),
        ("Wie lange dauert die Ruckgabe?", False),
    ],
)
def test_a_test_question_is_known_from_tuning_where_a_reader_knows_it(tuned_with, is_known):
    test = [TuningExample("Wie lange dauert die Rückgabe?", "a week")]

    assert in_common(test, [TuningExample(tuned_with, "another answer")]) == is_known


def test_a_question_is_known_with_all_that_comes_before_it():
    before, other = (Turn("user", "Ü"), Turn("model", "x")), (Turn("user", "y"), Turn("model", "x"))
    test = [TuningExample("q", "a", before, "Be brief.")]

    assert in_common(
        test, [TuningExample("Q", "b", (Turn("user", "u\u0308"), before[1]), "be brief.")]
    )
    assert not in_common(test, [TuningExample("q", "a", other, "Be brief.")])
    assert not in_common(test, [TuningExample("q", "a", before)])


def test_questions_that_look_the_same_are_one_with_all_their_answers():
    first, *others = questions_of(
        [TuningExample("ü", "1"), TuningExample("u\u0308", "2"), TuningExample("Ü", "3")]
    )

    assert first.expected == ("1", "2")
    assert first.key == questions_of([TuningExample("ü", "4")])[0].key
    assert [question.expected for question in others] == [("3",)]
