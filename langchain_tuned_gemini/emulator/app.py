"""The ASGI application: from a request, if it has access, to the steps of its answer."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from langchain_tuned_gemini.emulator.faults import fault_injection
from langchain_tuned_gemini.emulator.http.errors import EXPECTED, RPC, ApiError, error_info
from langchain_tuned_gemini.emulator.http.replies import Delivery, Reply, delivery, html_error
from langchain_tuned_gemini.emulator.http.requests import Api, MethodCall, RecordedRequest
from langchain_tuned_gemini.emulator.http.server import Connections, perform
from langchain_tuned_gemini.emulator.http.wire import with_enum_numbers
from langchain_tuned_gemini.emulator.routes import answer_call, read_call
from langchain_tuned_gemini.emulator.vertex import cloud_storage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.types import Receive, Scope, Send

    from langchain_tuned_gemini.emulator.armed_rules import ArmedRules
    from langchain_tuned_gemini.emulator.faults.fault import Fault
    from langchain_tuned_gemini.emulator.state.store import Store

CREDENTIAL_HEADERS = frozenset({"x-goog-api-key", "authorization", "cookie"})
CREDENTIAL_PARAMETERS = frozenset({"key", "access_token"})
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
INVALID_KEY = "API key not valid. Please pass a valid API key."
# What a 401 without credentials says on Google's APIs that want OAuth.
UNAUTHENTICATED = f"Request is missing required authentication credential. {EXPECTED}"
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)


class App:
    """Answers requests: reads, records, asks the faults, calls the method, sends.

    Deciding what to answer is synchronous and quick; only sending waits. Google's URLs
    end in `:method`, which Starlette's router can't split, hence the tables in `routes`.
    """

    def __init__(self, store: Store, faults: ArmedRules[Fault], connections: Connections) -> None:
        """Serves what is in this store, with these faults."""
        self.requests: list[RecordedRequest] = []
        self._store = store
        self._faults = faults
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        steps = self._answer(request, _decoded(body)).steps()
        await perform(steps, self._connections, scope, receive, send)

    def _answer(self, request: Request, body: object) -> Delivery:
        query, path = _query(request), request.scope["path"]
        call = read_call(request.method, host_of(request), path, query, body)
        self._record(request, query, body, call)
        bucket, options = cloud_storage.bucket_of(request.method, path), self._store.options
        try:
            check_host(request, options.hosts)
            if bucket is not None:
                check_credentials(request, options.rejected_keys, Api.VERTEX)
                return delivery(Reply((cloud_storage.upload(self._store, bucket, query, body),)))
            if call is None:
                # A page, since no API sees the request.
                text = (
                    f"The requested URL <code>{escape(path)}</code> was not found on this server."
                )
                return delivery(html_error(404, "Not Found", text))
            check_credentials(request, options.rejected_keys, call.api)
        except ApiError as error:
            return delivery(_refused(error))
        return self._answer_call(call)

    def _answer_call(self, call: MethodCall) -> Delivery:
        matched = self._faults.match(call)
        if matched is None:
            return delivery(_numbered(call, self._called(call)))
        (fault, _), call = matched, self._with_base_model(call)
        reply = fault_injection.replacement(fault, call)
        if reply is None:
            reply = fault_injection.rewritten(fault, call, self._called(call))
        return fault_injection.interrupted(fault, delivery(_numbered(call, reply)))

    def _with_base_model(self, call: MethodCall) -> MethodCall:
        if call.api is not Api.VERTEX or not call.name.startswith("projects/"):
            return call
        with self._store.lock:
            vertex = self._store.vertex
            endpoint = vertex.endpoints.get(vertex.canonical(call.name, call.location))
            version = vertex.deployed(endpoint)
        return replace(call, base_model=version.base_model if version else None)

    def _called(self, call: MethodCall) -> Reply:
        try:
            with self._store.lock:
                self._store.vertex.settle(self._store.now())
                answer = answer_call(self._store, call)
        except ApiError as error:
            return _refused(error)
        return answer if isinstance(answer, Reply) else Reply((answer,))

    def _record(
        self, request: Request, query: Mapping[str, str], body: object, call: MethodCall | None
    ) -> None:
        headers = request.headers.items()
        record = RecordedRequest(
            method=request.method,
            path=request.scope["path"],
            query={k: v for k, v in query.items() if k not in CREDENTIAL_PARAMETERS},
            call=None if call is None else call.method,
            model=None if call is None else call.model,
            body=body,
            time=self._store.options.clock(),
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


def _decoded(body: bytes) -> object:
    """The JSON of a request; `None` without a body; the text where it is no JSON."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _refused(error: ApiError) -> Reply:
    return Reply((error.body,), status=error.code)


def _numbered(call: MethodCall, reply: Reply) -> Reply:
    """Enums as numbers where the client asks for them."""
    if "enum-encoding=int" not in call.query.get("$alt", ""):
        return reply
    return replace(reply, messages=tuple(with_enum_numbers(m) for m in reply.messages))


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Refuses a Host header that is neither loopback nor a name the emulator answers to.

    Otherwise a web page could reach it through a host name that resolves to loopback
    (DNS rebinding).
    """
    host = host_of(request)
    if host not in LOOPBACK_HOSTS and host not in hosts:
        msg = f"This emulator does not answer to the host {host!r}: see Emulator(hosts=...)."
        raise ApiError(421, msg, status="PERMISSION_DENIED")


def check_credentials(request: Request, rejected_keys: Collection[str], api: Api) -> None:
    """Refuses a call without credentials, and one with a key that is to be rejected.

    A rejected key is a 400, as Google answers: not a 401.
    """
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if key is None and "authorization" not in request.headers:
        if api is Api.DEVELOPER:
            raise ApiError(403, UNREGISTERED)
        info = error_info("CREDENTIALS_MISSING", "googleapis.com", service=api.value)
        raise ApiError(401, UNAUTHENTICATED, details=[info])
    if key in rejected_keys:
        # Google's own answer repeats the key in its `DebugInfo`. The emulator never does.
        details = [
            error_info("API_KEY_INVALID", "googleapis.com", service=api.value),
            {"@type": RPC + "LocalizedMessage", "locale": "en-US", "message": INVALID_KEY},
            {"@type": RPC + "DebugInfo", "detail": "Invalid API key: (not repeated)"},
        ]
        raise ApiError(400, INVALID_KEY, details=details)


def host_of(request: Request) -> str:
    """The host that a request names, in small letters and without a port."""
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
