"""The library of tuned models: which there are, which are live, which must go."""

from langchain_tuned_gemini.library.library import ModelLibrary
from langchain_tuned_gemini.library.models import LibraryModel
from langchain_tuned_gemini.library.probing import Probe, ProbeOutcome
from langchain_tuned_gemini.library.promoting import Promotion
from langchain_tuned_gemini.versions import VersionName

__all__ = ["LibraryModel", "ModelLibrary", "Probe", "ProbeOutcome", "Promotion", "VersionName"]
