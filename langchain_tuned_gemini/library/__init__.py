"""The library of tuned models: which there are, which are live, which must go."""

from langchain_tuned_gemini.library.creation import (
    acreate_version,
    aplan_version,
    create_version,
    plan_version,
)
from langchain_tuned_gemini.library.creation_plan import NewVersion, TuningPlan
from langchain_tuned_gemini.library.deletion.executor import (
    Deletion,
    DeletionOutcome,
    DeletionReport,
)
from langchain_tuned_gemini.library.deletion.plan import (
    DeletionCriteria,
    DeletionPlan,
    PlannedDeletion,
)
from langchain_tuned_gemini.library.deletion.protections import Force, Protection, ProtectionKind
from langchain_tuned_gemini.library.differences import DifferenceKind, RecordDifference
from langchain_tuned_gemini.library.library_model import LibraryModel, ModelFilter
from langchain_tuned_gemini.library.model_library import ModelLibrary
from langchain_tuned_gemini.library.probe import Probe, ProbeOutcome
from langchain_tuned_gemini.library.promotion import Promotion
from langchain_tuned_gemini.library.tuning_settings import TuningSettings
from langchain_tuned_gemini.names.version_name import VersionName

__all__ = [
    "Deletion",
    "DeletionCriteria",
    "DeletionOutcome",
    "DeletionPlan",
    "DeletionReport",
    "DifferenceKind",
    "Force",
    "LibraryModel",
    "ModelFilter",
    "ModelLibrary",
    "NewVersion",
    "PlannedDeletion",
    "Probe",
    "ProbeOutcome",
    "Promotion",
    "Protection",
    "ProtectionKind",
    "RecordDifference",
    "TuningPlan",
    "TuningSettings",
    "VersionName",
    "acreate_version",
    "aplan_version",
    "create_version",
    "plan_version",
]
