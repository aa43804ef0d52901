"""Deleting models: a plan first, then what it says and nothing else."""

from langchain_tuned_gemini.library.deleting.audit import Audit
from langchain_tuned_gemini.library.deleting.carrying_out import Deleting, OnDeletion
from langchain_tuned_gemini.library.deleting.plan import (
    DeletionPlan,
    DeletionWish,
    PlannedDeletion,
    planning,
)
from langchain_tuned_gemini.library.deleting.protections import (
    Force,
    Protection,
    ProtectionKind,
)
from langchain_tuned_gemini.library.deleting.report import (
    Deletion,
    DeletionOutcome,
    DeletionReport,
)

__all__ = [
    "Audit",
    "Deleting",
    "Deletion",
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
