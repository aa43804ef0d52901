"""Tuned models whose fields or alternatives are chosen with each call, as LangChain makes them.

LangChain hands on whatever it does not know itself to the model as it was: a fallback built so
would have lost what was made configurable, without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables.configurable import (
    RunnableConfigurableAlternatives,
    RunnableConfigurableFields,
)

from langchain_tuned_gemini.errors import ParameterError

if TYPE_CHECKING:
    _Fields = RunnableConfigurableFields[LanguageModelInput, AIMessage]
    _Alternatives = RunnableConfigurableAlternatives[LanguageModelInput, AIMessage]
else:  # pydantic would build what is configured anew, as the class of the parameters
    _Fields, _Alternatives = RunnableConfigurableFields, RunnableConfigurableAlternatives


class _WithoutFallback:
    """Has no fallback: that would not have what is chosen with each call."""

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


class ConfigurableTuned(_WithoutFallback, _Fields):
    """A tuned model with fields that each call may set."""

    _made_by: ClassVar[str] = "configurable_fields"


class AlternativeTuned(_WithoutFallback, _Alternatives):
    """A tuned model in whose place each call may name another one."""

    _made_by: ClassVar[str] = "configurable_alternatives"
