"""What all chat models of this package share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_config_list
from pydantic import model_validator

from langchain_tuned_gemini.chat_models.arguments import (
    check_arguments,
    check_config,
    check_numbers,
)
from langchain_tuned_gemini.chat_models.restartable import RestartableStreamMixin
from langchain_tuned_gemini.errors import ParameterError

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import _ChatModelBinding
else:  # private there, and its name may change
    _ChatModelBinding = Runnable

MAX_CONCURRENCY = 128
"""How many calls of a batch run at once when the caller does not say.

LangChain takes `min(32, cores + 4)` threads, as if calls used the processor; they wait.
"""


class TunedGeminiChatModel(RestartableStreamMixin):
    """A chat model that refuses parameters it does not know and batches by the hundred."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, values: Any) -> Any:
        if isinstance(values, dict):
            cls._check_names(values)
            check_numbers(cls, values)
        return values

    @classmethod
    def _check_names(cls, values: Mapping[str, Any]) -> None:
        known = {n for name, f in cls.model_fields.items() for n in (name, f.alias) if n}
        for name in values.keys() - known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It takes: {sorted(known)}."
            raise ParameterError(f"{cls.__name__} has no parameter {name!r}.{hint}")

    def bind(self, **kwargs: Any) -> _ChatModelBinding:
        """Binds arguments to each call.

        Raises:
            ParameterError: For an argument that no model takes.
        """
        check_arguments(kwargs, self)
        return super().bind(**kwargs)

    def with_config(
        self, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds a configuration to each call.

        Raises:
            ParameterError: For a key that no configuration has.
        """
        check_config({**(config or {}), **kwargs})
        return super().with_config(config, **kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `dumpd` and `load` work; secrets are left out."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where the class is found in serialised form, wherever its module moves."""
        return ["langchain_tuned_gemini"]

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The parameters, without what LangChain fills in: the profile alone has 30 lines."""
        for name, value in super().__repr_args__():
            if name == "metadata" and isinstance(value, dict):
                value = {key: item for key, item in value.items() if key != "lc_versions"}  # noqa: PLW2901
            if name not in {"profile", "cache"} and not (name == "metadata" and not value):
                yield name, value

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the parameters around the same models and connections."""
        return self.model_copy()

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Calls the model for each input, up to `max_concurrency` (default 128) at once."""
        configs = _concurrent(config, len(inputs))
        return super().batch(inputs, configs, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Calls the model for each input, up to `max_concurrency` (default 128) at once."""
        configs = _concurrent(config, len(inputs))
        return await super().abatch(inputs, configs, return_exceptions=return_exceptions, **kwargs)


def _concurrent(
    config: RunnableConfig | Sequence[RunnableConfig] | None, length: int
) -> list[RunnableConfig]:
    configs = get_config_list(config, length)
    if configs and configs[0].get("max_concurrency") is None:
        configs[0] = cast("RunnableConfig", {**configs[0], "max_concurrency": MAX_CONCURRENCY})
    return configs
