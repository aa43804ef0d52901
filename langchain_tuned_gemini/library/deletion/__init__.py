"""Deleting models: a plan first, then what it says and nothing else."""

from langchain_tuned_gemini.library.deletion.audit import Audit
from langchain_tuned_gemini.library.deletion.executor import DeletionExecutor, OnDeletion
from langchain_tuned_gemini.library.deletion.plan import (
    DeletionPlan,
    DeletionWish,
    PlannedDeletion,
    planning,
)
from langchain_tuned_gemini.library.deletion.protections import (
    Force,
    Protection,
    ProtectionKind,
)
from langchain_tuned_gemini.library.deletion.report import (
    Deletion,
    DeletionOutcome,
    DeletionReport,
)

__all__ = [
    "Audit",
    "Deletion",
    "DeletionExecutor",
    "DeletionOutcome",
    "DeletionPlan",
    "DeletionReport",
    "DeletionWish",
    "Force",
    "OnDeletion",
    "PlannedDeletion",
    "Protection",
    "ProtectionKind",
    "planning",
]
