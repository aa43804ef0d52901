"""Training files: in the form that Vertex AI takes, and in Cloud Storage, where it reads them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from langchain_tuned_gemini.dataset import Examples, TuningDataset
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

Upload = Callable[[Path], str]
"""Puts a local file into Cloud Storage, and returns its URI, `gs://bucket/object`."""


def is_uri(examples: object) -> bool:
    """Whether examples are in Cloud Storage already."""
    return isinstance(examples, str) and examples.startswith("gs://")


@contextmanager
def vertex_file(examples: Examples) -> Iterator[Path]:
    """A file of examples in the form that Vertex AI takes, for as long as the block lasts.

    Its name is a new one each time, so that it may become the name in a bucket.

    https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning-prepare

    Raises:
        DatasetError: The examples can't be used; it names file, line and field.
    """
    dataset = TuningDataset.of(examples)
    with tempfile.TemporaryDirectory(prefix="tuning-") as folder:
        path = Path(folder, Path(folder).name).with_suffix(".jsonl")
        dataset.write(path, format="vertex")
        yield path


class CloudStorage:
    """Puts files into a folder of a bucket, each under its own name.

    An object that is there already is not replaced. It is one request of the JSON API; Google's own
    library (google-cloud-storage) would bring ten packages for it.
    https://cloud.google.com/storage/docs/uploading-objects#upload-object-json

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
