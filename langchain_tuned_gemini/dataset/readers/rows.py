"""The shapes in which a row holds an example; each row tells its own.

- `{"text_input": ..., "output": ...}` as the Developer API takes it, or a pair of two texts.
- `{"contents": [...], "systemInstruction": ...}` as Vertex AI takes it:
  https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data
- `{"messages": [...]}` or a list of messages, as LangChain and OpenAI have them; with `author` in
  the place of `role`, as PaLM's chat models had them; and ShareGPT's
  `{"conversations": [{"from": ..., "value": ...}]}`; each with `system` or `context` beside them.

Each field of a row is read, refused, or noted as left out.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

from langchain_tuned_gemini.dataset.problems import Flaw, check_text, has_errors, joined, leave_out
from langchain_tuned_gemini.dataset.readers.messages import LISTS, is_message, read_messages
from langchain_tuned_gemini.dataset.turns import ExampleFields, Role, Turn, conversation
from langchain_tuned_gemini.errors import Advice

TEXT_INPUT, OUTPUT = "text_input", "output"
"""The fields of an example, named as the Developer API's `TuningExample` names them."""

SYSTEM_INSTRUCTION, HISTORY = "system_instruction", "history"
"""Further fields, which the Developer API does not have."""

CONTENTS, MESSAGES = "contents", "messages"
_SHAREGPT = "conversations"

OTHER_NAMES: Final = Advice(
    f'If the fields have other names, say which: columns={{"{TEXT_INPUT}": ..., "{OUTPUT}": ...}}.',
    "If the fields have other names, say which: "
    f"--column {TEXT_INPUT}=COLUMN --column {OUTPUT}=COLUMN.",
)
"""The advice where a file calls its fields something else."""
BESIDE_MESSAGES = ("context", "system")
"""Fields beside messages that tell the model what to be: PaLM's, and that of others."""

SYSTEM_SPELLINGS = ("systemInstruction", SYSTEM_INSTRUCTION)
"""Vertex AI's documentation writes it both ways."""

_OTHER_NAMES = {"textInput": TEXT_INPUT, "input_text": TEXT_INPUT, "output_text": OUTPUT}
"""The names of the fields in the REST API, and for PaLM's text models."""

_PREFERENCES = (
    {CONTENTS, "completions"},  # Vertex AI's
    {"preferred_output", "non_preferred_output"},  # OpenAI's
    {"chosen", "rejected"},  # most others'
    {"candidate_0", "candidate_1"},  # PaLM's
    {"prompt", "completion", "label"},  # TRL's, of answers that are good or bad
)
_PLAIN = {TEXT_INPUT, OUTPUT, SYSTEM_INSTRUCTION, HISTORY}
_SIDES = ("user", "model")  # a tuple: what is looked for in it may be unhashable
_TOOLS = ("function", "tool")
ABOUT_PARTS = frozenset(
    {"thought", "thoughtSignature", "thought_signature", "partMetadata", "part_metadata"}
)
"""Fields in which a part says something of its text."""


def read_row(row: object, flaws: list[Flaw]) -> ExampleFields | None:
    """Reads a row of any shape, as JSON has it, or with LangChain's messages in it.

    Returns:
        The example's fields; None where there are errors, which are added to `flaws`.
    """
    if isinstance(row, Mapping):
        return _read_object(row, flaws)
    if isinstance(row, LISTS) and [isinstance(text, str) for text in row] == [True, True]:
        return _read_texts(dict(zip((TEXT_INPUT, OUTPUT), row, strict=True)), flaws)
    if isinstance(row, LISTS) and row and not isinstance(row[0], str | int | float):
        return read_messages(row, MESSAGES, None, flaws)
    message = f"must be an object with {TEXT_INPUT!r} and {OUTPUT!r}, not {reprlib.repr(row)}."
    flaws.append(Flaw(None, message))
    return None


