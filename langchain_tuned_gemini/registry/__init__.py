"""What is recorded of tuned models, in a file for the user's version control."""

from langchain_tuned_gemini.registry.catalog import Catalog, RecordedVersion
from langchain_tuned_gemini.registry.records_file import FILE, VARIABLE, Records
from langchain_tuned_gemini.registry.schema import (
    ChangeRecord,
    DatasetRecord,
    FallbackRecord,
    VersionRecord,
)

__all__ = [
    "FILE",
    "VARIABLE",
    "Catalog",
    "ChangeRecord",
    "DatasetRecord",
    "FallbackRecord",
    "RecordedVersion",
    "Records",
    "VersionRecord",
]
