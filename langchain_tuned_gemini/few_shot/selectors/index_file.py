"""An index kept in a file: read where it is good, built and written again where it is not.

The file is a line that says what it is, a line of JSON (version, what it is an index of, a
checksum), and NumPy's arrays, read without pickle: a file of somebody else's can't run code.
"""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from bm25s import BM25
from numpy.typing import NDArray

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.errors import ExampleIndexError
from langchain_tuned_gemini.few_shot.selectors.index import GRAM_SIZES, ExampleIndex, Labels
from langchain_tuned_gemini.runtime.atomic_write import write_whole_bytes

_log = logging.getLogger("langchain_tuned_gemini")

_MAGIC = b"langchain-tuned-gemini example index\n"
_VERSION = 1
"""Another one is built again: raise it when an index of the same examples would be another."""

_PARTS_OF_LABELS = ("rows", "starts", "lengths")


def load_or_build(
    path: str | os.PathLike[str] | None, examples: Sequence[TuningExample], *, label_diverse: bool
) -> ExampleIndex:
    """Reads the index of these examples from a file; builds it, and writes it, if there is none.

    Raises:
        ExampleIndexError: If the file is something else than an index: it may be of use.
    """
    if path is None:
        return ExampleIndex.build(examples, label_diverse=label_diverse)
    known_as = _fingerprint(examples, label_diverse=label_diverse)
    try:
        return _decoded(_read(path), known_as)
    except FileNotFoundError:
        pass
    except (OSError, _StaleError) as problem:
        _log.warning("The example index %s is built again: %s.", path, problem)
    index = ExampleIndex.build(examples, label_diverse=label_diverse)
    try:
        write_whole_bytes(path, _encoded(index, known_as))
    except OSError as problem:
        _log.warning("The example index %s can't be written: %s.", path, problem)
    return index


class _StaleError(Exception):
    """An index that can't be used, and may be replaced."""


def _fingerprint(examples: Sequence[TuningExample], *, label_diverse: bool) -> str:
    """Names what an index is made of: the examples in their order, and how they are compared."""
    digest = sha256(repr((_VERSION, GRAM_SIZES, label_diverse)).encode())
    for example in examples:
        digest.update(sha256(example.canonical()).digest())
    return digest.hexdigest()


def _read(path: str | os.PathLike[str]) -> bytes:
    content = Path(path).read_bytes()
    # A file that a crash left empty is nobody's.
    if content and not content.startswith(_MAGIC):
        raise ExampleIndexError(
            f"{path} is no example index, so it is left as it is. Choose another index_path, or "
            "delete the file if nobody needs it.",
            path=os.fspath(path),
        )
    return content


def _decoded(content: bytes, known_as: str) -> ExampleIndex:
    header, _, payload = content[len(_MAGIC) :].partition(b"\n")
    try:
        said = json.loads(header)
    except ValueError:
        raise _StaleError("it is damaged") from None
    if not isinstance(said, dict) or said.get("version") != _VERSION:
        raise _StaleError("another version of this package has written it")
    if said.get("sha256") != sha256(payload).hexdigest():
        raise _StaleError("it is damaged")
    if said.get("of") != known_as:
        raise _StaleError("it is of other examples")
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        return _index_of(arrays)


def _encoded(index: ExampleIndex, known_as: str) -> list[bytes]:
    arrays: dict[str, NDArray[Any]] = {
        "count": np.array(index.count),
        "vocabulary": np.frombuffer("\n".join(index.bm25.vocab_dict).encode(), np.uint8),
        **_arrays_of(index.bm25, "examples"),
    }
    if index.labels is not None:
        arrays |= {part: getattr(index.labels, part) for part in _PARTS_OF_LABELS}
        arrays |= _arrays_of(index.labels.bm25, "labels")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    said = {"version": _VERSION, "of": known_as, "sha256": sha256(payload).hexdigest()}
    return [_MAGIC, json.dumps(said).encode(), b"\n", payload]


def _arrays_of(bm25: BM25, name: str) -> dict[str, NDArray[Any]]:
    # The settings are in the scores already.
    parts = {part: bm25.scores[part] for part in ("data", "indices", "indptr")}
    return {
        f"{name}_rows": np.array(bm25.scores["num_docs"]),
        **{f"{name}_{part}": array for part, array in parts.items()},
    }


def _index_of(arrays: Any) -> ExampleIndex:
    grams = arrays["vocabulary"].tobytes().decode().split("\n")
    vocabulary = {gram: number for number, gram in enumerate(grams)}
    labels = None
    if "lengths" in arrays:
        parts = {part: arrays[part] for part in _PARTS_OF_LABELS}
        labels = Labels(**parts, bm25=_bm25_of(arrays, "labels", vocabulary))
    return ExampleIndex(int(arrays["count"]), _bm25_of(arrays, "examples", vocabulary), labels)


def _bm25_of(arrays: Any, name: str, vocabulary: dict[str, int]) -> BM25:
    bm25 = BM25()
    bm25.scores = {part: arrays[f"{name}_{part}"] for part in ("data", "indices", "indptr")}
    bm25.scores["num_docs"] = int(arrays[f"{name}_rows"])
    bm25.vocab_dict = vocabulary
    bm25.unique_token_ids_set = set(vocabulary.values())
    return bm25
