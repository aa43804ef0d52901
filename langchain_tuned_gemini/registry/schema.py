"""What may stand in `tuned-models.toml`.

```toml
[sql-expert]                        # a family; what is said here holds for all its versions
task = "strict"
system_instruction = "Answer with one SQL query."
guards = [{ sql = "sqlite" }]
fallback = { base_model = "gemini-3.5-flash", k = 8 }

[sql-expert.versions.v2]
model = "tunedModels/sql-expert-v2"
base_model = "models/gemini-1.5-flash-001-tuning"
dataset = { path = "data/train-2.jsonl", hash = "…" }
task = "creative"                   # what is said here goes before

[sql-expert.aliases]
production = "v2"

[[sql-expert.history]]
alias = "production"
version = "v2"
before = "v1"
by = "ann"
at = 2026-11-28T14:00:00Z
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, RootModel

from langchain_tuned_gemini.few_shot import ExampleForm
from langchain_tuned_gemini.names.alias_name import check_alias
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import check_family
from langchain_tuned_gemini.registry.guard_tables import GuardRecord
from langchain_tuned_gemini.registry.record_model import RecordModel
from langchain_tuned_gemini.tuned_models.generation_presets import Task


def _full_name(text: str) -> str:
    """A name that means the same everywhere; a short one needs a project and a location."""
    if not text.startswith(("tunedModels/", "projects/")):
        raise ValueError(
            f"{text!r} is no full name: write tunedModels/ID, or on Vertex AI "
            "projects/P/locations/L/endpoints/E"
        )
    return str(TunedModelName.parse(text))


def _family(text: str) -> str:
    check_family(text)
    return text


def _label(text: str) -> str:
    """A label is shown in terminals and logs; what nobody can see would make two look alike."""
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} can't be a version: it is empty, or has invisible characters")
    return text


_Label: TypeAlias = Annotated[str, AfterValidator(_label)]


def _alias(text: str) -> str:
    check_alias(text)
    return text


class DatasetRecord(RecordModel):
    """What a version was tuned on.

    Attributes:
        path: A file's path, from the directory of the records on, or a `gs://` URI.
        hash: `TuningDataset.content_hash()` of it.
        parts: The hashes of the data sets that it was merged from.
    """

    path: str = ""
    hash: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    parts: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()


class FallbackRecord(RecordModel):
    """What answers while a version can't.

    Attributes:
        base_model: A Gemini model's name.
        k: How many examples go into the prompt at the most; 8 when left out.
        form: How they are shown, as in `FewShotPrompt`.
        examples: The file with the examples, if it is not what the version was tuned on.
        location: Where on Vertex AI it is asked, as `fallback_location` of `ChatTunedGemini`.
    """

    base_model: Annotated[str, Field(min_length=1)]
    k: Annotated[int, Field(ge=1)] | None = None
    form: ExampleForm = "turns"
    examples: str = ""
    location: str = ""


class SettingsRecord(RecordModel):
    """How models are used. None is not said.

    Attributes:
        task: The preset of the generation parameters.
        system_instruction: What the model was told in its training, and is to be told again.
        guards: What an answer must be.
        fallback: What answers while the model can't.
    """

    task: Task | None = None
    system_instruction: str | None = None
    guards: tuple[GuardRecord, ...] | None = None
    fallback: FallbackRecord | None = None


class VersionRecord(SettingsRecord):
    """A version of a family.

    Attributes:
        model: The tuned model's full name, on either platform.
        base_model: What it was tuned from.
        dataset: What it was tuned on.
        keep: Whether it is never to be deleted without force.
        deleted: When it was deleted; None while it is there.
    """

    model: Annotated[str, AfterValidator(_full_name)]
    base_model: str = ""
    dataset: DatasetRecord = DatasetRecord()
    keep: bool = False
    deleted: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What a `ChatTunedGemini` for it is built with, besides its name."""
        is_somewhere = TunedModelName.parse(self.model).platform == "vertex"  # not all of a family
        told = {
            "base_model": self.base_model or None,
            "task": self.task,
            "system_instruction": self.system_instruction,
            "fallback_location": (is_somewhere and self.fallback and self.fallback.location)
            or None,
        }
        return {name: value for name, value in told.items() if value is not None}


class ChangeRecord(RecordModel):
    """A change of an alias.

    Attributes:
        alias: Its name within the family.
        version: What it pointed to from then on.
        before: What it had pointed to; empty for a new alias.
        by: Who changed it.
        at: When.
        rollback: Whether it went back.
    """

    alias: str
    version: str
    before: str = ""
    by: str = ""
    at: datetime
    rollback: bool = False


class FamilyRecord(SettingsRecord):
    """A family of versions.

    Attributes:
        versions: The versions, by their labels.
        aliases: The versions that the aliases point to.
        history: How the aliases have changed, oldest first.
    """

    versions: dict[_Label, VersionRecord] = Field(default_factory=dict)
    aliases: dict[Annotated[str, AfterValidator(_alias)], str] = Field(default_factory=dict)
    history: tuple[ChangeRecord, ...] = ()


class RecordsDocument(RootModel[dict[Annotated[str, AfterValidator(_family)], FamilyRecord]]):
    """The whole file: the families by their names."""
