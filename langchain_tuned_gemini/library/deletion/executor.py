"""Deleting what was planned, and nothing else, whatever has happened since."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from langchain_tuned_gemini.effects import Call, Flow, Run
from langchain_tuned_gemini.errors import (
    DeletionIncompleteError,
    RecordsError,
    ServiceError,
    TunedGeminiError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.library.deletion.audit import Audit
from langchain_tuned_gemini.library.deletion.plan import DeletionPlan, PlannedDeletion, as_dict
from langchain_tuned_gemini.library.deletion.protections import (
    Force,
    ProtectionKind,
    described,
    protections,
)
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.library.second_look import Sight, look
from langchain_tuned_gemini.registry import Catalog, RecordedVersion
from langchain_tuned_gemini.services import PlacedService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

_logger = logging.getLogger(__name__)


class DeletionOutcome(StrEnum):
    """What became of one model."""

    DELETED = "deleted"
    """It was deleted now."""
    GONE = "gone"
    """It had been deleted already."""
    PROTECTED = "protected"
    """It was not deleted: something speaks against it, and there was no force."""
    SKIPPED = "skipped"
    """It was not deleted: it is not what was planned any more."""
    FAILED = "failed"
    """It could not be deleted, or not all of it."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of one model.

    Attributes:
        name: Its full name.
        outcome: What became of it.
        detail: Why, in a sentence; empty where there is nothing to say.
        left: What is left of a model whose deletion stopped in the middle.
        error: What went wrong, where that is why.
    """

    name: str
    outcome: DeletionOutcome
    detail: str = ""
    left: tuple[str, ...] = ()
    error: TunedGeminiError | None = field(default=None, compare=False, repr=False)

    @property
    def for_command_line(self) -> str:
        """The detail for whoever uses `tuned-gemini`."""
        return self.error.for_command_line if self.error else self.detail


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """What became of all models of a plan.

    Attributes:
        deletions: What became of each, in the order of the plan.
    """

    deletions: tuple[Deletion, ...]

    def of(self, outcome: DeletionOutcome) -> tuple[Deletion, ...]:
        """Those of which this became."""
        return tuple(one for one in self.deletions if one.outcome is outcome)

    @property
    def deleted(self) -> tuple[str, ...]:
        """The names of what was deleted."""
        return tuple(one.name for one in self.of(DeletionOutcome.DELETED))

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the plan is left. If not, the same plan can be carried out again."""
        done = {DeletionOutcome.DELETED, DeletionOutcome.GONE}
        return all(one.outcome in done for one in self.deletions)


