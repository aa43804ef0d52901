"""Putting training files into Cloud Storage, where Vertex AI reads them.

One request of its JSON API, with the rights and over the connections that everything else here
has; its own library (google-cloud-storage) would bring ten packages for it.
https://cloud.google.com/storage/docs/uploading-objects#upload-object-json
"""

from __future__ import annotations

import re
from pathlib import Path

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.services.error_translation import read_answer
from langchain_tuned_gemini.services.vertex.api import translated
from langchain_tuned_gemini.transport import http
from langchain_tuned_gemini.transport.access import VertexAccess

_GOOGLE = "https://storage.googleapis.com"

_PATIENCE = 60.0
"""How long a piece of the file may take, in seconds; a whole file may be a gigabyte."""

# https://cloud.google.com/storage/docs/buckets#naming
_FOLDER = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<folder>.*))?")


class CloudStorage:
    """Puts files into a folder of a bucket, each under its own name.

    An object that is there already is not replaced.

    Args:
        folder: `gs://bucket`, or `gs://bucket/folder`. The bucket must be there.
        access: The right to write there: the role Storage Object Creator.

    Raises:
        ParameterError: It is no folder in Cloud Storage.
    """

    def __init__(self, folder: str, access: VertexAccess) -> None:
        match = _FOLDER.fullmatch(folder)
        if match is None:
            raise ParameterError(
                f"{folder!r} is no folder in Cloud Storage. Write gs://bucket, or "
                "gs://bucket/folder."
            )
        self._bucket = match["bucket"]
        self._folder = (match["folder"] or "").strip("/")
        self._access = access
        self._address = (access.base_url or _GOOGLE).rstrip("/")

    def __call__(self, path: Path) -> str:
        """Uploads a file, and returns its URI.

        Raises:
            ServiceError: Cloud Storage refuses, or could not be reached.
        """
        name = f"{self._folder}/{path.name}" if self._folder else path.name
        uri = f"gs://{self._bucket}/{name}"
        action = f"Uploading {uri}"
        with translated(action, self._address), path.open("rb") as file:
            response = http.sync_client().post(
                f"{self._address}/upload/storage/v1/b/{self._bucket}/o",
                params={"uploadType": "media", "name": name, "ifGenerationMatch": "0"},
                headers={**self._access.headers(), "content-type": "application/jsonl"},
                content=file,
                timeout=_PATIENCE,
            )
        read_answer(action, response, None)
        return uri
