"""The effects of a fault on an answer, in three steps that combine.

1. `replacement`: another answer, so that the call itself is never carried out.
2. `rewritten`: other content in the model's answer.
3. `interrupted`: other steps of sending it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.faults.google_errors import usual_error
from langchain_tuned_gemini.emulator.http.replies import (
    HTML,
    JSON,
    Delivery,
    Drop,
    Framing,
    Head,
    Reply,
    Step,
    Wait,
    html_error,
)
from langchain_tuned_gemini.emulator.model.completions import split_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tuned_gemini.emulator.faults.fault import Fault
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.http.wire import JsonObject

# Reasons that come with no text (FirebaseExtended/vertexai-sdk-test-data,
# unary-failure-finish-reason-safety*.json and the like).
_WITHHOLDING = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"}
)
_BESIDE_CANDIDATES = ("modelVersion", "createTime", "responseId")
DEFAULT_STREAM_ERROR = HTTPStatus.SERVICE_UNAVAILABLE.value


def replacement(fault: Fault, call: MethodCall) -> Reply | None:
    """The answer that takes the place of the real one, if the fault has one."""
    headers = _headers(fault)
    if fault.redirect is not None:
        headers = (*headers, ("location", fault.redirect))
        return Reply(
            body=b"",
            status=fault.status or HTTPStatus.TEMPORARY_REDIRECT.value,
            content_type=HTML,
            headers=headers,
        )
    if fault.body is not None:
        return replace(_literal(fault.body), status=fault.status or 200, headers=headers)
    status = _status(fault, streamed=call.method == "streamGenerateContent")
    if status is not None:
        return replace(_error(fault, status, call), headers=headers)
    if fault.hang or (fault.reset and fault.cut_after is None):
        return Reply(body=b"")
    return None


def _headers(fault: Fault) -> tuple[tuple[str, str], ...]:
    headers = tuple((fault.headers or {}).items())
    if fault.retry_after is None:
        return headers
    return (*headers, ("retry-after", str(fault.retry_after)))


def _status(fault: Fault, *, streamed: bool) -> int | None:
    if fault.error_after is not None:
        return None if streamed else fault.status or DEFAULT_STREAM_ERROR
    if fault.status is None and (fault.quota or fault.retry_delay is not None):
        return HTTPStatus.TOO_MANY_REQUESTS.value
    return fault.status


def _literal(body: object) -> Reply:
    if isinstance(body, bytes):
        return Reply(body=body)
    if isinstance(body, str):
        return Reply(body=body.encode(), content_type=HTML)
    return Reply(body=json.dumps(body, ensure_ascii=False).encode(), content_type=JSON)


def _error(fault: Fault, status: int, call: MethodCall) -> Reply:
    if status == HTTPStatus.BAD_GATEWAY and fault.message is None:
        text = "The server encountered a temporary error and could not complete your request."
        return html_error(status, "Server Error", text)
    return Reply((_error_body(fault, status, call),), status=status)


def _error_body(fault: Fault, status: int, call: MethodCall) -> JsonObject:
    body = usual_error(call, status, quota=fault.quota, delay=fault.retry_delay)
    if fault.message is not None:
        body["error"]["message"] = fault.message
    return body


def rewritten(fault: Fault, call: MethodCall, reply: Reply) -> Reply:
    """The real answer with other headers and, if a model gave it, other content."""
    reply = replace(reply, headers=(*reply.headers, *_headers(fault)))
    if not any("candidates" in message for message in reply.messages):
        return reply
    if fault.blocked or fault.no_candidates:
        bare = _without_candidates(reply.messages[-1])
        if fault.blocked:
            bare = {"promptFeedback": {"blockReason": "SAFETY"}, **bare}
        return replace(reply, messages=(bare,))
    messages = reply.messages
    if fault.empty:
        messages = (_with_candidate(messages[-1], content=_text("")),)
    if fault.limit_after is not None:
        messages = _limited(replace(reply, messages=messages), fault.limit_after)
    if fault.finish_reason is not None:
        last = _with_finish_reason(messages[-1], fault.finish_reason)
        messages = (*messages[:-1], last)
    reply = replace(reply, messages=messages)
    return reply if reply.framing is Framing.UNARY else _ended(fault, reply, call)


def _without_candidates(message: JsonObject) -> JsonObject:
    """The fields beside the candidates; of the usage, Vertex AI keeps the type of traffic."""
    bare = {key: message[key] for key in _BESIDE_CANDIDATES if key in message}
    traffic = message["usageMetadata"].get("trafficType")
    return bare if traffic is None else {"usageMetadata": {"trafficType": traffic}, **bare}


def _ended(fault: Fault, reply: Reply, call: MethodCall) -> Reply:
    """A stream that ends early: in silence, or with an error."""
    if fault.end_after is not None:
        return replace(reply, messages=reply.messages[: fault.end_after])
    if fault.error_after is not None:
        error = _error_body(fault, fault.status or DEFAULT_STREAM_ERROR, call)
        return replace(reply, messages=reply.messages[: fault.error_after], error=error)
    return reply


def _limited(reply: Reply, words: int) -> tuple[JsonObject, ...]:
    """The first words, and the token limit as the reason for the end."""
    said = [_text_of(message) for message in reply.messages]
    if reply.framing is Framing.UNARY:
        said = ["".join(split_words(said[0])[:words])]
    kept = said[:words] or [""]
    last = _with_candidate(reply.messages[-1], content=_text(kept[-1]), finishReason="MAX_TOKENS")
    return (*reply.messages[: len(kept) - 1], last)


def _text_of(message: JsonObject) -> str:
    parts = message["candidates"][0].get("content", {}).get("parts", ())
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def _text(text: str) -> JsonObject:
    return {"parts": [{"text": text}], "role": "model"}


def _with_candidate(message: JsonObject, **changes: object) -> JsonObject:
    candidate = message["candidates"][0] | changes
    shown = {key: value for key, value in candidate.items() if value is not None}
    return message | {"candidates": [shown]}


def _with_finish_reason(message: JsonObject, reason: str) -> JsonObject:
    shown = None if reason == "FINISH_REASON_UNSPECIFIED" else reason
    withheld = {"content": None} if reason in _WITHHOLDING else {}
    return _with_candidate(message, finishReason=shown, **withheld)


def interrupted(fault: Fault, delivery: Delivery) -> Delivery:
    """The answer as the fault lets it arrive."""
    before = delivery.before
    if fault.delay is not None:
        before = (*before, Wait(fault.delay))
    if fault.reset and fault.cut_after is None:
        before = (*before, Drop(reset=True))
    if fault.hang:
        before = (*before, Wait(None))
    chunks = delivery.chunks
    if (at := _malformed_at(fault, delivery)) is not None:
        chunks = (*chunks[:at], _broken(chunks[at]), *chunks[at + 1 :])
    if fault.cut_after is not None:
        chunks = (
            *_before_cut(chunks, fault.cut_after, streamed=delivery.streamed),
            Drop(fault.reset),
        )
    if fault.stall_after is not None:
        at = fault.stall_after
        chunks = (*chunks[:at], Wait(fault.stall), *chunks[at:])
    if fault.drip is not None:
        chunks = tuple(chain.from_iterable(_dripped(chunk, fault.drip) for chunk in chunks))
    return replace(delivery, before=before, head=_head(fault, delivery.head, chunks), chunks=chunks)


def _head(fault: Fault, head: Head, chunks: tuple[Step, ...]) -> Head:
    """A body that is broken, not cut, still has the length that is announced."""
    has_length = any(name == "content-length" for name, _ in head.headers)
    if not has_length or not (fault.malformed or fault.malformed_after is not None):
        return head
    length = sum(len(chunk) for chunk in chunks if isinstance(chunk, bytes))
    others = tuple(pair for pair in head.headers if pair[0] != "content-length")
    return replace(head, headers=(*others, ("content-length", str(length))))


def _malformed_at(fault: Fault, delivery: Delivery) -> int | None:
    """Which chunk has broken JSON: that after the last one is the last one."""
    if not delivery.chunks or not (fault.malformed or fault.malformed_after is not None):
        return None
    return min(fault.malformed_after or 0, len(delivery.chunks) - 1) if delivery.streamed else 0


def _before_cut(chunks: tuple[Step, ...], count: int, *, streamed: bool) -> tuple[Step, ...]:
    if streamed:
        return chunks[:count]
    return tuple(c[: len(c) // 2] for c in chunks if isinstance(c, bytes))


def _broken(chunk: Step) -> Step:
    """JSON that stops in its middle, inside a frame that is whole."""
    if not isinstance(chunk, bytes):
        return chunk
    text = chunk.rstrip(b"\r\n")
    return text[: len(text) // 2] + chunk[len(text) :]


def _dripped(chunk: Step, pause: float) -> Iterable[Step]:
    if not isinstance(chunk, bytes):
        return (chunk,)
    return chain.from_iterable((bytes((byte,)), Wait(pause)) for byte in chunk)
