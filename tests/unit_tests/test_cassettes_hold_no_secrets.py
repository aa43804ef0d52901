"""What is recorded is published: no cassette tells who recorded it, where, or with what key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CASSETTES = sorted((ROOT / "cassettes").glob("**/*.yaml"))

SECRETS = {
    "a Google API key": r"AIza[\w-]{20,}|\bAQ\.[\w-]{20,}",
    "a header or parameter with a key": r"(?i)x-goog-api-key|[?&]key=[^&\s]|\bapi[_-]?key:\S",
    "an OAuth token": r"\bya29\.[\w-]+|\b1//[\w-]{20,}|(?i:\bbearer\s+[\w.~+/-]{8,})",
    "credentials": r"(?i)\bauthorization\b|PRIVATE KEY|(?:set-)?cookie:",
    "an e-mail address": r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",
    "a project": r"(?i)projects?(?:[ _-]?(?:number|id)s?)?[\"'\s:=/\[#]+\d{6,}",
    "a path of a machine": r"(?<![\w.])/(?:home|Users|root|tmp|var|opt|mnt|workspace)/|[A-Z]:\\Users",
    "a local address": r"(?i)\b127\.0\.0\.1\b|\blocalhost\b|\[::1\]",
}


def secrets_in(cassette: str) -> list[str]:
    """The kinds of secrets that a cassette holds."""
    text = "\n".join([cassette, *values_in(yaml.safe_load(cassette))])
    return [kind for kind, pattern in SECRETS.items() if re.search(pattern, text)]


def values_in(node: object) -> Iterator[str]:
    """All text in it as it was sent: YAML folds long lines, and writes bytes in base64."""
    match node:
        case dict():
            for key, value in node.items():
                yield f"{key}:"
                yield from values_in(value)
        case list():
            for value in node:
                yield from values_in(value)
        case bytes():
            yield node.decode("utf-8", errors="replace")
        case _:
            yield str(node)


def test_there_are_cassettes() -> None:
    assert CASSETTES


@pytest.fixture(params=CASSETTES, ids=lambda path: path.stem)
def cassette(request: pytest.FixtureRequest) -> str:
    return request.param.read_text(encoding="utf-8")


def test_a_cassette_holds_no_secret(cassette: str) -> None:
    assert secrets_in(cassette) == []
    assert str(ROOT) not in cassette


def test_a_cassette_says_at_its_top_what_it_was_recorded_from(cassette: str) -> None:
    source = r"Google|the emulator of langchain-tuned-gemini \d+\.\d+\.\d+\w*"

    assert re.fullmatch(f"recorded_from: ({source})", cassette.splitlines()[0])


PLANTED = {
    "AIzaSyA-1234567890abcdefghijklmnopqrstuv": "a Google API key",
    "AQ.Ab8RN6KexampleExampleExample": "a Google API key",
    "x-goog-api-key": "a header or parameter with a key",
    "https://host/v1beta/tunedModels?pageSize=2&key=secret": "a header or parameter with a key",
    "Consumer 'api_key:abc' has been suspended.": "a header or parameter with a key",
    "ya29.a0AfH6SMB": "an OAuth token",
    "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x": "an OAuth token",
    "Authorization": "credentials",
    "-----BEGIN PRIVATE KEY-----": "credentials",
    "somebody@example.com": "an e-mail address",
    "robot@some-project.iam.gserviceaccount.com": "an e-mail address",
    "projects/123456789012": "a project",
    '"readerProjectNumbers": ["123456789012"]': "a project",
    "Gemini API has not been used in project 123456789012 before": "a project",
    "/home/somebody/train.jsonl": "a path of a machine",
    r"C:\Users\somebody\train.jsonl": "a path of a machine",
    "http://127.0.0.1:53187/v1beta": "a local address",
    "localhost:8080": "a local address",
}


@pytest.mark.parametrize("secret", PLANTED)
@pytest.mark.parametrize("as_sent", [str, str.encode], ids=["text", "bytes"])
@pytest.mark.parametrize("where", ["the request", "a header", "the answer"])
def test_a_secret_is_found_wherever_it_stands(where: str, as_sent, secret: str) -> None:
    recorded = yaml.safe_load(CASSETTES[0].read_text(encoding="utf-8"))
    first, *_ = recorded["interactions"]
    long_before = "so long that the line is folded, " * 5
    planted = as_sent(f"{long_before}{secret} and more")
    match where:
        case "the request":
            first["request"]["body"] = planted
        case "a header":
            first["response"]["headers"]["x-debug"] = [planted]
        case "the answer":
            first["response"]["body"]["string"] = planted

    assert PLANTED[secret] in secrets_in(yaml.dump(recorded))
