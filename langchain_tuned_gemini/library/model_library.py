"""What there is of tuned models, over one or several services."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from langchain_tuned_gemini.effects import Flow, arun, run
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.library.deletion import (
    Audit,
    DeletionExecutor,
    DeletionPlan,
    DeletionReport,
    DeletionWish,
    Force,
    OnDeletion,
    planning,
)
from langchain_tuned_gemini.library.differences import RecordDifference, differing, mend
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.library.library_model import LibraryModel, ModelFilter, in_order
from langchain_tuned_gemini.library.probe import Probe, probing
from langchain_tuned_gemini.library.promotion import Promotion, promotion, rollback
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import VersionName, check_family, next_label
from langchain_tuned_gemini.registry import Records
from langchain_tuned_gemini.services import PlacedService, TunedModelService
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

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
        self._clock = clock

    def list(
        self,
        platform: Platform | None = None,
        state: TunedModelState | None = None,
        family: str | None = None,
        base_model: str | None = None,
        older_than: float | None = None,
    ) -> LibraryModels:
        """Tells which tuned models there are, oldest first, one service after the other.

        Args:
            platform: Those of one platform; services of the other one are not asked.
            state: Those in a state.
            family: Those of a family, such as `sql-expert`.
            base_model: Those that were tuned from a base model, such as `gemini-3.5-flash`.
            older_than: Those that were created longer ago than this, in seconds.

        Raises:
            ServiceError: A service could not answer. A list without its models would look
                complete.
        """
        selection = ModelFilter(platform, state, family, base_model, older_than)
        return run(self._inventory.listed(selection))

    async def alist(
        self,
        platform: Platform | None = None,
        state: TunedModelState | None = None,
        family: str | None = None,
        base_model: str | None = None,
        older_than: float | None = None,
    ) -> LibraryModels:
        """Tells which tuned models there are; see `list`."""
        selection = ModelFilter(platform, state, family, base_model, older_than)
        return await arun(self._inventory.listed(selection))

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
        return run(self._inventory.found(name))

    async def afind(self, name: str) -> LibraryModel:
        """One model, with all that its service tells about it; see `find`."""
        return await arun(self._inventory.found(name))

    def probe(self, name: str) -> Probe:
        """Calls a model once, and tells whether it answers, and if not, why.

        A model that is known to be CREATING or FAILED is not called.

        Args:
            name: As in `find`.

        Raises:
            TunedModelNameError: Nothing, or more than one model, is called so.
        """
        return run(self._probed(name))

    async def aprobe(self, name: str) -> Probe:
        """Calls a model once, and tells whether it answers; see `probe`."""
        return await arun(self._probed(name))

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
        return run(self._promotion(alias, version))

    async def apromote(self, alias: str, version: str) -> Promotion:
        """Lets an alias point to a version; see `promote`."""
        return await arun(self._promotion(alias, version))

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
        return run(self._rollback(alias, force=force))

    async def arollback(self, alias: str, *, force: bool = False) -> Promotion:
        """Lets an alias point to the version before; see `rollback`."""
        return await arun(self._rollback(alias, force=force))

    def differences(self) -> tuple[RecordDifference, ...]:
        """Says what differs between the records and the platforms. Nothing is changed.

        With `mend`, it keeps the records up to date. (Not called `sync`: Python has another use
        for the name of its asynchronous twin.)

        Raises:
            RecordsError: The records can't be used.
            ServiceError: A service could not answer.
        """
        return run(differing(self._inventory, self._now()))

    async def adifferences(self) -> tuple[RecordDifference, ...]:
        """Says what differs between the records and the platforms; see `differences`."""
        return await arun(differing(self._inventory, self._now()))

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
        self,
        names: Sequence[str] = (),
        *,
        failed: bool = False,
        prune: tuple[str, int] | None = None,
        dataset: str | None = None,
    ) -> DeletionPlan:
        """Says what would be deleted, and what speaks against it. Nothing is changed.

        Args:
            names: Models by their names, as in `find`.
            failed: Also all that FAILED or were CANCELLED.
            prune: A family and how many ACTIVE versions are to be kept: also all that is older
                than these, but what is CREATING, and what an alias points to or would be rolled
                back to, which is never old.
            dataset: The hash of a data set, or its first 8 or more characters: also all that is
                recorded as tuned on it, on data that was merged from it, or further from such a
                model.

        Raises:
            ParameterError: Nothing is to be deleted, or no version to be kept, or several data
                sets begin like that.
            TunedModelNameError: A name that can't be understood.
            ServiceError: A service could not answer.
        """
        return run(planning(self._inventory, DeletionWish(names, failed, prune, dataset)))

    async def aplan_deletion(
        self,
        names: Sequence[str] = (),
        *,
        failed: bool = False,
        prune: tuple[str, int] | None = None,
        dataset: str | None = None,
    ) -> DeletionPlan:
        """Says what would be deleted; see `plan_deletion`."""
        return await arun(planning(self._inventory, DeletionWish(names, failed, prune, dataset)))

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
        return run(self._deleting(force=force, on_progress=on_progress).flow(plan))

    async def adelete(
        self,
        plan: DeletionPlan,
        *,
        force: bool | Force = False,
        on_progress: OnDeletion | None = None,
    ) -> DeletionReport:
        """Deletes what was planned; see `delete`."""
        return await arun(self._deleting(force=force, on_progress=on_progress).flow(plan))

    def place_of(self, platform: Platform) -> tuple[str, str]:
        """The project and location of the only service of a platform; empty texts without one."""
        services = [s for s in self._inventory.services if s.platform == platform]
        places = [(s.project, s.location) for s in services if isinstance(s, PlacedService)]
        return places[0] if len(places) == 1 else ("", "")

    def _deleting(self, *, force: bool | Force, on_progress: OnDeletion | None) -> DeletionExecutor:
        return DeletionExecutor(
            self._inventory,
            self._audit,
            self._by(),
            force=Force.of(force),
            on_progress=on_progress,
        )

    def _probed(self, text: str) -> Flow[Probe]:
        name = yield from self._inventory.address_of(text)
        return (yield from self._probe_of(name))

    def _probed_model(self, found: LibraryModel) -> Flow[Probe]:
        return (yield from self._probe_of(TunedModelName.parse(found.name), found.model))

    def _probe_of(self, name: TunedModelName, seen: TunedModel | None = None) -> Flow[Probe]:
        service, today = self._inventory.service_of(name), self._now().date()
        return (yield from probing(service, name, seen, today=today, clock=time.monotonic))

    def _promotion(self, alias: str, version: str) -> Flow[Promotion]:
        parsed = AliasName.parse(alias)
        return (
            yield from promotion(self._inventory, self._probed_model, parsed, version, self._by())
        )

    def _rollback(self, alias: str, *, force: bool) -> Flow[Promotion]:
        parsed = AliasName.parse(alias)
        by, probing = self._by(), self._probed_model
        return (yield from rollback(self._inventory, probing, parsed, by, force=force))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

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
