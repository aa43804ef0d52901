"""Everything that can go wrong, in one tree.

```text
TunedGeminiError
├── TunedModelNameError (ValueError)      a name that can't address a tuned model
├── ParameterError (TypeError)            a parameter nobody knows, or a value out of range
├── MissingExtraError (ImportError)       an optional dependency is not installed
├── DatasetError (ValueError)             examples that can't be used: all that is wrong, where
│   └── LossyConversionError              … or that a format can't hold as a whole
├── JournalError (ValueError)             a file that is no journal of a comparison: source, line
├── ComparisonCancelledError              a comparison was ended by its caller: done, total
├── RecordsError (ValueError)             tuned-models.toml can't be used: all that is wrong, where
├── RecordNotFoundError (LookupError)     a version or an alias that is not recorded
├── RecordsChangedError                   an alias was changed by somebody else meanwhile
├── ExampleIndexError (ValueError)        a file that should hold an example index, and is another
├── MissingCredentialsError (ModelAuthenticationError)   no credentials of Google Cloud
├── ServiceError (ModelError)             the service could not answer
│   ├── ServiceUnreachableError           no answer at all: refused, no such host, timed out
│   │   ├── UntrustedCertificateError     … or from somebody who can't prove who it is
│   │   └── LocalResourceError            … since this machine can't open a connection
│   ├── AnswerTooLongError                more bytes than an answer may have: limit
│   └── DeletionIncompleteError           a step of a deletion failed: done, left
├── TunedModelError (ModelError)          something about one tuned model: name, state
│   ├── TunedModelNotReadyError           it is CREATING: wait, or fall back
│   │   ├── WaitTimeoutError              … and the time allowed for waiting is over
│   │   └── WaitCancelledError            … and the waiting was cancelled
│   ├── TunedModelFailedError             FAILED or CANCELLED: it will never serve
│   ├── TunedModelNotFoundError           deleted, or never there
│   │   └── BaseModelRetiredError         … because its base model was retired: retirement
│   ├── TunedModelNotDeletableError       versions and none named, still tuning, or a mere record
│   ├── PromotionRefusedError             it does not answer, so that no alias is to point to it
│   ├── CircuitOpenError                  it was not called: its circuit is open, or quota short
│   └── NovelInputError                   it was not called: the question is unlike its tuning set
├── PromptTooLongError (ContextOverflowError)   a conversation that a model certainly can't take
├── AnswerTimeoutError (ModelTimeoutError)      a model's deadline passed: limit, seconds
├── RateLimiterTimeoutError (ModelError)  it was not called: its rate limiter let nothing pass
├── BaseModelNotFoundError (ModelNotFoundError)   Vertex AI serves no such base model there
├── EmptyAnswerError (ModelError)         a model ended its stream without an answer
├── BrokenStreamError (ModelError)        a stream broke after a part of it was handed out: partial
├── AnswerRefusedError (ModelError)       a model's answer that a guard refused: guard, why
├── ContentBlockedError (ModelRefusalError)     prompt or answer blocked for safety, or refused
├── UserCodeError                         code of yours raised: its own failure, not a model's
│   └── GuardCrashedError                 … a guard
└── AllModelsFailedError (ExceptionGroup, ModelError)   every model was tried
    ├── AllModelsOverflowError (ContextOverflowError)   … and the last one can't take as much
    └── AllModelsRefusedError (ModelRefusalError)       … and the last one's was blocked
```

Errors about a model derive from `langchain_core.exceptions.ModelError`, so that LangChain's
retry middleware reads `is_retryable` from them.
"""

from __future__ import annotations

from langchain_tuned_gemini.errors.control_plane import (
    AnswerTooLongError as AnswerTooLongError,
    DeletionIncompleteError as DeletionIncompleteError,
    LocalResourceError as LocalResourceError,
    MissingCredentialsError as MissingCredentialsError,
    ServiceError as ServiceError,
    ServiceUnreachableError as ServiceUnreachableError,
    UntrustedCertificateError as UntrustedCertificateError,
)
from langchain_tuned_gemini.errors.data_files import (
    ComparisonCancelledError as ComparisonCancelledError,
    DatasetError as DatasetError,
    ExampleIndexError as ExampleIndexError,
    JournalError as JournalError,
    LossyConversionError as LossyConversionError,
    RecordNotFoundError as RecordNotFoundError,
    RecordProblem as RecordProblem,
    RecordsChangedError as RecordsChangedError,
    RecordsError as RecordsError,
)
from langchain_tuned_gemini.errors.model_calls import (
    AllModelsFailedError as AllModelsFailedError,
    AllModelsOverflowError as AllModelsOverflowError,
    AllModelsRefusedError as AllModelsRefusedError,
    AnswerRefusedError as AnswerRefusedError,
    AnswerTimeoutError as AnswerTimeoutError,
    BaseModelNotFoundError as BaseModelNotFoundError,
    BrokenStreamError as BrokenStreamError,
    ContentBlockedError as ContentBlockedError,
    EmptyAnswerError as EmptyAnswerError,
    GuardCrashedError as GuardCrashedError,
    PromptTooLongError as PromptTooLongError,
    RateLimiterTimeoutError as RateLimiterTimeoutError,
)
from langchain_tuned_gemini.errors.model_states import (
    BaseModelRetiredError as BaseModelRetiredError,
    CircuitOpenError as CircuitOpenError,
    NovelInputError as NovelInputError,
    PromotionRefusedError as PromotionRefusedError,
    TunedModelError as TunedModelError,
    TunedModelFailedError as TunedModelFailedError,
    TunedModelNotDeletableError as TunedModelNotDeletableError,
    TunedModelNotFoundError as TunedModelNotFoundError,
    TunedModelNotReadyError as TunedModelNotReadyError,
    WaitCancelledError as WaitCancelledError,
    WaitTimeoutError as WaitTimeoutError,
)
from langchain_tuned_gemini.errors.reasons import Reason as Reason
from langchain_tuned_gemini.errors.root import (
    Advice as Advice,
    MissingExtraError as MissingExtraError,
    ParameterError as ParameterError,
    TunedGeminiError as TunedGeminiError,
    TunedModelNameError as TunedModelNameError,
    UserCodeError as UserCodeError,
)

# They are called by their public names, in traces and in pickles, whichever of these modules they
# stand in.
for _kind in [kind for kind in vars().values() if isinstance(kind, type)]:
    _kind.__module__ = __name__
