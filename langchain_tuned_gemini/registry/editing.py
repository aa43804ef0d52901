"""Changes of the records that leave comments, order and form as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from langchain_tuned_gemini.errors import RecordProblem, RecordsError
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.version_name import same_version
from langchain_tuned_gemini.registry.schema import ChangeRecord, VersionRecord

ADVICE = (
    "If it is written with dotted keys or inline tables, write tables: [family.versions.v1], "
    "[family.aliases]"
)

_P = ParamSpec("_P")


def _in_its_form(
    change: Callable[Concatenate[Editor, _P], None],
) -> Callable[Concatenate[Editor, _P], None]:
    """Says so where one of TOML's shorter forms does not take a change."""

    @wraps(change)
    def changed(self: Editor, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            change(self, *args, **kwargs)
        except (TOMLKitError, ValueError) as error:
            if isinstance(error, RecordsError):
                raise
            told = RecordProblem(None, f"can't be changed: {error}. {ADVICE}.")
            raise RecordsError(self.path, [told]) from error

    return changed


class Editor:
    """A document that is being changed.

    Args:
        text: A document that is in order.
        path: Where it is, for what is said of it.
    """

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        # With an empty line at the end, so that a table may follow; `text` takes it away again.
        self._document = tomlkit.parse(f"{text.rstrip()}\n\n")

    @property
    def text(self) -> str:
        """The document as it is now."""
        return f"{tomlkit.dumps(self._document).rstrip()}\n"

    @_in_its_form
    def point(self, alias: AliasName, change: ChangeRecord) -> None:
        """Lets an alias point to a version, and notes that in the history."""
        family = self._table(alias.family)
        aliases = self._table(alias.family, "aliases")
        is_first = not aliases
        aliases[alias.name] = change.version
        if is_first:
            aliases.add(tomlkit.nl())
        entry = tomlkit.table()
        entry.update(_plain(change))
        entry.add(tomlkit.nl())
        history = family.get("history")
        if isinstance(history, AoT):
            history.append(entry)
        elif history:  # a list of inline tables is as good, and stays one
            history.append(tomlkit.item(_plain(change), _parent=history))
        else:
            family["history"] = tomlkit.aot()
            family["history"].append(entry)

    @_in_its_form
    def add_version(self, family: str, label: str, version: VersionRecord) -> None:
        """Adds a version; what it has only from its family is not to be in it.

        Raises:
            RecordsError: The family has such a version, which is not to be lost.
        """
        there = self._document.get(family, {}).get("versions", {})
        if twin := next((known for known in there if same_version(known, label)), None):
            told = f"{family} {twin} is recorded already, as {there[twin].get('model')}"
            raise RecordsError(self.path, [RecordProblem(None, f"{told}: name one another way.")])
        table = self._table(family, "versions", label)
        for key, value in _plain(version).items():
            table[key] = _inline(value) if isinstance(value, Mapping) else value
        table.add(tomlkit.nl())

    @_in_its_form
    def set_version(self, family: str, label: str, key: str, value: object) -> None:
        """Changes what is said of a version.

        Args:
            family: Its family.
            label: Its version, as it is written.
            key: What, for example `base_model`.
            value: The new value; None takes the key away.
        """
        table = self._table(family, "versions", label)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = _without_fractions(value)

    @_in_its_form
    def set_family(self, family: str, settings: Mapping[str, Any]) -> None:
        """Changes what is said of all versions of a family.

        Args:
            family: Its name.
            settings: The new values, such as `task`, as they are to stand in the file.
        """
        table = self._table(family)
        for key, value in settings.items():
            table[key] = _inline(value) if isinstance(value, Mapping) else value

    def _table(self, *path: str) -> Any:
        """A table, made where there is none."""
        table: Any = self._document
        for depth, key in enumerate(path):
            if key not in table:
                # Only the innermost of `[family.versions.v1]` gets a header of its own.
                table[key] = tomlkit.table(is_super_table=depth < len(path) - 1)
            table = table[key]
        return table


def _plain(record: ChangeRecord | VersionRecord) -> dict[str, Any]:
    """What is worth writing down."""
    plain = record.model_dump(by_alias=True, exclude_defaults=True)
    return {key: _without_fractions(value) for key, value in plain.items() if value != {}}


def _without_fractions(value: object) -> object:
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _inline(value: Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    table.update(value)
    return table
