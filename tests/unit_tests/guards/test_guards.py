"""Guards judge complete answers: a table of verdicts for each, and what becomes of them."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.errors import (
    GuardCrashedError,
    MissingExtraError,
    ParameterError,
)
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.guards import (
    FinishReason,
    MatchesRegex,
    NonEmpty,
    OneOf,
    Refusal,
    ValidJSON,
    ValidSQL,
    check,
    is_cut_off,
)

CALL = {"name": "look_up", "args": {}, "id": "1"}
BAD_CALL = {"name": "look_up", "args": "{", "id": "1", "error": "no JSON"}
GEMINI = {"model_provider": "google_genai"}


REFUSED = {"type": "refusal", "refusal": "I can't help with that."}


def of_gemini(reason: str | None, text: Any = "42") -> AIMessage:
    ended = {} if reason is None else {"finish_reason": reason}
    return AIMessage(text, response_metadata={**GEMINI, **ended})


def of_another(provider: str, content: Any, metadata: dict[str, Any], **further: Any) -> AIMessage:
    told = {"model_provider": provider, **metadata}
    return AIMessage(content, response_metadata=told, additional_kwargs=further)


def blocked_prompt(reason: Any) -> AIMessage:
    return AIMessage("", response_metadata={"prompt_feedback": {"block_reason": reason}})


@pytest.mark.parametrize(
    ("message", "is_accepted"),
    [
        (AIMessage("42"), True),
        (AIMessage("\ufeff \u200b"), False),
        (AIMessage([{"type": "text", "text": "42"}]), True),
        (AIMessage("", tool_calls=[CALL]), True),
        (AIMessage([{"type": "image_url", "image_url": {"url": "data:"}}]), True),
        (AIMessage("", additional_kwargs={"audio": b"RIFF"}), True),
        (AIMessage(""), False),
        (AIMessage(" \n\t"), False),
        (AIMessage([]), False),
        (AIMessage([{"type": "text", "text": " "}]), False),
        (AIMessage([{"type": "thinking", "thinking": "Hm."}]), False),
        (AIMessage([{"type": "redacted_thinking", "data": "Hm."}]), False),
        (AIMessage([{"type": "text", "text": "", "extras": {"signature": "YWJj"}}]), False),
        (AIMessage([{"type": "invalid_tool_call", "name": "look_up", "args": "{"}]), False),
        (AIMessage([{"type": "tool_use", "name": "look_up", "input": "{"}]), False),
        (AIMessage("", invalid_tool_calls=[BAD_CALL]), False),
        (AIMessage([REFUSED]), False),
    ],
)
def test_an_answer_needs_text_or_a_tool_call_or_other_content(
    message: AIMessage, is_accepted: bool
) -> None:
    assert (NonEmpty()(message) is None) is is_accepted


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (of_gemini("STOP"), None),
        (of_gemini("STOPSTOP"), None),
        (of_gemini("MAX_TOKENS"), None),
        (AIMessage("42"), None),
        (AIMessage("42", response_metadata={"finish_reason": "stop"}), None),
        (AIMessage("42", response_metadata={"model_provider": "openai"}), None),
        (of_another("openai", "42", {"finish_reason": "a_new_word"}), None),
        (of_another("anthropic", "42", {"stop_reason": "end_turn"}), None),
        (AIMessage("42", response_metadata={"finish_reason": "a_new_word"}), None),
        (AIMessage("42", response_metadata={"prompt_feedback": {"block_reason": 0}}), None),
        (AIMessage("42", response_metadata={"prompt_feedback": None}), None),
        (of_gemini(None), Reason.BAD_OUTPUT),
        (of_gemini("FINISH_REASON_UNSPECIFIED"), Reason.BAD_OUTPUT),
        (of_gemini("MAX_TOKENS", ""), Reason.BAD_OUTPUT),
        (of_gemini("STOPMAX_TOKENS", ""), Reason.BAD_OUTPUT),
        *((of_gemini(word), Reason.BAD_OUTPUT) for word in ("RECITATION", "OTHER", "LANGUAGE")),
        (of_gemini("MALFORMED_FUNCTION_CALL"), Reason.BAD_OUTPUT),
        (of_gemini("UNEXPECTED_TOOL_CALL"), Reason.BAD_OUTPUT),
        (of_gemini("MALFORMED_RESPONSE"), Reason.BAD_OUTPUT),
        (of_gemini("MISSING_THOUGHT_SIGNATURE"), Reason.BAD_OUTPUT),
        (of_gemini("A_NEW_WORD"), Reason.BAD_OUTPUT),
        (of_gemini("UNKNOWN_42"), Reason.BAD_OUTPUT),
        (of_gemini("stop"), Reason.BAD_OUTPUT),
        (of_gemini("MODEL_ARMOR"), Reason.BLOCKED),
        *((of_gemini(word), Reason.BLOCKED) for word in ("SAFETY", "BLOCKLIST", "SPII")),
        (of_gemini("PROHIBITED_CONTENT"), Reason.BLOCKED),
        (of_gemini("IMAGE_SAFETY"), Reason.BLOCKED),
        (of_gemini("ESCALATION"), Reason.BLOCKED),
        (of_gemini("PUP_LIMITED_DISABLED"), Reason.BLOCKED),
        (of_gemini("STOPSAFETY"), Reason.BLOCKED),
        (AIMessage("", response_metadata={"finish_reason": "SAFETY"}), Reason.BLOCKED),
        (blocked_prompt("SAFETY"), Reason.BLOCKED),
        (blocked_prompt("OTHER"), Reason.BLOCKED),
        (blocked_prompt("A_NEW_WORD"), Reason.BLOCKED),
        (blocked_prompt(9), Reason.BLOCKED),
        (of_gemini("STOP", [REFUSED]), Reason.BLOCKED),
        (of_another("openai", "", {}, refusal="I can't help with that."), Reason.BLOCKED),
        (of_another("openai", [{"type": "text", "text": "a"}, REFUSED], {}), Reason.BLOCKED),
        (of_another("anthropic", "", {"stop_reason": "refusal"}), Reason.BLOCKED),
        (of_another("openai", [REFUSED], {"output_version": "v1"}), Reason.BLOCKED),
        (AIMessage([REFUSED]), Reason.BLOCKED),
    ],
    ids=lambda value: str(getattr(value, "response_metadata", value)),
)
def test_geminis_own_words_say_whether_an_answer_may_be_used(
    message: AIMessage, reason: Reason | None
) -> None:
    refusal = FinishReason()(message)

    assert (refusal and refusal.reason) == reason


def test_every_word_of_the_sdk_is_decided_about() -> None:
    from google.genai.types import FinishReason as Words

    refusals = [FinishReason()(of_gemini(word.name)) for word in Words]

    assert not [r.why for r in refusals if r is not None and "is not known" in r.why]


def test_a_text_that_was_cut_off_is_told_apart_and_can_be_refused() -> None:
    cut = of_gemini("MAX_TOKENS")

    assert is_cut_off(cut)
    assert not is_cut_off(of_gemini("STOP"))
    assert FinishReason(allow_max_tokens=False)(cut) == Refusal("it was cut off at the token limit")


@pytest.mark.parametrize(
    ("word", "shown"), [("MOONSHINE", "MOONSHINE"), ("\x1b[2Jtoo\nodd", r"'\x1b[2Jtoo\nodd'")]
)
def test_an_unknown_finish_reason_is_shown_as_no_terminal_obeys(word: str, shown: str) -> None:
    refusal = FinishReason()(of_gemini(word))

    assert refusal == Refusal(f"it ended with {shown}, which is not known as a good end")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "cohere", None])
def test_nothing_is_logged_about_the_words_of_other_providers(
    provider: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    told = {"finish_reason": "stop", **({"model_provider": provider} if provider else {})}

    with caplog.at_level(0):
        assert FinishReason()(AIMessage("42", response_metadata=told)) is None

    assert not caplog.messages


@pytest.mark.parametrize(
    ("guard", "text", "is_accepted"),
    [
        (OneOf(["yes", "no"]), "yes", True),
        (OneOf(["yes", "no"]), "\n no ", True),
        (OneOf({" yes "}), "yes", True),
        (OneOf(["yes"]), "Yes", False),
        (OneOf(["yes"]), "yes.", False),
        (OneOf(["yes"]), "", False),
        (OneOf(["straße"], ignore_case=True), "STRASSE", True),
        (OneOf(["Rückgabe"]), "Ru\u0308ckgabe", True),
        (OneOf(["Ru\u0308ckgabe"]), "Rückgabe", True),
        (OneOf(["Ru\u0308ckgabe"]), "Ru\u0308ckgabe", True),
        (OneOf(["RÜCKGABE"], ignore_case=True), "ru\u0308ckgabe", True),
        (OneOf(["yes"]), "\ufeff yes\u200b", True),
        (OneOf(["\u200b yes"]), "yes", True),
        (OneOf(["a\u200db"]), "ab", False),
        (OneOf(["a\u200cb"]), "a\u200cb", True),
        (MatchesRegex(r"\w+"), "Ru\u0308ckgabe", True),
        (MatchesRegex("Ru\u0308ckgabe|no"), "Rückgabe", True),
        (MatchesRegex(".."), "né", True),
        (MatchesRegex("..."), "né", False),
        (MatchesRegex(r"\d+"), "42\u200b", False),
        (MatchesRegex(r"\d+"), "42\n", True),
        (MatchesRegex(r"\d+"), "42 dogs", False),
        (MatchesRegex(r"\d+"), "", False),
        (MatchesRegex(r"\d+|"), "", True),
        (MatchesRegex(re.compile("dogs", re.IGNORECASE)), "DOGS", True),
        (MatchesRegex("a.b"), "a\nb", False),
    ],
)
def test_a_text_must_be_a_label_or_match_a_pattern(
    guard: OneOf | MatchesRegex, text: str, is_accepted: bool
) -> None:
    assert (guard(AIMessage(text)) is None) is is_accepted


class Dogs(BaseModel):
    dogs: int


AN_INTEGER = {"type": "object", "properties": {"dogs": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("guard", "text", "is_accepted"),
    [
        (ValidJSON(), '{"dogs": 2}', True),
        (ValidJSON(), " 42\n", True),
        (ValidJSON(), "two", False),
        (ValidJSON(), "", False),
        (ValidJSON(), '{"dogs": 2', False),
        (ValidJSON(), "1 2", False),
        (ValidJSON(), "NaN", False),
        (ValidJSON(), "-Infinity", False),
        (ValidJSON(), "[" * 100_000, False),
        (ValidJSON(), "1" * 5_000, False),
        (ValidJSON(), '```json\n{"dogs": 2}\n```', False),
        (ValidJSON(allow_fence=True), '```json\n{"dogs": 2}\n```', True),
        (ValidJSON(allow_fence=True), "```\n[1]\n```\n", True),
        (ValidJSON(allow_fence=True), "[1]", True),
        (ValidJSON(allow_fence=True), "Here:\n```json\n[1]\n```", False),
        (ValidJSON(Dogs), '{"dogs": 2}', True),
        (ValidJSON(Dogs), '{"dogs": "many"}', False),
        (ValidJSON(Dogs), "{}", False),
        (ValidJSON(AN_INTEGER), '{"dogs": 2}', True),
        (ValidJSON(AN_INTEGER), '{"dogs": "many"}', False),
        (ValidJSON({"required": ["dogs"]}), "{}", False),
        (ValidJSON({}), "{}", True),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_json_must_fit_its_schema(guard: ValidJSON, text: str, is_accepted: bool) -> None:
    assert (guard(AIMessage(text)) is None) is is_accepted


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.booleans())
def test_whatever_python_writes_is_valid_json(value: Any, ensure_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ensure_ascii, allow_nan=False)

    assert ValidJSON()(AIMessage(text)) is None


@pytest.mark.parametrize(
    "guard", [OneOf(["yes"]), MatchesRegex("yes"), ValidJSON(), ValidSQL("sqlite")]
)
def test_a_message_that_only_calls_tools_has_no_text_to_judge(guard: Any) -> None:
    assert guard(AIMessage("", tool_calls=[CALL])) is None
    assert guard(AIMessage("?!", tool_calls=[CALL])) is not None


@pytest.mark.parametrize(
    ("guard", "advice"),
    [
        (lambda: OneOf("yes"), "OneOf needs labels"),
        (lambda: OneOf([]), "OneOf needs labels"),
        (lambda: MatchesRegex("("), "no regular expression"),
        (lambda: ValidJSON({"type": "dog"}), "no JSON Schema"),
        (lambda: ValidJSON(int), "a pydantic model"),  # type: ignore[arg-type]
        (lambda: ValidJSON(Dogs(dogs=2)), "the class"),  # type: ignore[arg-type]
        (lambda: ValidSQL("klingon"), "postgres"),
        (lambda: ValidSQL(""), "postgres"),
        (lambda: Refusal("too dear", Reason.QUOTA), "Reason.BAD_OUTPUT"),
    ],
)
def test_a_wrong_setting_shows_when_the_guard_is_made(guard: Any, advice: str) -> None:
    with pytest.raises(ParameterError, match=advice):
        guard()


@pytest.mark.parametrize(
    ("library", "extra", "guard"),
    [
        ("sqlglot", "sql", lambda: ValidSQL("sqlite")),
        ("jsonschema", "json", lambda: ValidJSON({"type": "object"})),
    ],
)
def test_a_missing_extra_is_named(
    library: str, extra: str, guard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(MissingExtraError, match=rf"langchain-tuned-gemini\[{extra}\]"):
        guard()


def test_a_schema_from_elsewhere_is_not_fetched(emulator: Emulator) -> None:
    guard = ValidJSON({"$ref": f"{emulator.base_url}/schema.json"})

    with pytest.raises(GuardCrashedError, match="ValidJSON raised"):
        check([guard], AIMessage("{}"))

    assert not emulator.requests
