"""The turns of a request's conversation: what was said, called, told and shown in each."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message

TOKENS_OF_A_FILE = 258
"""What a small image or a page of a PDF counts (<https://ai.google.dev/gemini-api/docs/tokens>);
here every file does, whatever is in it."""

_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "application": "DOCUMENT"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One Content of a request.

    Attributes:
        role: `user`, `model`, or what else the client calls it.
        text: What it says, without thoughts.
        calls: The functions that the model called, by their names.
        responses: What they returned: `functionResponse.response`.
        files: The modality of each image, recording, video or document.
        is_signed: Whether the first of its calls, if any, has a thought signature.
        data: The calls and responses as JSON, which is what they are counted by.
    """

    role: str
    text: str
    calls: tuple[str, ...]
    responses: tuple[JsonObject, ...]
    files: tuple[str, ...]
    is_signed: bool
    data: tuple[str, ...]

    @property
    def message(self) -> str:
        """What it says and what its functions returned, for who looks for a word in it."""
        return "\n".join([self.text, *map(_as_json, self.responses)]).strip()

    @property
    def asks(self) -> bool:
        """Whether the user says or shows something here, and no function only returns."""
        return self.role != "model" and not self.responses and bool(self.text or self.files)


def read_turns(request: Message) -> list[Turn]:
    """The turns of `contents`.

    Raises:
        ApiError: 400 for a file's data that are no base64.
    """
    return [read_turn(content) for content in request.messages("contents")]


def read_turn(content: Message) -> Turn:
    """One turn."""
    parts = content.messages("parts")
    calls = [part for part in parts if "functionCall" in part]
    responses = [part.message("functionResponse") for part in parts if "functionResponse" in part]
    shown = [*parts, *(part for response in responses for part in response.messages("parts"))]
    called = [part.message("functionCall") for part in calls]
    returned = [response.message("response").fields for response in responses]
    return Turn(
        role=content.text("role"),
        text="".join(part.text("text") for part in parts if not part.get("thought")),
        calls=tuple(call.text("name") for call in called),
        responses=tuple(returned),
        files=tuple(filter(None, map(_modality, shown))),
        is_signed=not calls or "thoughtSignature" in calls[0],
        data=tuple(map(_as_json, [*(call.message("args").fields for call in called), *returned])),
    )


def estimate_tokens(text: str) -> int:
    """A token for every four characters, rounded up.

    Google's rule of thumb (<https://ai.google.dev/gemini-api/docs/tokens>), taken as the
    whole truth: the same text always has the same count, here and in `countTokens`.
    """
    return math.ceil(len(text) / 4)


def _modality(part: Message) -> str | None:
    """The modality of a part that is a file; of an unknown kind it counts as a document."""
    if "inlineData" in part:
        blob = part.message("inlineData")
        try:
            base64.b64decode(blob.text("data").replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            msg = f"Invalid value at '{blob.path}.data' (TYPE_BYTES), Base64 decoding failed"
            raise ApiError(400, msg) from None
    elif "fileData" in part:
        blob = part.message("fileData")
    else:
        return None
    return _MODALITIES.get(blob.text("mimeType").partition("/")[0], "DOCUMENT")


def _as_json(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False)
