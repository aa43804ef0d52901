"""Families of tuned models and their versions, as their names tell them.

A tuned model can't be changed: what has learnt more is another model. So versions stand in the
names: `sql-expert-v1`, `sql-expert-v1-2`, `sql-expert-v2-rc1`, or numbered `sql-expert-001`.
They are read strictly. A name that only looks a little like that has no version, since a wrong
guess would put a model into a family that it does not belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from packaging.version import Version

from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.tuned_models.platform import Platform

LONGEST_DISPLAY_NAME = 128
"""How many characters a model's name for people may have on Vertex AI.
https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs
"""

_FAMILY = r"[A-Za-z](?:[A-Za-z0-9_-]*?[A-Za-z0-9])??"  # as short as possible
# `v2`, `v1-2` and `v1.2`, each also as a candidate: `v2-rc1`, `v2-a1`, `v2-b3`. Or, without
# the letter, a number of three digits: fewer are too often a part of the family's own name,
# and more are likely a date or a part of what Google adds to make a name unique.
_LABEL = r"v(?P<release>\d{1,6}(?:[.-]\d{1,6}){0,3})(?:-(?P<stage>a|b|rc)(?P<number>\d{1,6}))?"
_NUMBER = r"(?P<counter>\d{3})"
_VERSION = re.compile(rf"{_LABEL}|{_NUMBER}", re.ASCII)
_NAME = re.compile(rf"(?P<family>{_FAMILY})-(?P<label>{_LABEL}|{_NUMBER})", re.ASCII)


@dataclass(frozen=True, slots=True)
class VersionName:
    """A family and one of its versions.

    Attributes:
        family: The family, for example `sql-expert`.
        label: The version as it is written, for example `v1-2` or `001`.

    Example:
        >>> VersionName.parse("sql-expert-v1-2")
        VersionName(family='sql-expert', label='v1-2')
        >>> VersionName.parse("sql-expert-v2").version > VersionName.parse("sql-expert-v2-rc1").version
        True
    """  # noqa: E501  # the example can't be wrapped

    family: str
    label: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the id of a tuned model, or its name for people.

        Raises:
            TunedModelNameError: It does not tell a version.
        """
        if found := cls.find(text):
            return found
        raise TunedModelNameError(
            f"{text!r} does not tell a version. Versions look like sql-expert-v2, "
            "sql-expert-v1-2, sql-expert-v2-rc1 or sql-expert-001.",
            name=text,
        )

    @classmethod
    def find(cls, text: str) -> Self | None:
        """Reads the id of a tuned model, or its name for people; None where it has no version.

        Example:
            >>> VersionName.find("sql-expert-v2-clean-dataset") is None
            True
        """
        match = _NAME.fullmatch(text)
        if match is None or not is_family(match["family"]):
            return None
        return cls(match["family"], match["label"])

    @property
    def version(self) -> Version:
        """The version, which has an order."""
        return version_of(self.label)

    def check(self, platform: Platform) -> None:
        """Returns if a new model may be called so.

        Raises:
            TunedModelNameError: Google would refuse the name.
        """
        if platform == "developer":
            TunedModelName.for_new_model(str(self))
        elif len(str(self)) > LONGEST_DISPLAY_NAME:
            raise TunedModelNameError(
                f"{str(self)!r} is too long: on Vertex AI a tuned model's display name has at "
                f"most {LONGEST_DISPLAY_NAME} characters.",
                name=str(self),
            )

    def __str__(self) -> str:
        return f"{self.family}-{self.label}"


def version_of(label: str) -> Version:
    """The version that a label stands for; labels that mean the same are equal here.

    Raises:
        TunedModelNameError: The label is no version's.

    Example:
        >>> version_of("v1-2") == version_of("v1.2"), version_of("002") > version_of("v1-2")
        (True, True)
    """
    version = version_or_none(label)
    if version is None:
        raise TunedModelNameError(
            f"{label!r} is no version. It looks like v2, v1-2, v2-rc1 or 001.", name=label
        )
    return version


def version_or_none(label: str) -> Version | None:
    """The version that a label stands for; None for a label that has no order."""
    match = _VERSION.fullmatch(label)
    if match is None:
        return None
    if match["counter"]:
        return Version(match["counter"])
    candidate = f"{match['stage']}{match['number']}" if match["stage"] else ""
    return Version(match["release"].replace("-", ".") + candidate)


def same_version(label: str, other: str) -> bool:
    """Whether two labels mean one version, as `v1-2` and `v1.2` do."""
    version = version_or_none(label)
    return label == other or (version is not None and version == version_or_none(other))


def check_family(family: str) -> None:
    """Returns if models may be called so, before their version.

    Raises:
        TunedModelNameError: It is no family's name.
    """
    if not is_family(family):
        raise TunedModelNameError(
            f"{family!r} can't be a family of tuned models: it takes letters, digits, hyphens "
            "and underscores, starts with a letter, and has no version at its end.",
            name=family,
        )


def is_family(text: str) -> bool:
    """Says whether a text can be a family: it is read back as it is from a name.

    Example:
        >>> is_family("sql-expert"), is_family("sql-expert-v2"), is_family("SQL expert")
        (True, False, False)
    """
    match = _NAME.fullmatch(f"{text}-000")
    return match is not None and match["family"] == text


def next_label(labels: Iterable[str]) -> str:
    """The label after the last one, written in the same way.

    What is counted is the last number: `v2` is followed by `v3`, `v1-2` by `v1-3`, `001` by
    `002`, and a candidate by what it is a candidate for: `v2-rc1` by `v2`.

    Args:
        labels: Those that are taken; what is no version among them is left aside.

    Example:
        >>> next_label(["v1", "v10", "v2"]), next_label(["v2-rc1"]), next_label([])
        ('v11', 'v2', 'v1')
    """
    known = [match for match in map(_VERSION.fullmatch, labels) if match]
    if not known:
        return "v1"
    last = max(known, key=lambda match: version_of(match[0]))
    if last["stage"]:
        return f"v{last['release']}"
    number = re.split(r"\D", last[0])[-1]
    head = last[0].removesuffix(number)
    following = f"{int(number) + 1:0{len(number)}}"
    # A counter has three digits: what comes after 999 is written in the other way.
    return f"v{following}" if not head and len(following) > 3 else f"{head}{following}"
