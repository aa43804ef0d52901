"""Tuned models that are unpickled: they find the key or the credentials of where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel

from langchain_tuned_gemini.secrets.secret_values import has_lost_its_userinfo, key_of_environment
from langchain_tuned_gemini.transport.access import AbsentAccess
from langchain_tuned_gemini.transport.credentials import default_credentials

T = TypeVar("T", bound=BaseChatModel)


def rebuild(kind: Callable[..., T], parameters: dict[str, Any], has_key: bool) -> T:
    """Makes a model anew, with the key or the credentials of the environment.

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
