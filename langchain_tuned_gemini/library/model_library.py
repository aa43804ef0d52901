"""What there is of tuned models, over one or several services."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, Unpack

from langchain_tuned_gemini.effects import Flow, arun, run
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.library.deletion.audit import Audit
from langchain_tuned_gemini.library.deletion.executor import (
    DeletionExecutor,
    DeletionReport,
    OnDeletion,
)
from langchain_tuned_gemini.library.deletion.plan import (
    DeletionCriteria,
    DeletionPlan,
    plan_deletion,
)
from langchain_tuned_gemini.library.deletion.protections import Force
from langchain_tuned_gemini.library.differences import RecordDifference, compare, mend
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.library.library_model import LibraryModel, ModelFilter, in_order
from langchain_tuned_gemini.library.probe import Probe, call_once
from langchain_tuned_gemini.library.promotion import Promotion, promote, roll_back
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.version_name import VersionName, check_family, next_label
from langchain_tuned_gemini.registry import Records
from langchain_tuned_gemini.services import PlacedService, TunedModelService
from langchain_tuned_gemini.tuned_models.platform import Platform

LibraryModels: TypeAlias = list[LibraryModel]
"""What `list` returns; the alias is needed where a method is called `list`, too."""


class ModelLibrary:
    """The tuned models of one or several services: see them, and choose which are used.

    Every method that waits has an asynchronous twin with an `a` before its name.

    Args:
        services: A service, or several: of both platforms, or of several locations.
        records: The file with the aliases and what else is recorded of the models; by default
            the one that `TUNED_MODELS` names, or `tuned-models.toml` in the current directory.
        user: Who changes aliases and deletes models; the system's user by default.
        audit: The file in which deletions are written down, a line of JSON for each; by default
            beside the records, `tuned-models.audit.jsonl`.
        clock: The time in seconds since the epoch, which decides how old a model is.

    Raises:
        ParameterError: There is no service.

    Example:
        ```python
        library = ModelLibrary([GenerativeAIService(api_key), VertexService("acme", "us-central1")])
        for model in library.versions("sql-expert"):
            print(model.version, model.state, model.name)
        ```
    """

    def __init__(
        self,
        services: TunedModelService | Sequence[TunedModelService],
        records: Records | str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        audit: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        services = tuple(services) if isinstance(services, Sequence) else (services,)
        if not services:
            raise ParameterError(
                "A library needs at least one service, for example "
                "ModelLibrary(GenAIService.from_api_key(key))."
            )
        self.records = records if isinstance(records, Records) else Records(records)
        self._inventory = Inventory(services, self.records, clock)
        self._audit = Audit(Path(audit or self.records.path.with_suffix(".audit.jsonl")))
        self._user = user

    def list(self, **wanted: Unpack[ModelFilter]) -> LibraryModels:
        """Tells which tuned models there are, oldest first, one service after the other.

        Args:
            wanted: What `ModelFilter` has: `platform`, `state`, `family`, `base_model` or
                `older_than` (in seconds); all models without.

        Raises:
            ServiceError: A service could not answer. A list without its models would look
                complete.
        """
        return run(self._inventory.list_models(**wanted))

    async def alist(self, **wanted: Unpack[ModelFilter]) -> LibraryModels:
        """Tells which tuned models there are; see `list`."""
        return await arun(self._inventory.list_models(**wanted))

    def failed(self) -> LibraryModels:
        """Those that will never answer: FAILED or CANCELLED."""
        return [model for model in self.list() if model.has_failed]

    async def afailed(self) -> LibraryModels:
        """Those that will never answer: FAILED or CANCELLED."""
        return [model for model in await self.alist() if model.has_failed]

    def versions(self, family: str) -> LibraryModels:
        """The versions of a family, the oldest first.

        Their order is that of Python's packages, by which `v2-rc1` comes before `v2`; models
        without a version come first, in the order of their creation.

        Args:
            family: Such as `sql-expert`.
        """
        return in_order(self.list(family=family))

    async def aversions(self, family: str) -> LibraryModels:
        """The versions of a family; see `versions`."""
        return in_order(await self.alist(family=family))

    def next_version(self, family: str) -> VersionName:
        """The name for the next model of a family, after the newest one, in its style.

        Raises:
            TunedModelNameError: Google would refuse the name.
        """
        return self._next_version(family, self.list(family=family))

    async def anext_version(self, family: str) -> VersionName:
        """The name for the next model of a family; see `next_version`."""
        return self._next_version(family, await self.alist(family=family))

    def find(self, name: str) -> LibraryModel:
        """One model, with all that its service tells about it.

        Args:
            name: Its full name, its family and version (`sql-expert-v2`), or an alias
                (`sql-expert@production`).

        Raises:
            TunedModelNameError: Nothing, or more than one model, is called so.
            TunedModelNotFoundError: There is no such model (any more).
            RecordNotFoundError: There is no such alias.
        """
        return run(self._inventory.find(name))

    async def afind(self, name: str) -> LibraryModel:
        """One model, with all that its service tells about it; see `find`."""
        return await arun(self._inventory.find(name))

    def probe(self, name: str) -> Probe:
        """Calls a model once, and tells whether it answers, and if not, why.

        A model that is known to be CREATING or FAILED is not called.

        Args:
            name: As in `find`.

        Raises:
            TunedModelNameError: Nothing, or more than one model, is called so.
        """
        return run(self._probe(name))

    async def aprobe(self, name: str) -> Probe:
        """Calls a model once, and tells whether it answers; see `probe`."""
        return await arun(self._probe(name))

    def promote(self, alias: str, version: str) -> Promotion:
        """Lets an alias point to a version, which is called once to see that it answers.

        A version that is not recorded yet is recorded.

        Args:
            alias: Such as `sql-expert@production`; it need not be there yet.
            version: A version of the same family, such as `v3`, or a model's full name.

        Raises:
            PromotionRefusedError: The version is not ACTIVE, or does not answer.
            RecordsChangedError: Somebody else has changed the alias meanwhile.
            TunedModelNameError: There is no such version.
        """
        return run(promote(self._inventory, AliasName.parse(alias), version, self._by()))

    async def apromote(self, alias: str, version: str) -> Promotion:
        """Lets an alias point to a version; see `promote`."""
        return await arun(promote(self._inventory, AliasName.parse(alias), version, self._by()))

    def rollback(self, alias: str, *, force: bool = False) -> Promotion:
        """Lets an alias point to the version before; twice in a row goes back two versions.

        Args:
            alias: Such as `sql-expert@production`.
            force: Whether to go back without calling the version before.

        Raises:
            RecordNotFoundError: There is no such alias, or nothing to go back to.
            PromotionRefusedError: The version before is not ACTIVE, or does not answer.
            RecordsChangedError: Somebody else has changed the alias meanwhile.
        """
        return run(roll_back(self._inventory, AliasName.parse(alias), self._by(), force=force))

    async def arollback(self, alias: str, *, force: bool = False) -> Promotion:
        """Lets an alias point to the version before; see `rollback`."""
        parsed = AliasName.parse(alias)
        return await arun(roll_back(self._inventory, parsed, self._by(), force=force))

    def differences(self) -> tuple[RecordDifference, ...]:
        """Says what differs between the records and the platforms. Nothing is changed.

        With `mend`, it keeps the records up to date. (Not called `sync`: Python has another use
        for the name of its asynchronous twin.)

        Raises:
            RecordsError: The records can't be used.
            ServiceError: A service could not answer.
        """
        return run(compare(self._inventory))

    async def adifferences(self) -> tuple[RecordDifference, ...]:
        """Says what differs between the records and the platforms; see `differences`."""
        return await arun(compare(self._inventory))

    def mend(self, differences: Iterable[RecordDifference]) -> tuple[RecordDifference, ...]:
        """Brings the records up to date; the platforms stay as they are.

        Args:
            differences: What `differences` has found, or some of it. What can't be mended, or was
                changed by somebody else meanwhile, is left aside.

        Returns:
            Those that were mended.
        """
        return mend(self.records, differences, self._inventory.numbers)

    def plan_deletion(
        self, names: Sequence[str] = (), **criteria: Unpack[DeletionCriteria]
    ) -> DeletionPlan:
        """Says what would be deleted, and what speaks against it. Nothing is changed.

        Args:
            names: Models by their names, as in `find`.
            criteria: What `DeletionCriteria` has: `failed=True`, `prune=(family, keep)` or
                `dataset=hash`.

        Raises:
            ParameterError: Nothing is to be deleted, or no version to be kept, or several data
                sets begin like that.
            TunedModelNameError: A name that can't be understood.
            ServiceError: A service could not answer.
        """
        return run(plan_deletion(self._inventory, names, **criteria))

    async def aplan_deletion(
        self, names: Sequence[str] = (), **criteria: Unpack[DeletionCriteria]
    ) -> DeletionPlan:
        """Says what would be deleted; see `plan_deletion`."""
        return await arun(plan_deletion(self._inventory, names, **criteria))

    def delete(
        self,
        plan: DeletionPlan,
        *,
        force: bool | Force = False,
        on_progress: OnDeletion | None = None,
    ) -> DeletionReport:
        """Deletes what was planned, for ever, and nothing else.

        Each model is read again right before it is deleted: one that has changed its state, was
        created anew, or has got an alias since is skipped. One that is gone already is a
        success. One that fails does not keep the others; the same plan can be carried out again.

        Args:
            plan: What to delete.
            force: Whether to delete what the plan says is protected: what an alias points to or
                would be rolled back to, what an endpoint answers for, what is to be kept. A
                `Force` says which of these.
            on_progress: Called with what became of each model.

        Raises:
            ParameterError: The file for the audit can't be written; nothing was deleted.
        """
        return run(self._executor(force, on_progress).carry_out(plan))

    async def adelete(
        self,
        plan: DeletionPlan,
        *,
        force: bool | Force = False,
        on_progress: OnDeletion | None = None,
    ) -> DeletionReport:
        """Deletes what was planned; see `delete`."""
        return await arun(self._executor(force, on_progress).carry_out(plan))

    def place_of(self, platform: Platform) -> tuple[str, str]:
        """The project and location of the only service of a platform; empty texts without one."""
        services = [s for s in self._inventory.services if s.platform == platform]
        places = [(s.project, s.location) for s in services if isinstance(s, PlacedService)]
        return places[0] if len(places) == 1 else ("", "")

    def _executor(self, force: bool | Force, on_progress: OnDeletion | None) -> DeletionExecutor:
        return DeletionExecutor(
            inventory=self._inventory,
            audit=self._audit,
            user=self._by(),
            force=Force.of(force),
            on_progress=on_progress,
        )

    def _probe(self, text: str) -> Flow[Probe]:
        name = yield from self._inventory.address_of(text)
        return (yield from call_once(self._inventory, name))

    def _by(self) -> str:
        """Who changes an alias."""
        if self._user is not None:
            return self._user
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container's user may have no name
            return ""

    def _next_version(self, family: str, models: LibraryModels) -> VersionName:
        check_family(family)
        recorded = [v for v in self.records.load().versions if v.family == family]
        labels = [*(model.version for model in models), *(v.label for v in recorded)]
        name = VersionName(family, next_label(labels))
        newest = models[-1].platform if models else self._inventory.services[0].platform
        name.check(newest)
        return name
