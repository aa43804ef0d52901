"""A tuned model with its fallback, by nothing but its alias."""

from __future__ import annotations

import os
from typing import Any

from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
from langchain_tuned_gemini.names.alias_name import AliasName


def init_tuned_gemini(
    alias: str, *, records: str | os.PathLike[str] | None = None, **parameters: Any
) -> FallbackChatModel:
    """A model by its alias, with the fallback and the guards that are recorded for it.

    It follows the alias: a promotion or a rollback is seen within 10 s, by the next call. Its
    tuned model is a `ChatTunedGemini`.

    Args:
        alias: Such as `sql-expert@production`.
        records: The file with the records; by default the one that `TUNED_MODELS` names, or
            `tuned-models.toml` in the current directory.
        **parameters: Further parameters of `ChatTunedGemini`, such as `api_key`; they go before
            what is recorded.

    Raises:
        RecordsError: The records can't be used.
        RecordNotFoundError: They have no such alias.
        ParameterError: They say nothing of a fallback.

    Example:
        ```python
        robust = init_tuned_gemini("sql-expert@production")
        robust.invoke("How many dogs are there?")
        ```
    """
    path = None if records is None else os.fspath(records)
    tuned = ChatTunedGemini(model=str(AliasName.parse(alias)), records=path, **parameters)
    return tuned.with_few_shot_fallback()
