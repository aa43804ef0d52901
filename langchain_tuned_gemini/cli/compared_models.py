"""The candidates of a comparison, from what its user calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.cli.options import Columns, columns_of, existing_file, guard_record

if TYPE_CHECKING:
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
    from langchain_tuned_gemini.cli.context import CommandContext
    from langchain_tuned_gemini.comparison import Candidate
    from langchain_tuned_gemini.guards import Guard
    from langchain_tuned_gemini.library import LibraryModel

_BASE = "base"
_WITH_EXAMPLES = "+few-shot"


@dataclass(frozen=True, slots=True)
class BaseOptions:
    """The base model that takes part; what is None is taken from the records."""

    base: Annotated[str | None, typer.Option(metavar="NAME", help="Which base model base is.")] = (
        None
    )
    examples: Annotated[Path | None, existing_file("What +few-shot shows.")] = None
    k: Annotated[int | None, typer.Option("-k", min=1, help="How many it is shown.")] = None
    columns: Columns = None


@dataclass(frozen=True, slots=True)
class TunedCandidate:
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


def tuned_candidates(context: CommandContext, texts: Sequence[str]) -> list[TunedCandidate]:
    """The tuned models among the candidates."""
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

    made = []
    for text in texts:
        if _base_in(text) is None:
            found = context.find(text)
            recorded = found.record.record.parameters if found.record else {}
            parameters = {**recorded, **context.target.rights(found.platform)}
            model = ChatTunedGemini(model=found.name, **parameters)
            made.append(TunedCandidate(text, found, model))
    return made


def _base_in(text: str) -> str | None:
    """The base model that a candidate is, as its user calls it; None for a tuned one."""
    from langchain_tuned_gemini.names.version_name import VersionName
    from langchain_tuned_gemini.tuned_models.base_models import base_model_id

    name = text.removesuffix(_WITH_EXAMPLES)
    is_tuned = "@" in name or VersionName.find(name) or name.startswith("tunedModels/")
    is_base = name == _BASE or (base_model_id(name) or "").startswith("gemini-")
    return name if is_base and not is_tuned else None


def candidates(
    texts: Sequence[str], tuned: Sequence[TunedCandidate], options: BaseOptions
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
            made.append(Candidate(text, _base_model(text, tuned, options)))
    return made


def _base_model(text: str, tuned: Sequence[TunedCandidate], options: BaseOptions) -> Any:
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
    if base == _BASE:
        base = options.base or (fallback.base_model if fallback else None)
    if base is None:
        raise typer.BadParameter(f"Say with --base which model {text} is; none is recorded.")
    model = tuned[0].model.base_chat_model(base)
    if not text.endswith(_WITH_EXAMPLES):
        return model
    examples = options.examples or (recorded.examples if recorded else None)
    if examples is None:
        raise typer.BadParameter(f"Say with --examples what {text} is shown; none is recorded.")
    columns = columns_of(options.columns) if options.examples else None
    dataset = TuningDataset.of(str(examples), columns=columns, text_only=True)
    k = options.k or (fallback.k if fallback else None)
    form = fallback.form if fallback else "turns"
    return FewShotChatModel(wrapped=model, prompt=FewShotPrompt(dataset, k=k, form=form))


def guards_of(tuned: Sequence[TunedCandidate], texts: Sequence[str]) -> list[Guard]:
    """The guards that were given, or else those that are recorded of the first model with any.

    Args:
        tuned: The tuned models.
        texts: Guards as they stand in the records, such as `sql = "sqlite"` or `json`.
    """
    from langchain_tuned_gemini.registry.guard_tables import GuardRecord

    if texts:
        return [GuardRecord.model_validate(guard_record(text)).build(Path()) for text in texts]
    recorded = (one.found.record.guards() for one in tuned if one.found.record)
    return next(filter(None, recorded), [])
