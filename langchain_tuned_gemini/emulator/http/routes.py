"""One line of a table of Google's HTTP bindings: which URL means which method."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Api(Enum):
    """One of the two services that serve tuned Gemini models."""

    DEVELOPER = "Gemini Developer API"
    VERTEX = "Vertex AI"


Line = tuple[str, str, str, frozenset[str]]
"""Method, HTTP method, URL, versions. `*` is one segment, `**` is any number of them."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of a table, ready to match."""

    api: Api
    method: str
    pattern: re.Pattern[str]


def compiled(api: Api, table: Iterable[Line]) -> Mapping[str, list[Binding]]:
    """The bindings of a table by their HTTP method, in the table's order."""
    bindings: dict[str, list[Binding]] = {}
    for method, verb, url, versions in table:
        bindings.setdefault(verb, []).append(Binding(api, method, _pattern(url, versions)))
    return bindings


def _pattern(url: str, versions: Collection[str]) -> re.Pattern[str]:
    segments = {"**": "[^:]+", "*": "[^/:]+"}
    name, _, verb = url.partition(":")
    pattern = re.sub(r"\*\*|\*", lambda match: segments[match[0]], name)
    allowed = "|".join(sorted(versions))
    action = re.escape(f":{verb}") if verb else ""
    return re.compile(f"/(?P<version>{allowed})/(?P<name>{pattern}){action}")
