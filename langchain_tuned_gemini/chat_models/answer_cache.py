"""LangChain's cache as this package's models use it: it keeps what was taken for an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import Generation

Judge = Callable[[Sequence[Generation]], bool]
"""Says of an answer whether it may be kept, and may be given again."""


def is_cached(model: BaseChatModel) -> bool:
    """Whether a call needs more than `_generate`; going the long way costs 3 % of a call."""
    return bool(model.cache is not False and (model.cache or get_llm_cache() is not None))


class CachedModel:
    """A model as `_generate_with_cache` sees it, whose cache keeps what is taken only."""

    def __init__(
        self,
        model: BaseChatModel,
        stop: list[str] | None,
        arguments: Mapping[str, Any],
        judge: Judge,
    ) -> None:
        self._model = model
        cache = model.cache if isinstance(model.cache, BaseCache) else get_llm_cache()
        told = {name: value for name, value in arguments.items() if name != "run_manager"}
        self.cache = (
            model.cache  # LangChain says that there is none
            if cache is None
            else _JudgedCache(cache, judge, lambda: model._get_llm_string(stop=stop, **told))
        )

    def __getattr__(self, name: str) -> Any:
        """All else is the model's."""
        return getattr(self._model, name)


class _JudgedCache(BaseCache):
    """Keeps an answer that is taken, under a name that holds still when it has arrived.

    It does not where an alias has moved in between: the answer may be of either version.
    """

    def __init__(self, cache: BaseCache, judge: Judge, name: Callable[[], str]) -> None:
        self._cache, self._judge, self._name = cache, judge, name

    def _taken(self, found: RETURN_VAL_TYPE | None) -> RETURN_VAL_TYPE | None:
        """What was found; where it is no answer here, the model is asked."""
        return found if found and self._judge(found) else None

    def _is_kept(self, llm_string: str, answer: RETURN_VAL_TYPE) -> bool:
        return self._name() == llm_string and self._judge(answer)

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return self._taken(self._cache.lookup(prompt, llm_string))

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return self._taken(await self._cache.alookup(prompt, llm_string))

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if self._is_kept(llm_string, return_val):
            self._cache.update(prompt, llm_string, return_val)

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if self._is_kept(llm_string, return_val):
            await self._cache.aupdate(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        self._cache.clear(**kwargs)
