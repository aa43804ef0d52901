"""Pages of a list: size, token, and the token's promise."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, TypeVar

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.requests import Api, MethodCall
from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


MAX_PAGE_SIZE = 1000
# That of Vertex AI is not published: a guess.
DEFAULT_PAGE_SIZES = {Api.DEVELOPER: 10, Api.VERTEX: 100}

T = TypeVar("T")


def page(
    call: MethodCall,
    collection: str,
    items: Sequence[T],
    key: Callable[[T], str],
    shown: Callable[[T], JsonObject],
    *,
    default: int | None = None,
) -> JsonObject:
    """The answer of a list call: the page that it asks for, and the token of the next one.

    A token names the last item that was shown, not a number: an item that is deleted
    between two pages shifts nothing.

    Args:
        call: The call, with `pageSize`, `pageToken` and `filter` in its query.
        collection: The name of the list in the answer.
        items: All items in their order.
        key: The unique name of an item, which sorts as the items do.
        shown: The resource of an item.
        default: The page size where none, or 0, is given; that of most lists by default.
    """
    size = _page_size(call, default or DEFAULT_PAGE_SIZES[call.api])
    if token := call.parameter("pageToken"):
        last = _last_of(call, token)
        items = [item for item in items if key(item) > last]
    on_page = items[:size]
    token = _token(call, key(on_page[-1])) if len(items) > size else ""
    return compact(**{collection: [shown(item) for item in on_page], "nextPageToken": token})


def _page_size(call: MethodCall, default: int) -> int:
    raw = call.parameter("pageSize") or "0"
    try:
        size = int(raw)
    except ValueError:
        msg = f"Invalid value at 'page_size' (TYPE_INT32), \"{raw}\""
        raise ApiError(400, msg) from None
    if size < 0:
        raise ApiError(400, "page_size must not be negative.")
    return min(size or default, MAX_PAGE_SIZE)


def _token(call: MethodCall, last: str) -> str:
    content = json.dumps([call.method, call.name, call.parameter("filter"), last])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _last_of(call: MethodCall, token: str) -> str:
    try:
        padded = token + "=" * (-len(token) % 4)
        method, name, filter_, last = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        raise ApiError(400, "Invalid page token.") from None
    if [method, name, filter_] != [call.method, call.name, call.parameter("filter")]:
        msg = "Invalid page token: the other parameters must be those of the first page."
        raise ApiError(400, msg)
    return str(last)
