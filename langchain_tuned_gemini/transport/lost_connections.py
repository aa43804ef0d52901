"""Requests whose connection failed: what becomes of them, for threads and event loops."""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from typing import Any, Final

import httpx

from langchain_tuned_gemini.errors import LocalResourceError, UntrustedCertificateError
from langchain_tuned_gemini.runtime.deadline import note_lost, time_left
from langchain_tuned_gemini.runtime.error_origins import is_about_a_certificate, is_local, roots_of

logger = logging.getLogger("langchain_tuned_gemini")

_LOST: Final = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_GENERATING: Final = (":generateContent", ":streamGenerateContent")
_REPEATABLE: Final = (*_GENERATING, ":countTokens")
"""What may be asked twice, besides GET. A second `tuningJobs.create` would be a second bill."""


class OutgoingRequest:
    """A request on its way, which may go out a second time, on a new connection.

    A server that closes an idle connection at the moment at which a request goes out on it has
    not read the request. And an idle connection that is given up makes room for a new one.
    """

    def __init__(self, request: httpx.Request, *, is_reused: bool) -> None:
        self._request = request
        self._is_reused = is_reused
        self._has_room_been_made = False

    def needs_room(self, error: BaseException) -> bool:
        """Whether all idle connections are to be given up, since this machine can't open more."""
        return not self._is_reused and is_local(error)

    def retry_or_raise(self, error: BaseException, connection: Any) -> None:
        """Returns if the request is to go out again, on a new connection; raises otherwise.

        Raises:
            UntrustedCertificateError: Whoever answered is not trusted.
            LocalResourceError: This machine can't open a connection, not even without idle ones.
        """
        if self._is_reused:
            self._is_reused = False
            if not isinstance(error, _LOST) or not self._was_closed_unheard(connection):
                raise error
            self._note_lost(error)
        elif is_local(error):
            if self._has_room_been_made:
                raise LocalResourceError(self._address(), _reason(error)) from error
            self._has_room_been_made = True
        elif is_about_a_certificate(error):
            raise UntrustedCertificateError(self._address(), _reason(error)) from error
        else:
            raise error

    def _was_closed_unheard(self, connection: Any) -> bool:
        return (
            (self._request.method == "GET" or self._request.url.path.endswith(_REPEATABLE))
            and isinstance(self._request.stream, httpx.ByteStream)  # any other is used up
            and not _has_heard(connection)
            and time_left() > 0  # or it was a deadline's end that closed it
        )

    def _note_lost(self, error: Exception) -> None:
        logger.info("%s closed a connection that was kept; asked again.", self._address())
        if self._request.url.path.endswith(_GENERATING):
            note_lost(error)

    def _address(self) -> str:
        """Where it goes, without what else an address may hold: names and passwords."""
        url = self._request.url
        return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _has_heard(connection: Any) -> bool:
    """Whether a byte of an answer has come; when in doubt, it has.

    httpcore has no public way to tell: its error for the end of a connection is the same.
    """
    link = connection._pool
    while link is not None and not hasattr(link, "_h11_state"):
        link = getattr(link, "_connection", None)
    if link is None:
        return True
    state = link._h11_state
    return bool(state.trailing_data[0]) or str(state.their_state) != "SEND_RESPONSE"


def _reason(error: BaseException) -> str:
    """Why no connection could be opened, in the system's words."""
    root = next(roots_of(error))
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({root.verify_message})"
    if isinstance(root, socket.gaierror):  # what was told instead is that there is no such host
        return os.strerror(errno.EMFILE)
    return (root.strerror if isinstance(root, OSError) else None) or str(root)
