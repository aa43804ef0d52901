"""When an answer is the right one: as a text, as JSON, or as SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.guards.valid_sql import check_dialect
from langchain_tuned_gemini.runtime.visible_text import visible_text

Matches: TypeAlias = Callable[[str, str], bool]
"""Whether an answer, the first text, is what the second one says that is expected."""


def same_text(answer: str, expected: str) -> bool:
    r"""Whether two texts are the same to a reader, but for white space around them.

    Example:
        >>> same_text("SELECT 1;\n", "SELECT 1;"), same_text("select 1;", "SELECT 1;")
        (True, False)
    """
    return (
        answer.strip() == expected.strip()
        or visible_text(answer).strip() == visible_text(expected).strip()
    )


def same_json(answer: str, expected: str) -> bool:
    """Whether two texts are the same JSON, in whatever order the keys come.

    Example:
        >>> same_json('{"b": 1.0, "a": [1, 2]}', '{"a":[1,2],"b":1}')
        True
        >>> same_json("[1, 2]", "[2, 1]"), same_json("true", "1"), same_json("no JSON", "no JSON")
        (False, False, False)
    """
    try:
        one, other = json.loads(visible_text(answer)), json.loads(visible_text(expected))
    except (ValueError, RecursionError):
        return False
    return _comparable(one) == _comparable(other)


def _comparable(value: object) -> object:
    """The value, with its visible texts and what tells `true` from 1, which Python takes for it."""
    match value:
        case str():
            return visible_text(value)  # its escapes may have been anything
        case bool():
            return ("bool", value)
        case list():
            return [_comparable(item) for item in value]
        case dict():
            return {visible_text(key): _comparable(item) for key, item in value.items()}
        case _:
            return value


@dataclass(frozen=True, slots=True)
class SameSQL:
    """Whether two texts are the same SQL, but for case, spaces, quotes and comments.

    Two queries that are written otherwise and find the same are not the same here: to compare
    what they find, run them, in a function of your own.

    Args:
        dialect: The database, by sqlglot's name, as in `ValidSQL`.

    Raises:
        MissingExtraError: Without `sqlglot`.
        ParameterError: For a dialect that sqlglot does not know.

    Example:
        >>> same = SameSQL("sqlite")
        >>> same("select COUNT(*)  from dogs -- all", 'SELECT count(*) FROM "dogs";')
        True
        >>> same("SELECT name FROM dogs", "SELECT name FROM cats")
        False
    """

    dialect: str

    def __post_init__(self) -> None:
        """Checks the dialect while whoever wrote it is looking."""
        check_dialect("SameSQL", self.dialect)

    def __call__(self, answer: str, expected: str) -> bool:
        """Compares an answer with the expected one."""
        wanted = _normalised(expected, self.dialect)
        return wanted is not None and _normalised(answer, self.dialect) == wanted


@lru_cache(maxsize=16_384)
def _normalised(text: str, dialect: str) -> str | None:
    """The SQL in one way to write it; None for what is not one statement."""
    from sqlglot import parse
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    try:
        statements = [
            statement for statement in parse(visible_text(text), dialect=dialect) if statement
        ]
        if len(statements) != 1:
            return None
        statement = normalize_identifiers(statements[0], dialect=dialect)
        return statement.sql(dialect=dialect, comments=False, identify=True)
    except (SqlglotError, RecursionError):
        return None


def matching(name: str) -> Matches:
    """The way to compare of a name: `text`, `json`, or `sql:` and a dialect.

    Raises:
        MissingExtraError: Without `sqlglot`, for SQL.
        ParameterError: There is no such way, or no such dialect.

    Example:
        >>> matching("sql:sqlite")
        SameSQL(dialect='sqlite')
    """
    kind, _, dialect = name.partition(":")
    if kind == "sql" and dialect:
        return SameSQL(dialect)
    known: dict[str, Matches] = {"text": same_text, "json": same_json}
    if name not in known:
        raise ParameterError(
            f"{name!r} is no way to compare: it is text, json, or sql:DIALECT, such as sql:sqlite."
        )
    return known[name]
