"""The secrets that this process uses: read as they were meant, and known so that they are hidden.

What an API key looks like says little: Google has two forms of its own, and a gateway's may have
any. So whoever is given a secret says so here, and what is written down of an error is searched
for all of them.
"""

from __future__ import annotations

import base64
import os
import re
import unicodedata
import weakref
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr

from langchain_tuned_gemini.errors import ParameterError

HIDDEN: Final = "[hidden]"

_KEYS: Final = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
"""Where the environment has a key of the Developer API; the first one that is set counts."""

CREDENTIAL: Final = re.compile("auth|cookie|credential|key|passw|secret|token", re.IGNORECASE)
"""What a header's name says where its value is a secret: a gateway has headers of its own."""

_secrets: dict[int, tuple[str, ...]] = {}
"""By the object that uses them: they are forgotten with it. What `dict` does here is atomic."""


def remember(holder: object, *secrets: str | None) -> None:
    """Lets secrets be hidden wherever an error shows them, as long as their holder lives.

    What the holder used before is forgotten.
    """
    if _secrets.get(id(holder)) is None:
        weakref.finalize(holder, _secrets.pop, id(holder), None).atexit = False
    _secrets[id(holder)] = tuple(secret for secret in secrets if secret)


def known() -> set[str]:
    """All secrets that are in use, those of the environment among them."""
    found = {secret for secrets in list(_secrets.values()) for secret in secrets}
    for name in os.environ:  # not its items: another thread may take one away
        if name.endswith("_API_KEY"):
            found.add(os.environ.get(name, ""))
        elif name.endswith(("_PROXY", "_proxy")):
            proxy = os.environ.get(name, "")
            if "@" in proxy:
                found.update(secrets_in_url(proxy if "://" in proxy else f"http://{proxy}"))
    return found


def key_of_environment() -> str | None:
    """The first API key of the environment that is not blank."""
    return next((key for name in _KEYS if (key := os.environ.get(name, "").strip())), None)


def header_value(secret: str, what: str) -> str:
    r"""The secret as it is sent: without the white space that copying has put around it.

    Args:
        secret: A key or a token.
        what: What it is, as the start of a sentence.

    Raises:
        ParameterError: No HTTP header can hold it. The HTTP libraries would say so in an error
            that shows it.

    Example:
        >>> header_value(" AQ.made-up\n", "The API key")
        'AQ.made-up'
        >>> header_value("AQ.made\u200b-up", "The API key")
        Traceback (most recent call last):
            ...
        langchain_tuned_gemini.errors.ParameterError: The API key has a character that ...
    """
    value = secret.strip()
    for position, character in enumerate(value, start=1):
        if not (character.isascii() and character.isprintable()):
            name = unicodedata.name(character, "a control character")
            raise ParameterError(
                f"{what} has a character that no HTTP header can hold: U+{ord(character):04X} "
                f"({name}), character {position} of {len(value)}. Copy it again, as plain text: "
                "web pages and chats add characters that can't be seen."
            )
    return value


def without_userinfo(url: str) -> str:
    """A URL to show: what stands before the `@` may be a password, or a token in its place.

    Example:
        >>> without_userinfo("https://me:secret@gateway.example/v1")
        'https://[hidden]@gateway.example/v1'
    """
    before, at, after = url.rpartition("@")
    scheme, slashes, _ = before.partition("://")
    return f"{scheme}{slashes}{HIDDEN}@{after}" if at and slashes else url


def has_lost_its_userinfo(url: str | None) -> bool:
    """Says of a URL whether it is one that was shown, so that it can't be used."""
    return f"://{HIDDEN}@" in (url or "")


def secrets_in_url(url: str | None) -> tuple[str, ...]:
    """The password before the `@` of a URL, as it is written, as it is meant and as it is sent.

    Without a password it is the name: a token stands there then.
    """
    userinfo = (url or "").rpartition("@")[0].partition("://")[2]
    name, colon, password = userinfo.partition(":")
    secret = password or name
    if not secret:
        return ()
    # As `Authorization: Basic`, which some servers repeat.
    sent = base64.b64encode(unquote(f"{name}{colon or ':'}{password}").encode()).decode()
    return tuple({secret, unquote(secret), sent})


def secrets_of(model: object) -> Iterator[str]:
    """The secrets among the parameters of a chat model, whoever has made it."""
    for name, value in vars(model).items():
        match value:
            case SecretStr():
                yield value.get_secret_value()
            case str() if "://" in value:
                yield from secrets_in_url(value)
            case Mapping() if "headers" in name:
                yield from (
                    str(held) for header, held in value.items() if CREDENTIAL.search(str(header))
                )
            case BaseModel():
                yield from secrets_of(value)
            case list() | tuple():
                for part in value:
                    if isinstance(part, BaseModel):
                        yield from secrets_of(part)
