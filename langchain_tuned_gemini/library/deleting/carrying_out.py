"""Deleting what was planned, and nothing else, whatever has happened since."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from langchain_tuned_gemini.errors import (
    DeletionIncompleteError,
    RecordsError,
    ServiceError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.library.deleting.audit import Audit
from langchain_tuned_gemini.library.deleting.plan import (
    DeletionPlan,
    PlannedDeletion,
    as_dict,
    protections,
    told,
)
from langchain_tuned_gemini.library.deleting.report import (
    Deletion,
    DeletionOutcome,
    DeletionReport,
)
from langchain_tuned_gemini.library.flows import Asking, Doing, Flow, Reading
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.names import TunedModelName
from langchain_tuned_gemini.records import Catalog, RecordedVersion
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.tuned_model import TunedModel, TunedModelState

_logger = logging.getLogger(__name__)

OnDeletion = Callable[[Deletion], object]
"""Called after each model."""


class Deleting:
    """Carries a plan out.

    Right before each deletion the model and the records are read again. Only between that and
    the request to delete, which follows at once, could anything happen unseen: the API takes no
    condition along.

    Args:
        inventory: The models.
        audit: Where deletions are written down.
        user: Who deletes.
        force: Whether to delete what the plan says is protected.
        on_progress: Called after each model.
    """

    def __init__(
        self,
        inventory: Inventory,
        audit: Audit,
        user: str,
        *,
        force: bool,
        on_progress: OnDeletion | None,
    ) -> None:
        self._inventory = inventory
        self._audit = audit
        self._user = user
        self._force = force
        self._on_progress = on_progress

    def flow(self, plan: DeletionPlan) -> Flow[DeletionReport]:
        """Deletes one model after the other; one that fails does not keep the others."""
        self._audit.check()
        results = []
        for planned in plan.deletions:
            results.append((yield from self._written_down(planned)))
            if self._on_progress:
                self._on_progress(results[-1])
        return DeletionReport(tuple(results))

    def _written_down(self, planned: PlannedDeletion) -> Flow[Deletion]:
        """Deletes a model, and writes down what became of it, also of an interruption."""
        result = None
        try:
            result = yield from self._deleted(planned)
        finally:
            self._write_down(planned, result)
        if result.outcome in {DeletionOutcome.DELETED, DeletionOutcome.GONE}:
            yield Doing(lambda: self._record(planned))
        return result

    def _deleted(self, planned: PlannedDeletion) -> Flow[Deletion]:
        name = TunedModelName.parse(planned.name)
        service = self._inventory.service_of(name)
        try:
            model: TunedModel = yield Reading(service, name)
        except TunedModelNotFoundError:
            if name.platform == "developer":
                return Deletion(planned.name, DeletionOutcome.GONE)
            # What Vertex AI does not find by this name may have parts under others.
        except ServiceError as error:
            return Deletion(planned.name, DeletionOutcome.FAILED, str(error))
        else:
            if objection := self._objection(planned, model):
                return objection
        return (yield from _asked_for(service, name))

    def _objection(self, planned: PlannedDeletion, model: TunedModel) -> Deletion | None:
        """What keeps a model from being deleted, as it is now; None for nothing."""
        if changed := _change(planned, model):
            return Deletion(planned.name, DeletionOutcome.SKIPPED, changed)
        try:
            catalog = self._inventory.records.load()
        except RecordsError as error:
            return Deletion(planned.name, DeletionOutcome.FAILED, str(error))
        found = protections(self._inventory.placed(model, catalog), catalog)
        unseen = [reason for reason in found if reason not in planned.protections]
        if unseen:
            why = f"Not deleted: since it was planned, {told(unseen)}."
            return Deletion(planned.name, DeletionOutcome.SKIPPED, why)
        if found and not self._force:
            why = f"Not deleted: {told(found)}. With force it is deleted all the same."
            return Deletion(planned.name, DeletionOutcome.PROTECTED, why)
        return None

    def _write_down(self, planned: PlannedDeletion, result: Deletion | None) -> None:
        line: dict[str, Any] = {
            "at": self._now().isoformat(),
            "by": self._user,
            "action": "delete",
            **as_dict(planned),
            "force": self._force,
            "outcome": result.outcome.value if result else "interrupted",
        }
        if result and result.detail:
            line |= {"detail": result.detail, "left": list(result.left)}
        try:
            self._audit.add(line)
        except OSError as problem:  # the disk is full, say: what is deleted stays deleted
            _logger.error("%s can't be written: %s", self._audit.path, problem)  # noqa: TRY400

    def _record(self, planned: PlannedDeletion) -> None:
        """Notes in the records that a model is gone. Without that, `differences` finds out."""
        with suppress(RecordsError, OSError):
            if _recorded(planned, self._inventory.records.load()) is None:
                return
            with self._inventory.records.edit() as (catalog, editor):
                if record := _recorded(planned, catalog):
                    editor.set_version(record.family, record.label, "deleted", self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._inventory.clock(), UTC).replace(microsecond=0)


def _asked_for(service: TunedModelService, name: TunedModelName) -> Flow[Deletion]:
    """Asks for a deletion, and says what came of it."""
    try:
        yield Asking(service.delete, service.adelete, name)
    except TunedModelNotFoundError:
        return Deletion(str(name), DeletionOutcome.GONE)
    except DeletionIncompleteError as error:
        return Deletion(str(name), DeletionOutcome.FAILED, str(error), error.left)
    except TunedModelNotDeletableError as error:
        outcome = DeletionOutcome.GONE if error.is_gone else DeletionOutcome.FAILED
        return Deletion(str(name), outcome, str(error))
    except ServiceError as error:
        return Deletion(str(name), DeletionOutcome.FAILED, str(error))
    return Deletion(str(name), DeletionOutcome.DELETED)


def _recorded(planned: PlannedDeletion, catalog: Catalog) -> RecordedVersion | None:
    """What is recorded of a model as if it were still there; None for nothing."""
    for version in catalog.versions:
        if version.record.model == planned.recorded and not version.record.deleted:
            return version
    return None


def _change(planned: PlannedDeletion, model: TunedModel) -> str:
    """What has changed since the plan was made; empty for nothing that matters."""
    if planned.create_time is None:
        return (
            "Not deleted: its service does not tell when it was created, so that another model "
            "of its name could not be told from it."
        )
    if model.create_time != planned.create_time:
        return "Not deleted: it was deleted and created anew since it was planned."
    if model.state is planned.state:
        return ""
    # Undeployed is what a deletion leaves that stopped in the middle.
    if planned.state is TunedModelState.ACTIVE and model.state is TunedModelState.UNKNOWN:
        return ""
    return f"Not deleted: it was {planned.state} when it was planned, and is {model.state} now."
