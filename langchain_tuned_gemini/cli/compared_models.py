"""The models that a comparison is to be made of, from what their user calls them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
    from langchain_tuned_gemini.cli.context import CommandContext
    from langchain_tuned_gemini.comparison import Candidate
    from langchain_tuned_gemini.guards import Guard
    from langchain_tuned_gemini.library import LibraryModel

BASE = "base"
WITH_EXAMPLES = "+few-shot"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tuned model that takes part.

    Attributes:
        text: What its user calls it.
        found: What the library knows of it.
        model: The chat model that is asked, without any fallback.
    """

    text: str
    found: LibraryModel
    model: ChatTunedGemini

    @property
    def seen(self) -> str | None:
        """The file on this machine that it was tuned with; None where that is not known."""
        record = self.found.record
        path = record.record.dataset.path if record else ""
        if record is None or not path or path.startswith("gs://"):
            return None
        file = record.directory / path
        return str(file) if file.is_file() else None


@dataclass(frozen=True, slots=True)
class StandIn:
    """The base model that takes part, if one does.

    Attributes:
        base: Its name; None where the records have it.
        examples: The file with its examples; None where the records have it.
        k: How many examples it is shown at the most; None where the records have it.
        columns: What the file calls the fields, where they have other names.
    """

    base: str | None = None
    examples: Path | None = None
    k: int | None = None
    columns: Mapping[str, str] | None = None


def contestants(context: CommandContext, texts: Sequence[str]) -> list[Contestant]:
    """The tuned models among the candidates."""
    return [_contestant(context, text) for text in texts if _base_in(text) is None]


def _base_in(text: str) -> str | None:
    """The base model that a candidate is, as its user calls it; None for a tuned one."""
    from langchain_tuned_gemini.names.version_name import VersionName
    from langchain_tuned_gemini.tuned_models.base_models import base_model_id

    name = text.removesuffix(WITH_EXAMPLES)
    is_tuned = "@" in name or VersionName.find(name) or name.startswith("tunedModels/")
    is_base = name == BASE or (base_model_id(name) or "").startswith("gemini-")
    return name if is_base and not is_tuned else None


def candidates(
    texts: Sequence[str], tuned: Sequence[Contestant], stand_in: StandIn
) -> list[Candidate]:
    """All candidates, in their user's order."""
    from langchain_tuned_gemini.comparison import Candidate
    from langchain_tuned_gemini.comparison.candidates import version_of

    known = {one.text: one for one in tuned}
    made = []
    for text in texts:
        if one := known.get(text):
            created = one.found.model.create_time
            # One that was deleted and tuned again under its name is another one.
            version = f"{version_of(one.model)}{f'-{created:%Y%m%dT%H%M%S.%f}' if created else ''}"
            made.append(Candidate(text, one.model, version, one.found.model.base_model))
        else:
            made.append(Candidate(text, _base_model(text, tuned, stand_in)))
    return made


def guards_of(tuned: Sequence[Contestant], texts: Sequence[str]) -> list[Guard]:
    """The guards that were given, or else those that are recorded of the first model with any.

    Args:
        tuned: The tuned models.
        texts: Guards as they stand in the records, such as `sql = "sqlite"` or `json`.
    """
    if texts:
        return [_guard(text) for text in texts]
    recorded = (one.found.record.guards() for one in tuned if one.found.record)
    return next(filter(None, recorded), [])


def _contestant(context: CommandContext, text: str) -> Contestant:
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

    found = context.find(text)
    recorded = found.record.record.parameters if found.record else {}
    parameters = {**recorded, **context.target.rights(found.platform)}
    return Contestant(text, found, ChatTunedGemini(model=found.name, **parameters))


def _base_model(text: str, tuned: Sequence[Contestant], stand_in: StandIn) -> Any:
    """The base model, with the rights of the first tuned one."""
    from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
    from langchain_tuned_gemini.dataset import TuningDataset
    from langchain_tuned_gemini.few_shot import FewShotPrompt

    if not tuned:
        raise typer.BadParameter(
            f"Name a tuned model, too: {text} is asked with the rights of one."
        )
    recorded = next((one.found.record for one in tuned if one.found.record), None)
    fallback = recorded.record.fallback if recorded else None
    base = _base_in(text)
    if base == BASE:
        base = stand_in.base or (fallback.base_model if fallback else None)
    if base is None:
        raise typer.BadParameter(f"Say with --base which model {text} is; none is recorded.")
    model = tuned[0].model.base_chat_model(base)
    if not text.endswith(WITH_EXAMPLES):
        return model
    examples = stand_in.examples or (recorded.examples if recorded else None)
    if examples is None:
        raise typer.BadParameter(f"Say with --examples what {text} is shown; none is recorded.")
    k = stand_in.k or (fallback.k if fallback else None)
    form = fallback.form if fallback else "turns"
    columns = stand_in.columns if stand_in.examples else None
    dataset = TuningDataset.of(str(examples), columns=columns, text_only=True)
    return FewShotChatModel(wrapped=model, prompt=FewShotPrompt(dataset, k=k, form=form))


def guard_told(text: str) -> Any:
    """A guard as it is to stand in the records; one that can't stand there is refused."""
    from pydantic import ValidationError

    from langchain_tuned_gemini.registry.guard_tables import GuardRecord

    try:
        told = tomllib.loads(f"guard = {{ {text} }}")["guard"] if "=" in text else text
        GuardRecord.model_validate(told)
    except tomllib.TOMLDecodeError as error:
        raise typer.BadParameter(f"{text!r} is no guard: {error}") from error
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{text!r}: {why}") from error
    return told


def _guard(text: str) -> Guard:
    from langchain_tuned_gemini.registry.guard_tables import GuardRecord

    return GuardRecord.model_validate(guard_told(text)).build(Path())
