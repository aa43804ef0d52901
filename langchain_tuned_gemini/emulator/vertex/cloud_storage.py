"""Cloud Storage, as far as uploading training data needs it.

https://cloud.google.com/storage/docs/json_api/v1/objects/insert
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.vertex.files import read_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

_UPLOAD = re.compile(r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o")


def bucket_of(method: str, path: str) -> str | None:
    """The bucket that a request uploads to; None for a request that is no upload."""
    match = _UPLOAD.fullmatch(path) if method == "POST" else None
    return match["bucket"] if match else None


def upload(world: World, bucket: str, query: Mapping[str, str], body: object) -> JsonObject:
    """Keeps a file where a tuning job finds it.

    Args:
        world: Where it is kept.
        bucket: Its bucket.
        query: The parameters of the request.
        body: The file, as `decode` reads it: the text, or what it holds if that is one row.

    Raises:
        ApiError: 400 for what is no file of examples; 412 for one that is there already and
            was not to be replaced.
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
    with world.lock:
        if uri in world.vertex.files and query.get("ifGenerationMatch") == "0":
            message = "At least one of the pre-conditions you specified did not hold."
            raise ApiError(412, message, status="FAILED_PRECONDITION")
        world.vertex.files.update(added)
    return {"kind": "storage#object", "bucket": bucket, "name": name}
