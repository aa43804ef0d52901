"""Answers that say 200 and hold an error, `{"error": {"code": 503, …}}`, as gateways send them.

google-genai raises such an error in a stream, but takes it for an empty answer otherwise. Here it
gets the status that it speaks of, so that it is raised, and for what it is: with the reason and
the hint of the server. Measured with google-genai 2.34 and 3.6.
"""

from __future__ import annotations

import json

import httpx

_ERROR = b'"error"'
"""It hardly ever stands in an answer; parsing each of them would take longer."""


def unmask(response: httpx.Response) -> None:
    """Gives an answer in one piece the status that its error speaks of; a hook for httpx."""
    if _is_in_one_piece(response) and _ERROR in response.read():
        response.status_code = _status_in(response)


async def unmask_async(response: httpx.Response) -> None:
    """Does what `unmask` does, for asyncio."""
    if _is_in_one_piece(response) and _ERROR in await response.aread():
        response.status_code = _status_in(response)


def _is_in_one_piece(response: httpx.Response) -> bool:
    """Whether it can be read here: a stream is read by whoever asked for it."""
    return response.status_code == 200 and response.request.url.params.get("alt") != "sse"


def _status_in(response: httpx.Response) -> int:
    try:
        code = json.loads(response.content)["error"]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):  # no error of Google's
        return 200
    return code if isinstance(code, int) and 400 <= code < 600 else 200
