"""The parameters of `ChatTunedGemini`: all that can be said of a tuned Gemini model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NoReturn, TypeAlias, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableField, RunnableSerializable
from langchain_core.runnables.configurable import (
    RunnableConfigurableAlternatives,
    RunnableConfigurableFields,
)
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import (
    ConfigDict,
    Field,
    GetPydanticSchema,
    SecretStr,
    ValidationError,
    field_serializer,
)

from langchain_tuned_gemini.chat_models.wrapper import DelegatingChatModel
from langchain_tuned_gemini.errors import ParameterError, TunedGeminiError
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.registry import Records
from langchain_tuned_gemini.secrets.secret_values import key_of_environment, without_userinfo
from langchain_tuned_gemini.transport.answer_body import MAX_ANSWER_BYTES
from langchain_tuned_gemini.tuned_models.generation_presets import Task

if TYPE_CHECKING:
    _Fields = RunnableConfigurableFields[LanguageModelInput, AIMessage]
    _Alternatives = RunnableConfigurableAlternatives[LanguageModelInput, AIMessage]
else:  # pydantic would build what is configured anew, as the class of the parameters
    _Fields, _Alternatives = RunnableConfigurableFields, RunnableConfigurableAlternatives

GENERATION = (
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "seed",
    "stop",
    "safety_settings",
)
THINKING = ("thinking_budget", "thinking_level")

ApiKey: TypeAlias = Annotated[
    SecretStr | str | None,
    GetPydanticSchema(lambda _, handler: handler.generate_schema(SecretStr | None)),
]
"""A key is kept as a `SecretStr`; type checkers, too, let a text be passed."""


def _key_of_environment() -> SecretStr | None:
    key = key_of_environment()
    return SecretStr(key) if key else None


def _today() -> date:
    return datetime.now(UTC).date()


def own_error(invalid: ValidationError) -> TunedGeminiError | None:
    """The error of this package that pydantic took for one of a validator's."""
    errors = invalid.errors(include_input=False, include_url=False)
    raised = (error.get("ctx", {}).get("error") for error in errors)
    return next((one for one in raised if isinstance(one, TunedGeminiError)), None)


def _describe(invalid: ValidationError) -> str:
    """The parameters that are wrong, and why, and nothing of their values."""
    errors = invalid.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors)


