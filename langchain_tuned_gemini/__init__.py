"""Tuned Gemini models in LangChain chains that keep answering.

Every name is imported when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
    from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
    from langchain_tuned_gemini.chat_models.gated import GatedChatModel
    from langchain_tuned_gemini.chat_models.init import init_tuned_gemini
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
    from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
    from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitPolicy, CircuitState
    from langchain_tuned_gemini.dataset import TuningDataset, TuningExample
    from langchain_tuned_gemini.errors import (
        AllModelsFailedError,
        AllModelsOverflowError,
        AllModelsRefusedError,
        AnswerRefusedError,
        AnswerTimeoutError,
        AnswerTooLongError,
        BaseModelNotFoundError,
        BaseModelRetiredError,
        BrokenStreamError,
        CircuitOpenError,
        ComparisonCancelledError,
        ContentBlockedError,
        DatasetError,
        DeletionIncompleteError,
        EmptyAnswerError,
        ExampleIndexError,
        GuardCrashedError,
        JournalError,
        LocalResourceError,
        LossyConversionError,
        MissingCredentialsError,
        MissingExtraError,
        NovelInputError,
        ParameterError,
        PromotionRefusedError,
        PromptTooLongError,
        RateLimiterTimeoutError,
        RecordNotFoundError,
        RecordsChangedError,
        RecordsError,
        ServiceError,
        ServiceUnreachableError,
        TunedGeminiError,
        TunedModelError,
        TunedModelFailedError,
        TunedModelNameError,
        TunedModelNotDeletableError,
        TunedModelNotFoundError,
        TunedModelNotReadyError,
        UntrustedCertificateError,
        UserCodeError,
        WaitCancelledError,
        WaitTimeoutError,
    )
    from langchain_tuned_gemini.failures import Reason
    from langchain_tuned_gemini.few_shot import FewShotPrompt
    from langchain_tuned_gemini.few_shot.novelty import NovelInput, Novelty
    from langchain_tuned_gemini.few_shot.selectors import (
        FixedExampleSelector,
        LexicalExampleSelector,
        SemanticExampleSelector,
    )
    from langchain_tuned_gemini.guards import (
        FinishReason,
        MatchesRegex,
        NonEmpty,
        OneOf,
        Refusal,
        ValidJSON,
        ValidSQL,
    )
    from langchain_tuned_gemini.library import (
        LibraryModel,
        ModelLibrary,
        Probe,
        ProbeOutcome,
        Promotion,
    )
    from langchain_tuned_gemini.middleware import (
        FallbackBypassedWarning,
        TunedGeminiFallbackMiddleware,
    )
    from langchain_tuned_gemini.names.alias_name import AliasName
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
    from langchain_tuned_gemini.names.version_name import VersionName
    from langchain_tuned_gemini.registry import Records
    from langchain_tuned_gemini.services import TunedModelService
    from langchain_tuned_gemini.services.genai import GenAIService
    from langchain_tuned_gemini.services.generativeai import GenerativeAIService
    from langchain_tuned_gemini.services.readiness import ReadinessGate, ReadinessPolicy
    from langchain_tuned_gemini.services.vertex import VertexService
    from langchain_tuned_gemini.services.waiting import (
        Progress,
        await_until_active,
        wait_until_active,
    )
    from langchain_tuned_gemini.tuned_models.base_models import BaseModelRetiredWarning, Retirement
    from langchain_tuned_gemini.tuned_models.tuned_model import (
        Checkpoint,
        TunedModel,
        TunedModelState,
        TuningSnapshot,
    )

_HOMES = {
    "tuned_models.base_models": ["BaseModelRetiredWarning", "Retirement"],
    "chat_models.init": ["init_tuned_gemini"],
    "chat_models.fallback.model": ["FallbackChatModel"],
    "chat_models.few_shot": ["FewShotChatModel"],
    "chat_models.gated": ["GatedChatModel"],
    "chat_models.tuned": ["ChatTunedGemini"],
    "chat_models.wrapper": ["WrapperChatModel"],
    "circuit_breaker": ["CircuitBreaker", "CircuitPolicy", "CircuitState"],
    "dataset": ["TuningDataset", "TuningExample"],
    "errors": [
        "AllModelsFailedError",
        "AllModelsOverflowError",
        "AllModelsRefusedError",
        "AnswerRefusedError",
        "AnswerTimeoutError",
        "AnswerTooLongError",
        "BaseModelNotFoundError",
        "BaseModelRetiredError",
        "BrokenStreamError",
        "CircuitOpenError",
        "ComparisonCancelledError",
        "ContentBlockedError",
        "DatasetError",
        "DeletionIncompleteError",
        "EmptyAnswerError",
        "ExampleIndexError",
        "GuardCrashedError",
        "JournalError",
        "LocalResourceError",
        "LossyConversionError",
        "MissingCredentialsError",
        "MissingExtraError",
        "NovelInputError",
        "ParameterError",
        "PromotionRefusedError",
        "PromptTooLongError",
        "RateLimiterTimeoutError",
        "RecordNotFoundError",
        "RecordsChangedError",
        "RecordsError",
        "ServiceError",
        "ServiceUnreachableError",
        "TunedGeminiError",
        "TunedModelError",
        "TunedModelFailedError",
        "TunedModelNameError",
        "TunedModelNotDeletableError",
        "TunedModelNotFoundError",
        "TunedModelNotReadyError",
        "UserCodeError",
        "UntrustedCertificateError",
        "WaitCancelledError",
        "WaitTimeoutError",
    ],
    "few_shot.selectors": [
        "FixedExampleSelector",
        "LexicalExampleSelector",
        "SemanticExampleSelector",
    ],
    "failures": ["Reason"],
    "few_shot": ["FewShotPrompt"],
    "guards": [
        "FinishReason",
        "MatchesRegex",
        "NonEmpty",
        "OneOf",
        "Refusal",
        "ValidJSON",
        "ValidSQL",
    ],
    "library": ["LibraryModel", "ModelLibrary", "Probe", "ProbeOutcome", "Promotion"],
    "middleware": ["FallbackBypassedWarning", "TunedGeminiFallbackMiddleware"],
    "names.tuned_model_name": ["TunedModelName"],
    "few_shot.novelty": ["NovelInput", "Novelty"],
    "services.readiness": ["ReadinessGate", "ReadinessPolicy"],
    "names.alias_name": ["AliasName"],
    "registry": ["Records"],
    "services": ["TunedModelService"],
    "services.genai": ["GenAIService"],
    "services.generativeai": ["GenerativeAIService"],
    "services.vertex": ["VertexService"],
    "tuned_models.tuned_model": ["Checkpoint", "TunedModel", "TunedModelState", "TuningSnapshot"],
    "names.version_name": ["VersionName"],
    "services.waiting": ["Progress", "await_until_active", "wait_until_active"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AliasName",
    "AllModelsFailedError",
    "AllModelsOverflowError",
    "AllModelsRefusedError",
    "AnswerRefusedError",
    "AnswerTimeoutError",
    "AnswerTooLongError",
    "BaseModelNotFoundError",
    "BaseModelRetiredError",
    "BaseModelRetiredWarning",
    "BrokenStreamError",
    "ChatTunedGemini",
    "Checkpoint",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitPolicy",
    "CircuitState",
    "ComparisonCancelledError",
    "ContentBlockedError",
    "DatasetError",
    "DeletionIncompleteError",
    "EmptyAnswerError",
    "ExampleIndexError",
    "FallbackBypassedWarning",
    "FallbackChatModel",
    "FewShotChatModel",
    "FewShotPrompt",
    "FinishReason",
    "FixedExampleSelector",
    "GatedChatModel",
    "GenAIService",
    "GenerativeAIService",
    "GuardCrashedError",
    "JournalError",
    "LexicalExampleSelector",
    "LibraryModel",
    "LocalResourceError",
    "LossyConversionError",
    "MatchesRegex",
    "MissingCredentialsError",
    "MissingExtraError",
    "ModelLibrary",
    "NonEmpty",
    "NovelInput",
    "NovelInputError",
    "Novelty",
    "OneOf",
    "ParameterError",
    "Probe",
    "ProbeOutcome",
    "Progress",
    "Promotion",
    "PromotionRefusedError",
    "PromptTooLongError",
    "RateLimiterTimeoutError",
    "ReadinessGate",
    "ReadinessPolicy",
    "Reason",
    "RecordNotFoundError",
    "Records",
    "RecordsChangedError",
    "RecordsError",
    "Refusal",
    "Retirement",
    "SemanticExampleSelector",
    "ServiceError",
    "ServiceUnreachableError",
    "TunedGeminiError",
    "TunedGeminiFallbackMiddleware",
    "TunedModel",
    "TunedModelError",
    "TunedModelFailedError",
    "TunedModelName",
    "TunedModelNameError",
    "TunedModelNotDeletableError",
    "TunedModelNotFoundError",
    "TunedModelNotReadyError",
    "TunedModelService",
    "TunedModelState",
    "TuningDataset",
    "TuningExample",
    "TuningSnapshot",
    "UntrustedCertificateError",
    "UserCodeError",
    "ValidJSON",
    "ValidSQL",
    "VersionName",
    "VertexService",
    "WaitCancelledError",
    "WaitTimeoutError",
    "WrapperChatModel",
    "await_until_active",
    "init_tuned_gemini",
    "wait_until_active",
]


def _has_agents() -> bool:
    """Whether the extra `agents` is installed, without importing what it brings."""
    langchain = find_spec("langchain")
    folders = langchain.submodule_search_locations if langchain else None
    return any(Path(folder, "agents", "middleware").is_dir() for folder in folders or ())


# `import *`, help() and inspect ask for whatever is announced.
for _name in () if _has_agents() else _HOMES["middleware"]:
    del __all__[__all__.index(_name)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
