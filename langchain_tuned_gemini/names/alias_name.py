"""Aliases: names that stay while the versions that they point to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.names.version_name import check_family, version_or_none

_ALIAS = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class AliasName:
    """The name of an alias, `sql-expert@production`."""

    family: str
    name: str

    @classmethod
    def find(cls, text: str) -> Self | None:
        """Reads an alias; None for what is another kind of name, such as `models/1@2`."""
        return cls.parse(text) if "@" in text and "/" not in text else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads an alias.

        Raises:
            TunedModelNameError: It is none.

        Example:
            >>> AliasName.parse("sql-expert@production").family
            'sql-expert'
        """
        family, at, name = text.partition("@")
        if not at:
            raise TunedModelNameError(
                f"{text!r} is no alias. Write FAMILY@ALIAS, for example sql-expert@production.",
                name=text,
            )
        check_family(family)
        check_alias(name)
        return cls(family, name)

    def __str__(self) -> str:
        return f"{self.family}@{self.name}"


def check_alias(name: str) -> None:
    """Returns if an alias may be called so; what looks like a version may not.

    Raises:
        TunedModelNameError: It may not.
    """
    if not _ALIAS.fullmatch(name) or version_or_none(name) is not None:
        raise TunedModelNameError(
            f"{name!r} can't be an alias: it takes lower-case letters, digits, hyphens and "
            "underscores, starts with a letter, and is no version. Call it production, say.",
            name=name,
        )