class TunedGeminiParameters(DelegatingChatModel):
    """A chat model with the parameters of `ChatTunedGemini`; names are read at once."""

    model: str
    """The tuned model's full name, or an alias."""

    project: str | None = None
    """The project of a short name; `GOOGLE_CLOUD_PROJECT` when None."""

    location: str | None = None
    """The region of a short name; `GOOGLE_CLOUD_LOCATION` when None. A full name has its own."""

    checkpoint: str | None = None
    """The checkpoint that answers, for the name of a tuning job or a model; the default one's
    when None."""

    credentials: Any = Field(default=None, exclude=True, repr=False)
    """Credentials of Google Cloud, for Vertex AI; the application default ones when None."""

    google_api_key: ApiKey = Field(alias="api_key", default_factory=_key_of_environment)
    """The API key. On Vertex AI it must be given: one from the environment is not used."""

    base_url: str | None = None
    """Where the API is: for an emulator or a gateway; Google's own address when None."""

    base_model: str | None = None
    """The model it was tuned from: it decides profile, sampling, thinking and the price. Where
    the platform tells it, it is known from the first call on."""

    fallback_location: str | None = None
    """Where on Vertex AI a base model is asked that stands in for this one and is given by its
    name; see `with_few_shot_fallback`."""

    task: Task | None = None
    """The task that it was tuned to do: a preset of the generation parameters."""

    system_instruction: str | None = None
    """The instruction of its training, which is told again where the messages have no system
    message."""

    records: str | None = None
    """The file with the records of an alias; the one that `TUNED_MODELS` names, or
    `tuned-models.toml` in the current directory, when None."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = Field(default=None, alias="max_tokens")
    seed: int | None = None
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    safety_settings: dict[Any, Any] | None = None

    thinking_budget: int | None = None
    """How many tokens it may think, for a base before Gemini 3; the fewest when None, as Google
    advises for tuned models."""

    thinking_level: Literal["minimal", "low", "medium", "high"] | None = None
    """How hard it thinks, for a base from Gemini 3 on; the least when None."""

    timeout: float | None = 30.0
    """How long to wait for the answer, or for more of it, in seconds; None waits for ever, as
    upstream does. It holds for a base model that is given by its name, too."""

    max_retries: int = 0
    """How often google-genai may try again, waiting 1 s, 2 s, 4 s, … in between. Off, since a
    fallback answers sooner."""

    max_answer_bytes: int = Field(default=MAX_ANSWER_BYTES, gt=0)
    """How many bytes an answer may have, unpacked: so much memory it may take, and no more. A
    base model that is given by its name has the same limit."""

    streaming: bool | None = None
    """Whether `invoke` streams from the service."""

    today: Callable[[], date] = Field(default=_today, exclude=True, repr=False)
    """Tells the day, which decides whether a base model is retired."""

    clock: Callable[[], float] = Field(default=time.monotonic, exclude=True, repr=False)
    """The time in seconds, which decides when the records of an alias are looked at again."""

    model_config = ConfigDict(populate_by_name=True)

    def __init__(self, **parameters: Any) -> None:
        # Here and not in a validator: pydantic would wrap these errors in one of its own.
        self._check_names(parameters)
        if "model" in parameters:
            place = {where: parameters.get(where) for where in ("project", "location")}
            name = parameters["model"]
            alias = AliasName.find(str(name))
            parameters["model"] = str(alias or TunedModelName.parse(name, **place))
            if alias:
                parameters["records"] = str(Records(parameters.get("records")).path.absolute())
        for name in ("api_key", "google_api_key"):  # load() passes None for a key it leaves out
            if name in parameters and parameters[name] is None:
                del parameters[name]
        try:
            super().__init__(**parameters)
        except ValidationError as invalid:  # it holds what was passed: the key, for one
            problem = own_error(invalid) or ParameterError(
                f"{type(self).__name__}: {_describe(invalid)}"
            )
        else:
            return
        raise problem

    def configurable_fields(
        self, **kwargs: AnyConfigurableField
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """The model with fields that each call may set; it has no fallback yet, and gets none."""
        made = cast("Any", super().configurable_fields(**kwargs))
        return _ConfigurableFields(default=made.default, fields=made.fields)

    def configurable_alternatives(
        self, which: ConfigurableField, **kwargs: Any
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """The model with others in its place, one of which each call may name."""
        made = cast("Any", super().configurable_alternatives(which, **kwargs))
        return _ConfigurableAlternatives(
            **{name: getattr(made, name) for name in type(made).model_fields}
        )

    @property
    def generation(self) -> dict[str, Any]:
        """The parameters that an answer is generated with; None for those that were not said."""
        return {name: getattr(self, name) for name in (*GENERATION, *THINKING)}

    @property
    def patience(self) -> dict[str, Any]:
        """How long an answer is waited for, how often, and for how much of it."""
        names = ("timeout", "max_retries", "max_answer_bytes")
        return {name: getattr(self, name) for name in names}

    @field_serializer("base_url")
    def _address_to_show(self, base_url: str | None) -> str | None:
        return base_url and without_userinfo(base_url)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The parameters, without a password that `base_url` may have."""
        for name, value in super().__repr_args__():
            yield name, self._address_to_show(value) if name == "base_url" else value

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """The attributes that are written down otherwise: `base_url` without a password."""
        return {"base_url": self._address_to_show(self.base_url)} if self.base_url else {}


class _WithoutFallback:
    """Has no fallback, that would not have what is chosen with each call.

    LangChain hands on whatever it does not know itself to the model as it was.
    """

    _made_by: ClassVar[str]

    def with_few_shot_fallback(self, *_: Any, **__: Any) -> NoReturn:
        """Refuses."""
        self._refuse("with_few_shot_fallback")

    def base_chat_model(self, *_: Any, **__: Any) -> NoReturn:
        """Refuses likewise."""
        self._refuse("base_chat_model")

    def _refuse(self, method: str) -> NoReturn:
        raise ParameterError(
            f"{method}() knows nothing of {self._made_by}(): it would be lost. Build the fallback "
            "first, and pass what is to change with each call: robust.bind(temperature=0.2), or "
            "choose between several fallback models: robust.configurable_alternatives(...)."
        )


class _ConfigurableFields(_WithoutFallback, _Fields):
    """A tuned model with fields that each call may set."""

    _made_by: ClassVar[str] = "configurable_fields"


class _ConfigurableAlternatives(_WithoutFallback, _Alternatives):
    """A tuned model in whose place each call may name another one."""

    _made_by: ClassVar[str] = "configurable_alternatives"
