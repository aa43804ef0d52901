"""The ASGI application: from a request to the steps of its answer."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from langchain_tuned_gemini.emulator.developer.handlers import HANDLERS as DEVELOPER_API
from langchain_tuned_gemini.emulator.faults import fault_injection
from langchain_tuned_gemini.emulator.http.access import check_credentials, check_host, host_of
from langchain_tuned_gemini.emulator.http.connection import perform
from langchain_tuned_gemini.emulator.http.errors import ApiError, html_page
from langchain_tuned_gemini.emulator.http.recording import (
    CREDENTIAL_HEADERS,
    CREDENTIAL_PARAMETERS,
    RecordedRequest,
)
from langchain_tuned_gemini.emulator.http.replies import HTML, Reply, delivery
from langchain_tuned_gemini.emulator.http.requests import read_call
from langchain_tuned_gemini.emulator.http.routes import Api
from langchain_tuned_gemini.emulator.http.wire import decode, with_enum_numbers
from langchain_tuned_gemini.emulator.vertex import cloud_storage
from langchain_tuned_gemini.emulator.vertex.handlers import HANDLERS as VERTEX_AI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from langchain_tuned_gemini.emulator.armed_rules import Board
    from langchain_tuned_gemini.emulator.faults.fault import Fault
    from langchain_tuned_gemini.emulator.http.connection import Connections
    from langchain_tuned_gemini.emulator.http.replies import Delivery
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.store import World


_HANDLERS = {Api.DEVELOPER: DEVELOPER_API, Api.VERTEX: VERTEX_AI}


class App:
    """Answers requests: reads, records, asks the faults, calls the method, sends.

    Deciding what to answer is synchronous and quick; only sending waits. Google's URLs
    end in `:method`, which Starlette's router can't split, hence the table in `calls`.
    """

    def __init__(self, world: World, faults: Board[Fault], connections: Connections) -> None:
        """Serves this world, with these faults."""
        self.requests: list[RecordedRequest] = []
        self._world = world
        self._faults = faults
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        steps = self._answer(request, decode(body)).steps()
        await perform(steps, self._connections, scope, receive, send)

    def _answer(self, request: Request, json: object) -> Delivery:
        query = _query(request)
        call = read_call(request.method, host_of(request), request.scope["path"], query, json)
        self._record(request, query, json, call)
        bucket = cloud_storage.bucket_of(request.method, request.scope["path"])
        try:
            check_host(request, self._world.options)
            if bucket is not None:
                check_credentials(request, self._world.options, Api.VERTEX)
                return delivery(Reply((cloud_storage.upload(self._world, bucket, query, json),)))
            if call is None:
                return delivery(_unbound(request.scope["path"]))
            check_credentials(request, self._world.options, call.api)
        except ApiError as error:
            return delivery(_refused(error))
        matched = self._faults.match(call)
        if matched is None:
            return delivery(_numbered(call, self._called(call)))
        (fault, _), call = matched, self._with_base_model(call)
        reply = fault_injection.replacement(fault, call)
        if reply is None:
            reply = fault_injection.rewritten(fault, call, self._called(call))
        return fault_injection.interrupted(fault, delivery(_numbered(call, reply)))

    def _with_base_model(self, call: Call) -> Call:
        if call.api is not Api.VERTEX or not call.name.startswith("projects/"):
            return call
        with self._world.lock:
            registry = self._world.vertex
            endpoint = registry.canonical(call.name, call.location)
            return replace(call, base_model=registry.base_model(endpoint))

    def _called(self, call: Call) -> Reply:
        try:
            with self._world.lock:
                self._world.vertex.settle(self._world.now())
                answer = _HANDLERS[call.api][call.method](self._world, call)
        except ApiError as error:
            return _refused(error)
        return answer if isinstance(answer, Reply) else Reply((answer,))

    def _record(
        self, request: Request, query: Mapping[str, str], json: object, call: Call | None
    ) -> None:
        headers = request.headers.items()
        record = RecordedRequest(
            method=request.method,
            path=request.scope["path"],
            query={k: v for k, v in query.items() if k not in CREDENTIAL_PARAMETERS},
            call=None if call is None else call.method,
            model=None if call is None else call.model,
            body=json,
            time=self._world.options.clock(),
            headers={k: v for k, v in headers if k not in CREDENTIAL_HEADERS},
        )
        self.requests.append(record)


def _query(request: Request) -> dict[str, str]:
    """The query parameters. Of those that come twice the last one counts, but all filters do.

    google-genai sends `filter` twice if it was given one for tuned models on Vertex AI; that
    Google joins the two is a guess.
    """
    query = dict(request.query_params)
    if filters := request.query_params.getlist("filter"):
        query["filter"] = " AND ".join(filters)
    return query


def _refused(error: ApiError) -> Reply:
    return Reply((error.body,), status=error.code)


def _unbound(path: str) -> Reply:
    """The 404 of a URL that means nothing: a page, since no API sees the request."""
    text = f"The requested URL <code>{escape(path)}</code> was not found on this server."
    page = html_page(404, "Not Found", text)
    return Reply(body=page.encode(), status=404, content_type=HTML)


def _numbered(call: Call, reply: Reply) -> Reply:
    """Enums as numbers where the client asks for them."""
    if "enum-encoding=int" not in call.query.get("$alt", ""):
        return reply
    return replace(reply, messages=tuple(with_enum_numbers(m) for m in reply.messages))
