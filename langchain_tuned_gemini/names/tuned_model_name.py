"""The addresses of tuned models, checked before any URL is built from them.

| form | platform | what it names |
| --- | --- | --- |
| `tunedModels/ID` | Gemini Developer API | a tuned model |
| `projects/P/locations/L/endpoints/E` | Vertex AI | what answers for a tuned model |
| `projects/P/locations/L/tuningJobs/J` | Vertex AI | the job that tunes, or has tuned, a model |
| `projects/P/locations/L/models/M`, `…/models/M@V` | Vertex AI | the model and its version |
| `endpoints/E`, `E`, `tuningJobs/J`, `models/M`, `models/M@V` | Vertex AI | the same, in a project and location that are known; `E` and `M` are numbers |
"""  # noqa: E501  # a table can't be wrapped

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Self

from langchain_tuned_gemini.errors import Advice, TunedModelNameError
from langchain_tuned_gemini.tuned_models.platform import Platform

Kind = Literal["tunedModels", "endpoints", "tuningJobs", "models"]
"""What a name is the name of, in Google's own word for the collection."""

_PLATFORMS: dict[Platform, str] = {
    "developer": "the Gemini Developer API",
    "vertex": "Vertex AI",
}
_PREFIX = "tunedModels/"
# The rule for ids that a caller may choose; Google generates longer ones (a display name of
# up to 40 characters, a hyphen and up to 25 random characters), seen as in
# `generatenum392-dd0p9rp2dktdfzwgrakk71f7h`, so the length is not limited to 40 here.
# https://ai.google.dev/api/tuning#method:-tunedmodels.create
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?", re.ASCII)
_CHOSEN_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)

