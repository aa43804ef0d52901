"""Cloud Storage, as far as tuning needs it: examples under `gs://` URIs, and their upload.

https://cloud.google.com/storage/docs/json_api/v1/objects/insert
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.examples import Example, read_examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.state.store import Store

_UPLOAD = re.compile(r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o")
_URI = re.compile(r"gs://[^/]+/.+", re.DOTALL)


def read_files(contents: Mapping[str, Examples]) -> dict[str, tuple[Example, ...]]:
    """The examples of files by their `gs://` URI."""
    for uri in contents:
        if not _URI.fullmatch(uri):
            msg = f"a file in Cloud Storage is gs://bucket/object, not {uri!r}"
            raise ValueError(msg)
    return {uri: read_examples(content) for uri, content in contents.items()}


def bucket_of(method: str, path: str) -> str | None:
    """The bucket that a request uploads to; None for a request that is no upload."""
    match = _UPLOAD.fullmatch(path) if method == "POST" else None
    return match["bucket"] if match else None


def upload(store: Store, bucket: str, query: Mapping[str, str], body: object) -> JsonObject:
    """Keeps a file where a tuning job finds it.

    It comes as its text, or as what it holds if that is one row of JSON.
    """
    name = query.get("name", "")
    if query.get("uploadType") != "media" or not name:
        raise ApiError(400, "Required")
    uri = f"gs://{bucket}/{name}"
    try:
        lines = body.splitlines() if isinstance(body, str) else []
        rows = [json.loads(line) for line in lines if line.strip()] or [body]
        added = read_files({uri: rows})
    except ValueError as error:  # a DatasetError is one
        raise ApiError(400, str(error)) from error
    with store.lock:
        if uri in store.vertex.files and query.get("ifGenerationMatch") == "0":
            message = "At least one of the pre-conditions you specified did not hold."
            raise ApiError(412, message, status="FAILED_PRECONDITION")
        store.vertex.files.update(added)
    return {"kind": "storage#object", "bucket": bucket, "name": name}
