"""An instance of a schema, made from a text: arguments of calls, and answers in JSON.

Objects have the properties that are required, or all of them where the schema requires none.
Numbers are those of the text in their order. A string is what the text has in quotation marks,
or a run of capitalised words ("San Francisco, CA"), each used once, or else the whole text. Of
an enumeration it is the value that the text names, or the first.

Both notations are read: JSON Schema, and the Schema of Google's API, whose types are in capitals,
or numbers where an older client sends enums so.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEEPEST = 16
"""How deep a schema is followed that refers to itself."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"""(?<!\w)(?:"([^"]+)"|'([^']+)'|“([^”]+)”|«([^»]+)»)(?!\w)""")
# By their numbers (google-ai-generativelanguage 0.6.15, types/content.py).
_TYPES = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_TYPES_OF: Mapping[type, set[str]] = {
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
    str: {"string"},
}
_OF_FORMATS = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "me@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: Mapping[str, Any], text: str, *, is_whole: bool = False) -> Any:
    """A value that fits the schema, with what the text has for it.

    Each string is the whole text if `is_whole`, as for what a model has learnt to say.
    """
    return _Maker(schema, text, is_whole=is_whole).make(schema)


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value has the types, fields and enumerated values of the schema."""
    return _Maker(schema, "").accepts(schema, value)


class _Maker:
    """Makes and checks values of one schema, whose references it follows."""

    def __init__(self, root: Mapping[str, Any], text: str, *, is_whole: bool = False) -> None:
        self._root = root
        self._text = text
        self._numbers = deque(map(float, _NUMBER.findall(text)))
        quoted = map("".join, _QUOTED.findall(text))
        phrases = [] if is_whole else [*quoted, *_capitalised(_QUOTED.sub(" ", text))]
        self._phrases = deque(phrases)

    def make(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._named(schema["enum"])
        makers: dict[str, Callable[[Mapping[str, Any], int], Any]] = {
            "object": self._object,
            "array": self._array,
            "integer": lambda schema, _: int(self._number(schema)),
            "number": lambda schema, _: _plain(self._number(schema)),
            "boolean": lambda *_: True,
            "string": lambda schema, _: self._string(schema),
        }
        kind = _type_of(schema)
        return makers[kind](schema, depth) if kind in makers else None

    def accepts(self, schema: Mapping[str, Any], value: Any) -> bool:
        schema = self._resolved(schema, value)
        if value is None and schema.get("nullable"):
            return True
        if "const" in schema and value != schema["const"]:
            return False
        if schema.get("enum") and value not in schema["enum"]:
            return False
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            return (
                _type_of(schema) == "object"
                and set(schema.get("required", ())) <= value.keys()
                and all(self.accepts(properties.get(key, {}), value[key]) for key in value)
            )
        if isinstance(value, list):
            items = schema.get("items", {})
            return _type_of(schema) == "array" and all(self.accepts(items, v) for v in value)
        return not schema or _type_of(schema) in _TYPES_OF.get(type(value), {"null"})

    def _resolved(self, schema: Mapping[str, Any], value: Any = ...) -> Mapping[str, Any]:
        """The schema that a reference or a choice leads to: the first that is not null.

        With a value, it is the first that takes it.
        """
        for _ in range(DEEPEST):
            reference = schema.get("$ref", schema.get("ref"))
            choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
            if isinstance(reference, str):
                schema = self._at(reference)
            elif choices:
                schema = self._chosen(choices, value)
            else:
                break
        return schema

    def _at(self, reference: str) -> Mapping[str, Any]:
        found: Any = self._root
        for key in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    def _chosen(self, choices: list[Mapping[str, Any]], value: Any) -> Mapping[str, Any]:
        if value is not ...:
            return next((c for c in choices if self.accepts(c, value)), choices[0])
        return next((c for c in choices if _type_of(c) != "null"), choices[0])

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        order = [key for key in schema.get("propertyOrdering", ()) if key in properties]
        required = schema.get("required") or properties
        keys = [key for key in dict.fromkeys([*order, *properties]) if key in required]
        if depth >= DEEPEST:
            return {}
        return {key: self.make(properties[key], depth + 1) for key in keys}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        if depth >= DEEPEST:
            return []
        if items := schema.get("prefixItems"):
            return [self.make(item, depth + 1) for item in items]
        count = max(1, int(schema.get("minItems", 1)))
        return [self.make(schema.get("items") or {}, depth + 1) for _ in range(count)]

    def _number(self, schema: Mapping[str, Any]) -> float:
        number = self._numbers.popleft() if self._numbers else 0.0
        least, most = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        number = number if least is None else max(number, float(least))
        number = number if most is None else min(number, float(most))
        number = number if above is None or number > above else float(above) + 1
        return number if below is None or number < below else float(below) - 1

    def _string(self, schema: Mapping[str, Any]) -> str:
        if known := _OF_FORMATS.get(schema.get("format", "")):
            return known
        text = self._phrases.popleft() if self._phrases else self._text
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        return text.ljust(least, ".")[: None if most is None else int(most)]

    def _named(self, values: list[Any]) -> Any:
        text = self._text.casefold()
        named = (
            v for v in values if re.search(rf"(?<!\w){re.escape(str(v).casefold())}(?!\w)", text)
        )
        return next(named, values[0])


def _type_of(schema: Mapping[str, Any]) -> str:
    """The first type that is not null, in small letters; guessed where none is named."""
    named = schema.get("type")
    types = [_type(item) for item in (named if isinstance(named, list) else [named]) if item]
    if types:
        return next((kind for kind in types if kind != "null"), "null")
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _type(named: object) -> str:
    if isinstance(named, int) and 0 <= named < len(_TYPES):
        return _TYPES[named]
    return str(named).lower()


def _plain(number: float) -> float:
    return int(number) if number.is_integer() else number


def _capitalised(text: str) -> Iterator[str]:
    """Runs of words that begin with a capital, but not because a sentence does."""
    run: list[str] = []
    begins = True
    for word in text.split():
        bare = word.strip("()[]\"'.,;:!?")
        if bare[:1].isupper() and bare != "I" and not begins:
            run.append(word)
        elif run:
            yield _joined(run)
            run = []
        begins = word[-1] in ".!?:"
        if run and (begins or word[-1] in ";)"):
            yield _joined(run)
            run = []
    if run:
        yield _joined(run)


def _joined(run: list[str]) -> str:
    return " ".join(run).strip("()[]\"'.,;:!?")
