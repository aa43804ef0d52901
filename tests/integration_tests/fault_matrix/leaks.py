"""Looking for a secret in whatever a call leaves behind."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.load import dumpd


def places_in_error(error: BaseException, secret: str) -> Iterator[str]:
    """Where an error shows a secret, or one of those that it was made from, or groups, does."""
    for link in _chain(error):
        name = f"{type(link).__module__}.{type(link).__qualname__}"
        told = {
            "str": str(link),
            "repr": repr(link),
            "args": repr(link.args),
            "notes": repr(getattr(link, "__notes__", "")),
            "vars": repr(vars(link)),
            "pickle": _pickled(link),
            **_of_http(link),
        }
        yield from (f"{name}: {place}" for place, text in told.items() if secret in text)


def places_in_model(model: Any, secret: str) -> Iterator[str]:
    """Where a chat model that is written down shows a secret."""
    told = {
        "repr": repr(model),
        "str": str(model),
        "dumpd": repr(dumpd(model)),
        "pickle": _pickled(model),
        "model_dump_json": _as_json(model),
    }
    yield from (
        f"{type(model).__name__}: {place}" for place, text in told.items() if secret in text
    )


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        link = ahead.pop()
        if link is not None and not any(link is known for known in links):
            links.append(link)
            ahead += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
    return links


def _of_http(error: BaseException) -> dict[str, str]:
    """What it holds of the request and the response."""
    response = _held(error, "response")
    told = {"response": repr(response), "body": str(_held(response, "text"))}
    for holder, whose in ((error, "own"), (response, "response's")):
        for name in ("request", "request_info"):
            request = _held(holder, name)
            headers = _held(request, "headers")
            told[f"{whose} {name}"] = repr(request)
            told[f"{whose} {name}'s headers"] = (
                repr(dict(headers)) if isinstance(headers, Mapping) else ""
            )
    return told


def _held(holder: object, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except RuntimeError:  # httpx: there is none yet
        return None


def _pickled(value: object) -> str:
    """As it travels to another process; nothing for what can't."""
    try:
        return pickle.dumps(value).decode("latin-1")
    except (TypeError, AttributeError, pickle.PicklingError):
        return ""


def _as_json(model: Any) -> str:
    """Nothing for a model with parts that JSON has no word for."""
    try:
        return str(model.model_dump_json())
    except (TypeError, ValueError):
        return ""
