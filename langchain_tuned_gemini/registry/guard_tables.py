"""Guards as they stand in a file, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.guards import Guard, MatchesRegex, OneOf, ValidJSON, ValidSQL
from langchain_tuned_gemini.registry.record_model import RecordModel

_NAMES = ("one_of", "regex", "json", "sql")
_FORMS = (
    f'a guard is one of {", ".join(_NAMES)}: write {{ one_of = ["yes", "no"] }}, '
    '{ regex = "[0-9]+" }, "json" or { sql = "sqlite" }'
)
_OPTIONS = {"ignore_case": "one_of", "allow_fence": "json", "read_only": "sql"}


class GuardRecord(RecordModel):
    """One guard: exactly one of the four, and its options.

    | in the file | is |
    | --- | --- |
    | `{ one_of = ["yes", "no"], ignore_case = true }` | `OneOf` |
    | `{ regex = "-?[0-9]+" }` | `MatchesRegex` |
    | `"json"`, `{ json = "schema.json", allow_fence = true }` | `ValidJSON`, with a JSON Schema |
    | `{ sql = "sqlite", read_only = false }` | `ValidSQL`, for a dialect |
    """

    one_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    ignore_case: bool | None = None
    regex: str | None = None
    json_: bool | str | None = Field(default=None, alias="json")
    allow_fence: bool | None = None
    sql: str | None = Field(default=None, min_length=1)
    read_only: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_a_word(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "json":
            raise ValueError(_FORMS)  # the kind of error that pydantic takes
        return {"json": True} if value == "json" else value

    @model_validator(mode="after")
    def _is_one_guard(self) -> Self:
        given = self.model_dump(by_alias=True, exclude_none=True)
        names = [name for name in _NAMES if name in given]
        if len(names) != 1:
            raise ValueError(_FORMS)
        wrong = [name for name, guard in _OPTIONS.items() if name in given and guard != names[0]]
        if wrong:
            raise ValueError(f"{wrong[0]} is no option of {names[0]}, but of {_OPTIONS[wrong[0]]}")
        return self

    def build(self, directory: Path) -> Guard:
        """The guard.

        Args:
            directory: Where the file is, from which the path of a JSON Schema starts.

        Raises:
            MissingExtraError: An optional dependency is not installed.
            ParameterError: A pattern, a schema or a dialect is none.
        """
        if self.one_of is not None:
            return OneOf(self.one_of, ignore_case=bool(self.ignore_case))
        if self.regex is not None:
            return MatchesRegex(self.regex)
        if self.sql is not None:
            return ValidSQL(self.sql, read_only=self.read_only is not False)
        schema = _schema(directory / self.json_) if isinstance(self.json_, str) else None
        return ValidJSON(schema, allow_fence=bool(self.allow_fence))


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ParameterError(f"The JSON Schema {path} can't be read: {problem}") from problem
    return schema