def _read_object(row: Mapping[Any, Any], flaws: list[Flaw]) -> ExampleFields | None:
    if row.keys() >= {TEXT_INPUT, OUTPUT}:  # most rows
        return _read_texts(row, flaws)
    if flaw := _other_shape(row):
        flaws.append(flaw)
        return None
    if CONTENTS in row:
        return _read_contents(row, flaws)
    for field in (MESSAGES, _SHAREGPT):
        if field in row:
            name = next((name for name in BESIDE_MESSAGES if row.get(name)), None)
            leave_out(row, {field, name}, "", flaws)
            system = row[name] if name else None
            if system is not None:
                check_text(system, str(name), flaws)
            return read_messages(row[field], field, system, flaws)
    if not row.keys().isdisjoint(_OTHER_NAMES):
        ours = {theirs: name for theirs, name in _OTHER_NAMES.items() if name not in row}
        row = {ours.get(name, name): value for name, value in row.items()}
    return _read_texts(row, flaws)


def _other_shape(row: Mapping[Any, Any]) -> Flaw | None:
    """Names the shape of a row that is of a kind that teaches no answer."""
    wrong = partial(Flaw, None, code="shape", is_common=True)
    if any(row.keys() >= kind for kind in _PREFERENCES):
        return wrong(
            "is a row of a preference set, which says which of several answers is better. "
            "Supervised tuning, and examples in a prompt, need one answer each."
        )
    if row.keys().isdisjoint({CONTENTS, MESSAGES, _SHAREGPT, TEXT_INPUT}) and is_message(row):
        return wrong(
            "is a single message, and nothing says where a conversation ends. A row holds a whole "
            'one: {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", '
            '"content": "..."}]}.'
        )
    if row.keys() >= {"instruction", "input", OUTPUT}:
        return wrong(
            "asks in two fields, 'instruction' and 'input'. Put both into one, 'text_input', or "
            "read them apart.",
            advice=Advice(
                'To read them apart: columns={"text_input": "input", "system_instruction": '
                '"instruction"}.',
                "To read them apart: --column text_input=input --column "
                "system_instruction=instruction --column output=output.",
            ),
        )
    lists = [name for name, value in row.items() if isinstance(value, LISTS) and value]
    if lists and row.keys().isdisjoint({*_PLAIN, *_OTHER_NAMES, CONTENTS, MESSAGES, _SHAREGPT}):
        return wrong(
            f"is one object with a list under {lists[0]!r}. If these are the examples, let the "
            "file hold that list and nothing else: [{...}, {...}]."
        )
    return None


def _read_texts(row: Mapping[Any, Any], flaws: list[Flaw]) -> ExampleFields | None:
    missing = [name for name in (TEXT_INPUT, OUTPUT) if name not in row]
    for name in (TEXT_INPUT, OUTPUT):
        if name in row:
            check_text(row[name], name, flaws)
    if missing:
        flaws.extend(_missing(row, missing))
    history = _read_history(row[HISTORY], flaws) if row.get(HISTORY) is not None else ()
    if (system := row.get(SYSTEM_INSTRUCTION)) is not None:
        check_text(system, SYSTEM_INSTRUCTION, flaws)
    if not row.keys() <= _PLAIN and not missing:
        leave_out(row, _PLAIN, "", flaws)
    if flaws and has_errors(flaws):
        return None
    return row[TEXT_INPUT], row[OUTPUT], history, system


def _missing(row: Mapping[Any, Any], missing: list[str]) -> list[Flaw]:
    """Says what to do about fields that are not there: the same for all rows of a file."""
    others = [str(other) for other in row if other not in _PLAIN]
    if others and not any(isinstance(row[other], str) for other in row):
        why = f"is missing. The row has {', '.join(map(repr, others))} instead, none of them text."
        return [Flaw(missing[0], why, is_common=True)]
    nearest = {name: difflib.get_close_matches(name, others, n=1) for name in missing}
    if others and not any(nearest.values()):
        both = f", and so is {missing[1]!r}" if len(missing) == 2 else ""
        why = f"is missing{both}. The row has {', '.join(map(repr, others))} instead."
        return [Flaw(missing[0], why, is_common=True, advice=OTHER_NAMES)]
    nothing = "" if row else " The row has nothing instead."
    return [
        Flaw(name, f"is missing. The row has {near[0]!r}: rename that to {name!r}.", is_common=True)
        if near
        else Flaw(name, f"is missing.{nothing}")
        for name, near in nearest.items()
    ]


