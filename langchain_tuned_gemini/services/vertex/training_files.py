"""Training files in the form that Vertex AI takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from langchain_tuned_gemini.dataset import Examples, TuningDataset

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
