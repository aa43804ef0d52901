"""The addresses of tuned models, checked before any URL is built from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from langchain_tuned_gemini.errors import TunedModelNameError

_PREFIX = "tunedModels/"
# The rule for ids that a caller may choose; Google generates longer ones (a display name of
# up to 40 characters, a hyphen and up to 25 random characters), seen as in
# `generatenum392-dd0p9rp2dktdfzwgrakk71f7h`, so the length is not limited to 40 here.
# https://ai.google.dev/api/tuning#method:-tunedmodels.create
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?", re.ASCII)
_CHOSEN_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TunedModelName:
    """The name of a tuned model of the Gemini Developer API: `tunedModels/ID`.

    Strict on purpose: an SDK that is given `tunedModels/a#x` sends the request to
    `tunedModels/a` and loses the method on the way, and a DELETE would hit the wrong model.

    Attributes:
        id: The part after `tunedModels/`.
    """

    id: str

    @classmethod
    def parse(cls, name: str | TunedModelName) -> Self:
        """Reads a full name.

        Args:
            name: For example `tunedModels/sql-expert-v1`.

        Returns:
            The name; `str()` of it is the full name again.

        Raises:
            TunedModelNameError: If this can't address a tuned model; the sentence says what
                would.

        Example:
            >>> TunedModelName.parse("tunedModels/sql-expert-v1").id
            'sql-expert-v1'
        """
        text = str(name)
        if problem := _problem_with(text):
            raise TunedModelNameError(problem, name=text)
        return cls(text.removeprefix(_PREFIX))

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

    def __str__(self) -> str:
        return f"{_PREFIX}{self.id}"


def _problem_with(name: str) -> str | None:  # noqa: PLR0911  # a table in disguise
    """Says what is wrong with a name, or None."""
    if not name.strip():
        return "A tuned model's name is empty. It looks like tunedModels/sql-expert-v1."
    if name.startswith("models/tunedModels/"):
        return f"{name!r} has one prefix too many: use {name.removeprefix('models/')!r}."
    if name.startswith(("models/", "publishers/")):
        return (
            f"{name!r} is a base model, not a tuned one. Use ChatGoogleGenerativeAI for it, or "
            "pass it as the fallback: model.with_few_shot_fallback(base, examples=...)."
        )
    if name.startswith("projects/"):
        return f"{name!r} is a Vertex AI name; only the Developer API's tunedModels/ID work here."
    if not name.startswith(_PREFIX):
        return (
            f"{name!r} is not a tuned model's full name. Write {_PREFIX}ID. Without that "
            "prefix Google looks for a base model; for one, use ChatGoogleGenerativeAI."
        )
    if not _ID.fullmatch(name.removeprefix(_PREFIX)):
        return (
            f"{name!r} is not a tuned model's name: after {_PREFIX} it takes lower-case letters, "
            "digits and hyphens only."
        )
    return None