OnDeletion = Callable[[Deletion], object]
"""Called after each model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionExecutor:
    """Carries a plan out.

    Right before each deletion the model and the records are read again. Only between that and
    the request to delete, which follows at once, could anything happen unseen: the API takes no
    condition along.

    Attributes:
        inventory: The models.
        audit: Where deletions are written down.
        user: Who deletes.
        force: What to delete though the plan says that it is protected.
        on_progress: Called after each model.
    """

    inventory: Inventory
    audit: Audit
    user: str
    force: Force
    on_progress: OnDeletion | None

    def carry_out(self, plan: DeletionPlan) -> Flow[DeletionReport]:
        """Deletes one model after the other; one that fails does not keep the others."""
        self.audit.check()
        results = []
        for planned in plan.deletions:
            results.append((yield from self._delete_and_audit(planned)))
            if self.on_progress:
                self.on_progress(results[-1])
        return DeletionReport(tuple(results))

    def _delete_and_audit(self, planned: PlannedDeletion) -> Flow[Deletion]:
        """Deletes a model, and writes down what became of it, also of an interruption."""
        result = None
        try:
            result = yield from self._delete(planned)
        finally:
            self._add_to_audit(planned, result)
        if result.outcome in {DeletionOutcome.DELETED, DeletionOutcome.GONE}:
            yield Run(lambda: self._record(planned))
        return result

    def _delete(self, planned: PlannedDeletion) -> Flow[Deletion]:
        try:
            sight = yield from look(self.inventory, planned.names)
            if sight is None:
                return Deletion(planned.name, DeletionOutcome.GONE)
            objection = yield from self._objection(planned, sight)
            return objection or (yield from self._request(planned, sight))
        except TunedModelNotDeletableError as error:
            outcome = DeletionOutcome.GONE if error.is_gone else DeletionOutcome.FAILED
            return _of_error(planned, outcome, error)
        except (RecordsError, ServiceError) as error:
            return _of_error(planned, DeletionOutcome.FAILED, error)

    def _objection(self, planned: PlannedDeletion, sight: Sight) -> Flow[Deletion | None]:
        """What keeps a model from being deleted, as it is now; None for nothing."""
        if changed := _change(planned, sight):
            return Deletion(planned.name, DeletionOutcome.SKIPPED, changed)
        yield from self.inventory.identify(sight.names, self.inventory.records.load())
        # Nothing is waited for between this look at the records and the request to delete.
        found = protections(self.inventory, sight, self.inventory.records.load())
        found += [reason for reason in planned.held_by if reason.kind is ProtectionKind.UNRECORDED]
        unseen = [reason for reason in found if reason not in planned.held_by]
        if unseen:
            why = f"Not deleted: since it was planned, {described(unseen)}."
            return Deletion(planned.name, DeletionOutcome.SKIPPED, why)
        if held := [reason for reason in found if not self.force.overrules(reason)]:
            why = f"Not deleted: {described(held)}. With force it is deleted all the same."
            return Deletion(planned.name, DeletionOutcome.PROTECTED, why)
        return None

    def _request(self, planned: PlannedDeletion, sight: Sight) -> Flow[Deletion]:
        """Asks for a deletion, and says what came of it."""
        service = self.inventory.service_of(sight.name)
        try:
            if sight.parts is not None and isinstance(service, PlacedService):
                ways = service.delete_parts, service.adelete_parts
                yield Call(*ways, sight.name, sight.parts)
            else:
                yield Call(service.delete, service.adelete, sight.name)
        except DeletionIncompleteError as error:
            return _of_error(planned, DeletionOutcome.FAILED, error, error.left)
        except (ServiceError, TunedModelNotFoundError) as error:
            if (yield from self._is_gone(planned)):
                return Deletion(planned.name, DeletionOutcome.GONE)
            return _of_error(planned, DeletionOutcome.FAILED, error)
        return Deletion(planned.name, DeletionOutcome.DELETED)

    def _is_gone(self, planned: PlannedDeletion) -> Flow[bool]:
        """Whether a model is gone though its service refused: the answer may have been lost."""
        try:
            return (yield from look(self.inventory, planned.names)) is None
        except (ServiceError, TunedModelNotDeletableError):
            return False

    def _add_to_audit(self, planned: PlannedDeletion, result: Deletion | None) -> None:
        line: dict[str, Any] = {
            "at": self.inventory.now().replace(microsecond=0).isoformat(),
            "by": self.user,
            "action": "delete",
            **as_dict(planned),
            "force": any(map(self.force.overrules, planned.held_by)),
            "outcome": result.outcome.value if result else "interrupted",
        }
        if result and result.detail:
            line |= {"detail": result.detail, "left": list(result.left)}
        try:
            self.audit.add(line)
        except OSError as problem:  # the disk is full, say: what is deleted stays deleted
            _logger.error("%s can't be written: %s", self.audit.path, problem)  # noqa: TRY400

    def _record(self, planned: PlannedDeletion) -> None:
        """Notes in the records that a model is gone. Without that, `differences` finds out."""
        with suppress(RecordsError, OSError):
            if not self._recorded(planned, self.inventory.records.load()):
                return
            now = self.inventory.now().replace(microsecond=0)
            with self.inventory.records.edit() as (catalog, editor):
                for record in self._recorded(planned, catalog):
                    editor.set_version(record.family, record.label, "deleted", now)

    def _recorded(self, planned: PlannedDeletion, catalog: Catalog) -> list[RecordedVersion]:
        """What is recorded of a model, by whichever of its names, as if it were still there."""
        return [
            version
            for version in catalog.versions
            if not version.record.deleted
            and any(version.name.is_same(name, self.inventory.numbers) for name in planned.names)
        ]


def _of_error(
    planned: PlannedDeletion,
    outcome: DeletionOutcome,
    error: TunedGeminiError,
    left: tuple[str, ...] = (),
) -> Deletion:
    return Deletion(planned.name, outcome, str(error), left, error)


def _change(planned: PlannedDeletion, sight: Sight) -> str:
    """What has changed since the plan was made; empty for nothing that matters."""
    model, parts = sight.model, sight.parts
    if parts is not None and not {*map(str, parts.deletable)} <= {*planned.parts}:
        return "Not deleted: it is another model, or has other endpoints, than when it was planned."
    if model is None:
        return ""
    if planned.create_time is None:
        return (
            "Not deleted: its service does not tell when it was created, so that another model "
            "of its name could not be told from it."
        )
    if model.create_time != planned.create_time:
        return "Not deleted: it was deleted and created anew since it was planned."
    # Undeployed is what a deletion leaves that stopped in the middle.
    undeployed = TunedModelState.ACTIVE, TunedModelState.UNKNOWN
    if model.state is planned.state or (planned.state, model.state) == undeployed:
        return ""
    return f"Not deleted: it was {planned.state} when it was planned, and is {model.state} now."
