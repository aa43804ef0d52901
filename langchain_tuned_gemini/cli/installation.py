"""What is installed, held against what this package asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

_PACKAGE = "langchain-tuned-gemini"
_TOLD = (_PACKAGE, "langchain-core", "langchain-google-genai", "google-genai")
_NOT_FOR_USERS = {"dev", "mutants"}


@dataclass(frozen=True, slots=True)
class WrongPackage:
    """A package that is missing, or has a version that won't do.

    Attributes:
        package: Its name.
        told: What is wrong, and what to do.
    """

    package: str
    told: str


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra, and what of it is missing.

    Attributes:
        name: The extra.
        missing: The packages that are not there, or not in a version that will do.
        told: The same in a sentence.
    """

    name: str
    missing: tuple[str, ...]
    told: str


def versions_in_use() -> Iterator[str]:
    """The versions that matter to whoever is asked for help."""
    yield f"Python {'.'.join(map(str, sys.version_info[:3]))}"
    for package in _TOLD:
        if found := _installed(package):
            yield f"{package} {found}"


def check_packages() -> Iterator[WrongPackage]:
    """Finds what is wrong with the packages that are needed in any case."""
    for needed in _needed(""):
        if (found := _installed(needed.name)) is None:
            told = f'is not installed. Run: pip install "{needed}"'
        elif not needed.specifier.contains(found, prereleases=True):
            told = f'is {found}; {needed.specifier} is needed. Run: pip install "{needed}"'
        else:
            continue
        yield WrongPackage(needed.name, f"{needed.name} {told}")


def check_extras() -> Iterator[Extra]:
    """Tells for each extra whether it is there."""
    from importlib.metadata import metadata

    for name in metadata(_PACKAGE).get_all("Provides-Extra") or ():
        if name in _NOT_FOR_USERS:
            continue
        needed = [n for n in _needed(name) if n.name != _PACKAGE]
        missing = tuple(n.name for n in needed if not _will_do(n))
        there = ", ".join(f"{n.name} {_installed(n.name)}" for n in needed)
        told = f'not installed. If you need it: pip install "{_PACKAGE}[{name}]"'
        yield Extra(name, missing, told if missing else f"{there}.")


def _needed(extra: str) -> Iterator[Requirement]:
    """The requirements of an extra, or those without one."""
    for line in requires(_PACKAGE) or ():
        needed = Requirement(line)
        marker = needed.marker
        if marker is None:
            if not extra:
                yield needed
        elif marker.evaluate({"extra": extra}) and not (extra and marker.evaluate({"extra": ""})):
            needed.marker = None
            yield needed


def _will_do(needed: Requirement) -> bool:
    found = _installed(needed.name)
    return found is not None and needed.specifier.contains(found, prereleases=True)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
