"""Answers in the form that a request asks for: JSON, of a schema or of none, or an enum's value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.instances import fits, instance

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.model.functions import Toolbox

JSON = "application/json"
ENUM = "text/x.enum"

# github.com/googleapis/python-genai/issues/867
WITH_TOOLS = f"Function calling with a response mime type: '{JSON}' is unsupported"

_KEY = re.compile(r"(?<!\w)['\"`]([A-Za-z_]\w*)['\"`](?!\w)")


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """What an answer's text must be: anything, JSON, or an instance of a schema."""

    mime_type: str
    schema: JsonObject | None

    def text(self, known: str | None, question: str) -> str | None:
        """An answer in this form.

        Args:
            known: What the model would say; `None` where it knows nothing.
            question: What it was asked.

        Returns:
            What is known, if it has the form already; else an instance of the schema with what
            is known as its strings, or else with what the question has for it. JSON without a
            schema is an object with the keys that the question names in quotation marks, or with
            `answer`.
        """
        match self.mime_type:
            case "application/json" if known is None or not self._accepts(known):
                return json.dumps(self._made(known, question), ensure_ascii=False)
            case "text/x.enum":
                return str(instance(self.schema or {}, question if known is None else known))
        return known

    def _accepts(self, known: str) -> bool:
        try:
            value = json.loads(known)
        except ValueError:
            return False
        return self.schema is None or fits(self.schema, value)

    def _made(self, known: str | None, question: str) -> object:
        said = question if known is None else known
        if self.schema is not None:
            return instance(self.schema, said, is_whole=known is not None)
        return dict.fromkeys(_KEY.findall(question) or ["answer"], said)


def read_output_format(request: Message, toolbox: Toolbox, base: BaseModel) -> OutputFormat:
    """Reads `responseMimeType`, `responseSchema` and `responseJsonSchema`.

    Raises:
        ApiError: 400 for JSON together with functions, from a model before Gemini 3.
    """
    config = request.message("generationConfig")
    schema = config.get("responseJsonSchema")
    if not isinstance(schema, dict):
        schema = config.message("responseSchema").fields or None
    mime_type = config.text("responseMimeType")
    if mime_type == JSON and toolbox.functions and not base.gemini_3:
        raise ApiError(400, WITH_TOOLS)
    return OutputFormat(mime_type, schema)
