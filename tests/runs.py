"""Run trees, as LangSmith sees them."""

from __future__ import annotations

from typing import Any

from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run


class RunTrees(BaseTracer):
    """Keeps the finished run trees, as (type, name, whether it failed, children)."""

    def __init__(self) -> None:
        super().__init__()
        self.trees: list[Any] = []

    def _persist_run(self, run: Run) -> None:
        self.trees.append(self._tree(run))

    def _tree(self, run: Run) -> Any:
        children = [self._tree(child) for child in run.child_runs]
        return (run.run_type, run.name, run.error is not None, children)