# A project's id or number; an id of the first days has its domain before a colon.
# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_PROJECT = r"(?:[a-z0-9.-]{1,63}:)?[a-z0-9][a-z0-9-]{0,61}[a-z0-9]"
# The location becomes a part of the host's name, so it must be none but a label.
_LOCATION = r"[a-z][a-z0-9-]{0,61}[a-z0-9]"
_RESOURCE = (
    r"(?P<kind>endpoints|tuningJobs|models)/(?P<id>[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)"
    r"(?:@(?P<version>[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,126}[a-zA-Z0-9])?))?"
)
_FULL = re.compile(
    rf"projects/(?P<project>{_PROJECT})/locations/(?P<location>{_LOCATION})/{_RESOURCE}", re.ASCII
)
_PLACED = re.compile(r"projects/([^/]*)/locations/([^/]*)/.*", re.DOTALL)
_SHORT = re.compile(_RESOURCE, re.ASCII)
_NUMBER = re.compile(r"\d+", re.ASCII)
_BASE = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/.*|models/.*", re.DOTALL)
_WITHOUT_LOCATION = re.compile(r"projects/[^/]+/(?:endpoints|tuningJobs|models)/.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TunedModelName:
    """The name of a tuned model, on either platform.

    Strict on purpose: an SDK that is given `tunedModels/a#x` sends the request to
    `tunedModels/a` and loses the method on the way, and a DELETE would hit the wrong model.

    Attributes:
        id: The last part, for example `sql-expert-v1` or `7070905402157694976`.
        kind: What it is the name of.
        project: The project's id or number; empty on the Developer API.
        location: The region, such as `us-central1`; empty on the Developer API.
        version: The version or its alias, of a model that is named with one; or empty.
    """

    id: str
    kind: Kind = "tunedModels"
    project: str = ""
    location: str = ""
    version: str = ""

    @classmethod
    def parse(
        cls,
        name: str | TunedModelName,
        *,
        project: str | None = None,
        location: str | None = None,
    ) -> Self:
        """Reads a name in any of its forms.

        Args:
            name: For example `tunedModels/sql-expert-v1`, or an endpoint's full name.
            project: The project of a short name of Vertex AI; `GOOGLE_CLOUD_PROJECT` when None.
            location: The region of a short name of Vertex AI; `GOOGLE_CLOUD_LOCATION` when
                None. A full name has its own, and must not be given another one here.

        Returns:
            The name; `str()` of it is the full name.

        Raises:
            TunedModelNameError: If this can't address a tuned model; the sentence says what
                would.

        Example:
            >>> TunedModelName.parse("tunedModels/sql-expert-v1").id
            'sql-expert-v1'
            >>> str(TunedModelName.parse("42", project="acme", location="us-central1"))
            'projects/acme/locations/us-central1/endpoints/42'
        """
        text = str(name)
        if text.startswith(_PREFIX) and _ID.fullmatch(text.removeprefix(_PREFIX)):
            return cls(text.removeprefix(_PREFIX))
        if (full := _FULL.fullmatch(text)) and _is_sound(full):
            _check_location(text, full["location"], location)
            return cls._read(full, full["project"], full["location"])
        if short := _short(text):
            wanted = f"{text!r} is short for a name of Vertex AI"
            place = place_of(project, location, wanted, name=text)
            return cls._read(short, *place)
        raise _error_for(text)

    @classmethod
    def _read(cls, match: re.Match[str], project: str, location: str) -> Self:
        kind: Kind = match["kind"]  # type: ignore[assignment]  # the pattern takes no other word
        return cls(match["id"], kind, project, location, match["version"] or "")

    @classmethod
    def for_new_model(cls, model_id: str) -> Self:
        """Reads the id of a model that is to be created, which Google limits to 40 characters.

        Raises:
            TunedModelNameError: If Google would refuse the id.
        """
        if not _CHOSEN_ID.fullmatch(model_id):
            raise TunedModelNameError(
                f"{model_id!r} can't be a tuned model's id: it takes 1 to 40 lower-case "
                "letters, digits and hyphens, starts with a letter and does not end with a "
                "hyphen.",
                name=model_id,
            )
        return cls(model_id)

    @property
    def platform(self) -> Platform:
        """The service that knows it."""
        return "developer" if self.kind == "tunedModels" else "vertex"

    @property
    def is_callable(self) -> bool:
        """True if it can be asked as it is; a job or a model must be resolved to an endpoint."""
        return self.kind in {"tunedModels", "endpoints"}

    @property
    def parent(self) -> str:
        """Where it lies on Vertex AI, for example `projects/acme/locations/us-central1`."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def whole(self) -> Self:
        """The name without its version."""
        return replace(self, version="")

    @property
    def place(self) -> dict[str, str]:
        """Its project and location as plain data; both are empty on the Developer API."""
        return {"project": self.project, "location": self.location}

    @property
    def key(self) -> tuple[str, str, str]:
        """The part that all names of one thing share, however they write project and version."""
        return self.kind, self.location, self.id

    def is_same(self, other: TunedModelName, numbers: Mapping[str, str]) -> bool | None:
        """Whether two names are of one thing; None where that can't be told from them.

        A project has an id and a number, and Google's answers have the number. So only two ids,
        or two numbers, tell two projects apart. A model's version is a number or an alias, or is
        left out.

        Args:
            other: The other name.
            numbers: The number of a project by its id, as far as they are known.

        Example:
            >>> dev = TunedModelName.parse("projects/dev/locations/us-central1/endpoints/4")
            >>> prod = TunedModelName.parse("projects/prod/locations/us-central1/endpoints/4")
            >>> number = TunedModelName.parse("projects/81/locations/us-central1/endpoints/4")
            >>> dev.is_same(prod, {}), dev.is_same(number, {}), dev.is_same(number, {"dev": "81"})
            (False, None, True)
        """
        verdicts = (
            self.key == other.key,
            is_same_project(self.project, other.project, numbers),
            _is_same_version(self.version, other.version),
        )
        return False if False in verdicts else None if None in verdicts else True

    def on(self, platform: Platform) -> Self:
        """Returns itself, for a service that knows the names of one platform only.

        Raises:
            TunedModelNameError: If it is of the other platform.
        """
        if self.platform != platform:
            where = _PLATFORMS[self.platform]
            service = "VertexService" if self.platform == "vertex" else "GenAIService"
            raise TunedModelNameError(
                f"{self} is on {where}, and this service knows {_PLATFORMS[platform]}.",
                advice=Advice(in_python=f"Use {service}."),
                name=str(self),
            )
        return self

    def __str__(self) -> str:
        if self.platform == "developer":
            return f"{_PREFIX}{self.id}"
        version = f"@{self.version}" if self.version else ""
        return f"{self.parent}/{self.kind}/{self.id}{version}"


def is_same_project(one: str, other: str, numbers: Mapping[str, str]) -> bool | None:
    """Whether an id or a number and another one are one project's; None where nobody knows."""
    one, other = numbers.get(one, one), numbers.get(other, other)
    return True if one == other else False if is_number(one) == is_number(other) else None


def is_number(project: str) -> bool:
    """Whether a project is told by its number."""
    return bool(_NUMBER.fullmatch(project))


def _is_same_version(one: str, other: str) -> bool | None:
    return True if one == other else False if is_number(one) and is_number(other) else None


def _short(text: str) -> re.Match[str] | None:
    """Reads what is short for a name of Vertex AI.

    Base models are called `models/…`, too, but none of them by a number.
    """
    match = _SHORT.fullmatch(f"endpoints/{text}" if _NUMBER.fullmatch(text) else text)
    if match is None or not _is_sound(match):
        return None
    is_base = match["kind"] == "models" and not _NUMBER.fullmatch(match["id"])
    return None if is_base else match


def _is_sound(match: re.Match[str]) -> bool:
    """Whether only a model has a version."""
    return not match["version"] or match["kind"] == "models"


def place_of(
    project: str | None, location: str | None, wanted: str, *, name: str = ""
) -> tuple[str, str]:
    """A project and a location, those of the environment where none are given.

    Args:
        project: The project's id or number.
        location: The region.
        wanted: Why they are needed, as the start of a sentence.
        name: What they are wanted for, if it is a short name.

    Raises:
        TunedModelNameError: One is not known, or can't be.
    """
    project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or ""
    location = location or os.environ.get("GOOGLE_CLOUD_LOCATION") or ""
    full = ", or write the full name: projects/P/locations/L/endpoints/E" if name else ""
    for what, value in (("project", project), ("location", location)):
        if not value:
            raise TunedModelNameError(
                f"{wanted}, and {'its' if name else 'the'} {what} is not known.",
                advice=Advice(f"Pass {what}=...,", f"Pass --{what},").plus(
                    f"set GOOGLE_CLOUD_{what.upper()}{full}."
                ),
                name=name,
            )
    if problem := _problem_with_place(project, location):
        raise TunedModelNameError(f"{problem}.", name=name)
    if location == "global":
        raise TunedModelNameError(
            f"{repr(name) if name else 'It'} can't be in the location 'global': a tuned model lies "
            "in the region it was tuned in.",
            advice=Advice(
                "Pass that one, for example location='us-central1'.",
                "Pass that one, for example --location us-central1.",
            ),
            name=name,
        )
    return project, location


def _problem_with_place(project: str, location: str) -> str | None:
    """Says which of them can't be, and what it may look like."""
    if not re.fullmatch(_PROJECT, project):
        return f"{project!r} is no project of Google Cloud, such as 'acme-prod' or '123456789012'"
    if not re.fullmatch(_LOCATION, location):
        return f"{location!r} is no location of Google Cloud, such as 'us-central1'"
    return None


def _check_location(name: str, its_own: str, given: str | None) -> None:
    """The location decides which host is asked; on another one, the model is not found."""
    if given is not None and given != its_own:
        raise TunedModelNameError(
            f"{name!r} lies in {its_own}, not in {given}.",
            advice=Advice(f"Leave location={given!r} out.", f"Leave --location {given} out."),
            name=name,
        )


def _error_for(name: str) -> TunedModelNameError:  # noqa: PLR0911  # a table in disguise
    """Says what is wrong with a name, and what would be right."""
    wrong = partial(TunedModelNameError, name=name)
    if not name.strip():
        return wrong("A tuned model's name is empty. It looks like tunedModels/sql-expert-v1.")
    if name.startswith("models/tunedModels/"):
        return wrong(f"{name!r} has one prefix too many: use {name.removeprefix('models/')!r}.")
    if name.startswith(_PREFIX):
        return wrong(
            f"{name!r} is not a tuned model's name: after {_PREFIX} it takes lower-case letters, "
            "digits and hyphens only."
        )
    if _BASE.fullmatch(name):
        return wrong(
            f"{name!r} is a base model, not a tuned one.",
            advice=Advice(
                "Use ChatGoogleGenerativeAI for it, or pass it as the fallback: "
                "model.with_few_shot_fallback(base, examples=...).",
                "It may stand in for one: --fallback.",
            ),
        )
    if _WITHOUT_LOCATION.fullmatch(name):
        return wrong(
            f"{name!r} lacks its location. Write projects/P/locations/L/..., with the region that "
            "the model was tuned in."
        )
    placed = _PLACED.fullmatch(name)
    if placed and (problem := _problem_with_place(*placed.groups())):
        return wrong(f"{name!r} is no name of Vertex AI: {problem}.")
    if name.startswith(("projects/", "endpoints/", "tuningJobs/")):
        return wrong(
            f"{name!r} is no name of Vertex AI. Write projects/P/locations/L/endpoints/E, "
            ".../tuningJobs/J or .../models/M@V, and nothing after it."
        )
    return wrong(
        f"{name!r} is not a tuned model's full name. Write {_PREFIX}ID, or on Vertex AI "
        "projects/P/locations/L/endpoints/E.",
        advice=Advice(
            in_python="Without that Google looks for a base model; for one, use "
            "ChatGoogleGenerativeAI."
        ),
    )
