"""Tuned Gemini models in LangChain chains that keep answering.

Every name is imported when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

# The one list of the public names: type checkers, editors, and what packs applications read it.
# `make format` writes `_HOMES` from it.
if TYPE_CHECKING:
    from langchain_tuned_gemini.chat_models.fallback.model import (
        FallbackChatModel as FallbackChatModel,
    )
    from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel as FewShotChatModel
    from langchain_tuned_gemini.chat_models.gated import GatedChatModel as GatedChatModel
    from langchain_tuned_gemini.chat_models.init import init_tuned_gemini as init_tuned_gemini
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini as ChatTunedGemini
    from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel as WrapperChatModel
    from langchain_tuned_gemini.circuit_breaker import (
        CircuitBreaker as CircuitBreaker,
        CircuitPolicy as CircuitPolicy,
        CircuitState as CircuitState,
    )
    from langchain_tuned_gemini.dataset import (
        TuningDataset as TuningDataset,
        TuningExample as TuningExample,
    )
    from langchain_tuned_gemini.errors import (
        AllModelsFailedError as AllModelsFailedError,
        AllModelsOverflowError as AllModelsOverflowError,
        AllModelsRefusedError as AllModelsRefusedError,
        AnswerRefusedError as AnswerRefusedError,
        AnswerTimeoutError as AnswerTimeoutError,
        AnswerTooLongError as AnswerTooLongError,
        BaseModelNotFoundError as BaseModelNotFoundError,
        BaseModelRetiredError as BaseModelRetiredError,
        BrokenStreamError as BrokenStreamError,
        CircuitOpenError as CircuitOpenError,
        ComparisonCancelledError as ComparisonCancelledError,
        ContentBlockedError as ContentBlockedError,
        DatasetError as DatasetError,
        DeletionIncompleteError as DeletionIncompleteError,
        EmptyAnswerError as EmptyAnswerError,
        ExampleIndexError as ExampleIndexError,
        GuardCrashedError as GuardCrashedError,
        JournalError as JournalError,
        LocalResourceError as LocalResourceError,
        LossyConversionError as LossyConversionError,
        MissingCredentialsError as MissingCredentialsError,
        MissingExtraError as MissingExtraError,
        NovelInputError as NovelInputError,
        ParameterError as ParameterError,
        PromotionRefusedError as PromotionRefusedError,
        PromptTooLongError as PromptTooLongError,
        RateLimiterTimeoutError as RateLimiterTimeoutError,
        RecordNotFoundError as RecordNotFoundError,
        RecordsChangedError as RecordsChangedError,
        RecordsError as RecordsError,
        ServiceError as ServiceError,
        ServiceUnreachableError as ServiceUnreachableError,
        TunedGeminiError as TunedGeminiError,
        TunedModelError as TunedModelError,
        TunedModelFailedError as TunedModelFailedError,
        TunedModelNameError as TunedModelNameError,
        TunedModelNotDeletableError as TunedModelNotDeletableError,
        TunedModelNotFoundError as TunedModelNotFoundError,
        TunedModelNotReadyError as TunedModelNotReadyError,
        UntrustedCertificateError as UntrustedCertificateError,
        UserCodeError as UserCodeError,
        WaitCancelledError as WaitCancelledError,
        WaitTimeoutError as WaitTimeoutError,
    )
    from langchain_tuned_gemini.failures import Reason as Reason
    from langchain_tuned_gemini.few_shot import FewShotPrompt as FewShotPrompt
    from langchain_tuned_gemini.few_shot.novelty import (
        NovelInput as NovelInput,
        Novelty as Novelty,
    )
    from langchain_tuned_gemini.few_shot.selectors import (
        FixedExampleSelector as FixedExampleSelector,
        LexicalExampleSelector as LexicalExampleSelector,
        SemanticExampleSelector as SemanticExampleSelector,
    )
    from langchain_tuned_gemini.guards import (
        FinishReason as FinishReason,
        MatchesRegex as MatchesRegex,
        NonEmpty as NonEmpty,
        OneOf as OneOf,
        Refusal as Refusal,
        ValidJSON as ValidJSON,
        ValidSQL as ValidSQL,
    )
    from langchain_tuned_gemini.library import (
        LibraryModel as LibraryModel,
        ModelLibrary as ModelLibrary,
        Probe as Probe,
        ProbeOutcome as ProbeOutcome,
        Promotion as Promotion,
    )
    from langchain_tuned_gemini.middleware import (
        FallbackBypassedWarning as FallbackBypassedWarning,
        TunedGeminiFallbackMiddleware as TunedGeminiFallbackMiddleware,
    )
    from langchain_tuned_gemini.names.alias_name import AliasName as AliasName
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName as TunedModelName
    from langchain_tuned_gemini.names.version_name import VersionName as VersionName
    from langchain_tuned_gemini.registry import Records as Records
    from langchain_tuned_gemini.services import TunedModelService as TunedModelService
    from langchain_tuned_gemini.services.genai import GenAIService as GenAIService
    from langchain_tuned_gemini.services.generativeai import (
        GenerativeAIService as GenerativeAIService,
    )
    from langchain_tuned_gemini.services.readiness import (
        ReadinessGate as ReadinessGate,
        ReadinessPolicy as ReadinessPolicy,
    )
    from langchain_tuned_gemini.services.vertex import VertexService as VertexService
    from langchain_tuned_gemini.services.wait import (
        Progress as Progress,
        await_until_active as await_until_active,
        wait_until_active as wait_until_active,
    )
    from langchain_tuned_gemini.tuned_models.base_models import (
        BaseModelRetiredWarning as BaseModelRetiredWarning,
        Retirement as Retirement,
    )
    from langchain_tuned_gemini.tuned_models.tuned_model import (
        Checkpoint as Checkpoint,
        TunedModel as TunedModel,
        TunedModelState as TunedModelState,
        TuningSnapshot as TuningSnapshot,
    )

# Written by `make format`: the public names by the module that they stand in.
_HOMES = {
    "chat_models.fallback.model": "FallbackChatModel",
    "chat_models.few_shot": "FewShotChatModel",
    "chat_models.gated": "GatedChatModel",
    "chat_models.init": "init_tuned_gemini",
    "chat_models.tuned": "ChatTunedGemini",
    "chat_models.wrapper": "WrapperChatModel",
    "circuit_breaker": "CircuitBreaker CircuitPolicy CircuitState",
    "dataset": "TuningDataset TuningExample",
    "errors": (
        "AllModelsFailedError AllModelsOverflowError AllModelsRefusedError AnswerRefusedError "
        "AnswerTimeoutError AnswerTooLongError BaseModelNotFoundError BaseModelRetiredError "
        "BrokenStreamError CircuitOpenError ComparisonCancelledError ContentBlockedError "
        "DatasetError DeletionIncompleteError EmptyAnswerError ExampleIndexError "
        "GuardCrashedError JournalError LocalResourceError LossyConversionError "
        "MissingCredentialsError MissingExtraError NovelInputError ParameterError "
        "PromotionRefusedError PromptTooLongError RateLimiterTimeoutError RecordNotFoundError "
        "RecordsChangedError RecordsError ServiceError ServiceUnreachableError TunedGeminiError "
        "TunedModelError TunedModelFailedError TunedModelNameError TunedModelNotDeletableError "
        "TunedModelNotFoundError TunedModelNotReadyError UntrustedCertificateError UserCodeError "
        "WaitCancelledError WaitTimeoutError"
    ),
    "failures": "Reason",
    "few_shot": "FewShotPrompt",
    "few_shot.novelty": "NovelInput Novelty",
    "few_shot.selectors": "FixedExampleSelector LexicalExampleSelector SemanticExampleSelector",
    "guards": "FinishReason MatchesRegex NonEmpty OneOf Refusal ValidJSON ValidSQL",
    "library": "LibraryModel ModelLibrary Probe ProbeOutcome Promotion",
    "middleware": "FallbackBypassedWarning TunedGeminiFallbackMiddleware",
    "names.alias_name": "AliasName",
    "names.tuned_model_name": "TunedModelName",
    "names.version_name": "VersionName",
    "registry": "Records",
    "services": "TunedModelService",
    "services.genai": "GenAIService",
    "services.generativeai": "GenerativeAIService",
    "services.readiness": "ReadinessGate ReadinessPolicy",
    "services.vertex": "VertexService",
    "services.wait": "Progress await_until_active wait_until_active",
    "tuned_models.base_models": "BaseModelRetiredWarning Retirement",
    "tuned_models.tuned_model": "Checkpoint TunedModel TunedModelState TuningSnapshot",
}


def _has_agents() -> bool:
    """Whether the extra `agents` is installed, without importing what it brings."""
    langchain = find_spec("langchain")
    folders = langchain.submodule_search_locations if langchain else None
    return any(Path(folder, "agents", "middleware").is_dir() for folder in folders or ())


_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

# `import *`, help() and inspect ask for whatever is announced.
_ANNOUNCED = sorted(n for n, home in _HOME_OF.items() if home != "middleware" or _has_agents())

if not TYPE_CHECKING:  # the imports above say it, and that there is nothing else
    __all__ = list(_ANNOUNCED)

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return _ANNOUNCED
