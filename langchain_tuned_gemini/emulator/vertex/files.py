"""Training data as Cloud Storage would hold it: examples under `gs://` URIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.model.examples import read_examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.developer.tuned_model import Example


def read_files(contents: Mapping[str, Examples]) -> dict[str, tuple[Example, ...]]:
    """The examples of files by their `gs://` URI.

    Raises:
        ValueError: A URI that is none of Cloud Storage, or a file that can't be read.
    """
    return {_checked(uri): read_examples(content) for uri, content in contents.items()}


def _checked(uri: str) -> str:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        msg = f"a file in Cloud Storage is gs://bucket/object, not {uri!r}"
        raise ValueError(msg)
    return uri
