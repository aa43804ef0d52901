"""Starting to tune a new version, and recording it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from langchain_tuned_gemini.dataset import TuningDataset
from langchain_tuned_gemini.effects import Call, Flow, arun, run
from langchain_tuned_gemini.errors import Advice, ParameterError, RecordsError
from langchain_tuned_gemini.library.creation_plan import NewVersion, TuningPlan, plan_creation
from langchain_tuned_gemini.library.model_library import ModelLibrary
from langchain_tuned_gemini.registry import DatasetRecord, VersionRecord
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_log = logging.getLogger("langchain_tuned_gemini")


def plan_version(library: ModelLibrary, wish: NewVersion) -> TuningPlan:
    """Says what a new version would be: its name, data, settings and cost. Nothing is changed.

    Args:
        library: The library that it belongs to.
        wish: What is wanted.

    Raises:
        DatasetError: The examples can't be used; it has all that is wrong, with file and line.
        ParameterError: Something is missing, is not taken by the platform, or the source's data
            has changed since.
        TunedModelNameError: Google would refuse the name, or there is no such source.

    Example:
        ```python
        plan = plan_version(library, NewVersion("sql-expert", data=["old.jsonl", "new.jsonl"]))
        created = create_version(library, plan, service)
        ready = wait_until_active(service, created)
        ```
    """
    return run(plan_creation(library, wish))


async def aplan_version(library: ModelLibrary, wish: NewVersion) -> TuningPlan:
    """Says what a new version would be; see `plan_version`."""
    return await arun(plan_creation(library, wish))


def create_version(
    library: ModelLibrary,
    plan: TuningPlan,
    service: TunedModelService,
    *,
    alongside: bool = False,
) -> TunedModel:
    """Starts to tune what was planned, records it, and returns at once.

    The merged examples are written first, so that what a version was tuned with is never lost.
    Wait for the model with `wait_until_active`, now or whenever you like: the tuning goes on.

    Args:
        library: The library that it belongs to.
        plan: The plan.
        service: Who tunes it: a `GenerativeAIService`, or a `VertexService`, which needs an
            `upload` for examples that are not in Cloud Storage yet.
        alongside: Whether to tune it though another version of the family is CREATING: a create
            command that was interrupted, and is given again, would pay for a second one.

    Returns:
        The model, CREATING.

    Raises:
        ParameterError: Another version is CREATING, or the file for the merged examples is there
            and holds something else.
        ServiceError: The service refuses. If it could not be reached, look whether the model is
            there before you try again.
    """
    return run(_create(library, plan, service, alongside=alongside))


async def acreate_version(
    library: ModelLibrary,
    plan: TuningPlan,
    service: TunedModelService,
    *,
    alongside: bool = False,
) -> TunedModel:
    """Starts to tune what was planned, records it, and returns at once; see `create_version`."""
    return await arun(_create(library, plan, service, alongside=alongside))


def _create(
    library: ModelLibrary, plan: TuningPlan, service: TunedModelService, *, alongside: bool
) -> Flow[TunedModel]:
    if plan.running and not alongside:
        raise ParameterError(
            f"{', '.join(plan.running)} is CREATING already.",
            advice=Advice(
                "Wait for it, or say that another one is wanted beside it: alongside=True.",
                "Wait for it, with tuned-gemini wait, or add --alongside.",
            ),
        )
    library.records.load()  # a mistake in it is better known before than after
    _write_merged(plan)
    # Vertex AI makes the ids itself.
    own_id = {"model_id": str(plan.name)} if plan.platform == "developer" else {}
    model: TunedModel = yield Call(
        service.create,
        service.acreate,
        plan.data if plan.dataset is None else plan.dataset,
        base_model=plan.base_model,
        display_name=str(plan.name),
        **own_id,
        **plan.settings.given,
    )
    _record(library, plan, model)
    return model


def _write_merged(plan: TuningPlan) -> None:
    """Keeps what the version is tuned with; a file of the user's is not replaced."""
    if not plan.is_merged or plan.dataset is None:
        return
    if Path(plan.data).exists():
        if TuningDataset.read(plan.data).content_hash() == plan.dataset.content_hash():
            return
        raise ParameterError(
            f"{plan.data} is where the merged examples should go, but it holds other ones. Move "
            "it away, or merge the files yourself and pass the result."
        )
    is_plain = all(example.is_plain for example in plan.dataset)
    plan.dataset.write(plan.data, format="jsonl" if is_plain else "vertex")


def _record(library: ModelLibrary, plan: TuningPlan, model: TunedModel) -> None:
    """Notes what was created; the tuning goes on if that fails."""
    try:
        with library.records.edit() as (_, editor):
            editor.add_version(
                plan.name.family, plan.name.label, _version_record(plan, model, library)
            )
    except (RecordsError, OSError) as error:
        _log.warning("%s is being tuned, but could not be recorded: %s", model.name, error)


def _version_record(plan: TuningPlan, model: TunedModel, library: ModelLibrary) -> VersionRecord:
    path, digest = plan.data, ""
    if plan.dataset is not None:
        path = Path(os.path.relpath(plan.data, library.records.path.parent)).as_posix()
        digest = plan.dataset.content_hash()
    # What the model is told in its training it is to be told again, if that is always one.
    instructions = {example.system_instruction for example in plan.dataset or ()}
    return VersionRecord(
        model=model.name,
        base_model=plan.base_model,
        dataset=DatasetRecord(path=path, hash=digest, parts=plan.parts),
        system_instruction=instructions.pop() if len(instructions) == 1 else None,
    )