def _read_history(history: object, flaws: list[Flaw]) -> tuple[Turn, ...]:
    """Reads `[{"role": "user", "text": ...}, ...]`, as `TuningExample.as_dict` writes it."""
    if not isinstance(history, LISTS):
        message = f"must be a list of turns, not {reprlib.repr(history)}."
        flaws.append(Flaw(HISTORY, message, "turns"))
        return ()
    turns = []
    for number, turn in enumerate(history):
        field = f"{HISTORY}[{number}]"
        if not isinstance(turn, Mapping) or turn.get("role") not in _SIDES:
            message = (
                f'must be {{"role": "user" or "model", "text": ...}}, not {reprlib.repr(turn)}.'
            )
            flaws.append(Flaw(field, message, "turns"))
            continue
        leave_out(turn, {"role", "text"}, f"{field}.", flaws)
        check_text(turn.get("text"), f"{field}.text", flaws)
        turns.append(Turn(turn["role"], turn.get("text", "")))
    return tuple(turns)


def _read_contents(row: Mapping[Any, Any], flaws: list[Flaw]) -> ExampleFields | None:
    contents, turns = row[CONTENTS], []
    if not isinstance(contents, LISTS):
        message = f'must be a list of {{"role", "parts"}}, not {reprlib.repr(contents)}.'
        flaws.append(Flaw(CONTENTS, message, "turns"))
        return None
    for number, content in enumerate(contents):
        field = f"{CONTENTS}[{number}]"
        text = _text_of_parts(content, field, flaws)
        role = content.get("role") if isinstance(content, Mapping) else None
        if role not in _SIDES:
            flaws.append(_wrong_role(role, f"{field}.role"))
        else:
            turns.append(Turn(cast("Role", role), text))
    names = [name for name in SYSTEM_SPELLINGS if row.get(name) is not None]
    systems = [_text_of_parts(row[name], name, flaws) for name in names]
    if len({*systems}) > 1:
        message = f"says something else than {names[0]!r}. Keep one of them."
        flaws.append(Flaw(names[1], message))
    leave_out(row, {CONTENTS, *SYSTEM_SPELLINGS}, "", flaws)
    if has_errors(flaws):
        return None
    return conversation(turns, systems[0] if systems else None, CONTENTS, flaws)


def _wrong_role(role: object, field: str) -> Flaw:
    if role is None:
        message = 'is missing: say "role": "user" or "role": "model" in each turn.'
        return Flaw(field, message, "turns", is_common=True)
    message = f"must be 'user' or 'model', not {reprlib.repr(role)}."
    if role == "system":
        message += " A system instruction stands beside the contents, in systemInstruction."
    return Flaw(field, message, "not-text" if role in _TOOLS else "turns")


def _text_of_parts(content: object, field: str, flaws: list[Flaw]) -> str:
    """The text of a Vertex AI `Content`; several parts are one text, as the SDKs read them."""
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(parts, LISTS) or not isinstance(content, Mapping):
        message = (
            f'must be {{"role": ..., "parts": [{{"text": ...}}]}}, not {reprlib.repr(content)}.'
        )
        flaws.append(Flaw(field, message))
        return ""
    leave_out(content, {"role", "parts"}, f"{field}.", flaws)
    texts = [text_of_part(part, f"{field}.parts[{n}].", flaws) for n, part in enumerate(parts)]
    return joined(texts, parts, f"{field}.parts", flaws)


def text_of_part(part: object, field: str, flaws: list[Flaw]) -> str | None:
    """The text of a part that is text and nothing else; a null is nothing, as SDKs write it."""
    if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
        return None
    if len(part) == 1:  # most parts
        return cast("str", part["text"])
    others = {name: value for name, value in part.items() if name != "text" and value is not None}
    if others.pop("thought", False) or not others.keys() <= ABOUT_PARTS:
        return None
    leave_out(others, (), field, flaws)
    return cast("str", part["text"])
