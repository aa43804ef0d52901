"""Chat models that are unpickled: they find their secrets again, or say what they can't find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from pydantic import Field, PrivateAttr

from langchain_tuned_gemini.chat_models.cache_keys import depends_on
from langchain_tuned_gemini.chat_models.wrapper import DelegatingChatModel
from langchain_tuned_gemini.errors import TunedGeminiError
from langchain_tuned_gemini.secrets.secret_values import has_lost_its_userinfo, key_of_environment
from langchain_tuned_gemini.transport.access import AbsentAccess
from langchain_tuned_gemini.transport.credentials import default_credentials

T = TypeVar("T", bound=BaseChatModel)

Build = Callable[[], BaseChatModel]

_LENT: Final = frozenset({"_google_model", "_model_of", "_resolver", "_retirement_of"})
"""The private parts of a tuned model that other models of this package are built from."""


def rebuild(kind: Callable[..., T], parameters: dict[str, Any], has_key: bool) -> T:
    """Makes a tuned model anew, with the key or the credentials of the environment.

    They count as passed: unlike JSON, a pickle is trusted with all there is. What is not found
    is missed at the first call: whoever unpickles, such as a worker of a pool that would be
    started again for ever, can do nothing about an error.
    """
    base_url, key = parameters.get("base_url"), key_of_environment()
    what = None
    if has_lost_its_userinfo(base_url):
        what = f"the password of base_url={base_url!r}. Build the model in this process"
    elif has_key and key is None:
        what = "its API key. Set GOOGLE_API_KEY before, or build the model in this process"
    if what is not None:
        why = f"{parameters['model']} was unpickled, and a pickle has no secrets: it lacks {what}."
        return kind(**parameters, credentials=AbsentAccess(why, base_url))
    found = {"google_api_key": key} if has_key else {"credentials": default_credentials()}
    return kind(**{**parameters, **found})


def unpickled(build: Build) -> BaseChatModel:
    """The model that a pickle holds, or one that says at its first call why there is none.

    Args:
        build: Builds it; can be pickled.
    """
    try:
        return build()
    except (TunedGeminiError, OSError) as problem:
        return UnbuiltChatModel(build=build, problem=str(problem))


class UnbuiltChatModel(DelegatingChatModel):
    """Tries again to be built each time it is used, and raises why it can't be."""

    build: Build = Field(exclude=True, repr=False)
    """Builds the model that it stands for."""

    problem: str
    """Why it could not be built at first."""

    _built: BaseChatModel | None = PrivateAttr(default=None)

    @property
    def inner_model(self) -> BaseChatModel:
        """The model that it stands for.

        Raises:
            TunedGeminiError: It can't be built, still.
            OSError: Likewise.
        """
        if self._built is None:
            self._built = self.build()
        return self._built

    def __getattr__(self, name: str) -> Any:
        """An attribute of the model that it stands for: `circuit`, `wait_until_active`."""
        if name.startswith("_") and name not in _LENT:
            return cast("Any", super()).__getattr__(name)
        return getattr(self.inner_model, name)

    def _names_its_run(self) -> bool:
        return True  # it must not be built for that, outside of the call

    def _resolve_model_profile(self) -> None:
        return None

    @property
    def _llm_type(self) -> str:
        return "unbuilt"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {}

    def _depends_on(self) -> object:
        return depends_on(self.inner_model)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return BaseChatModel._get_ls_params(self, stop=stop, **kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """False: what it stands for is not there."""
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what builds it."""
        return unpickled, (self.build,)
