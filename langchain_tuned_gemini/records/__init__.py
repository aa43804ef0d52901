"""What is recorded of tuned models, in a file for the user's version control."""

from langchain_tuned_gemini.records.aliases import AliasName
from langchain_tuned_gemini.records.catalog import Catalog, RecordedVersion
from langchain_tuned_gemini.records.file import FILE, VARIABLE, Records
from langchain_tuned_gemini.records.schema import (
    ChangeRecord,
    DatasetRecord,
    FallbackRecord,
    VersionRecord,
)

__all__ = [
    "FILE",
    "VARIABLE",
    "AliasName",
    "Catalog",
    "ChangeRecord",
    "DatasetRecord",
    "FallbackRecord",
    "RecordedVersion",
    "Records",
    "VersionRecord",
]
