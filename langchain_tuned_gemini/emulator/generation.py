"""The answers of models on both services: as a test scripts them, or by the emulator's rules.

Without a script it calls a function if the request's functions and the question call for it
(see `functions`), tells what a function returned if that was last, and else says the output of
the nearest example that it knows, in the form that is asked for: as text, as JSON, of a schema or
of none, or as an enum's value.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.replies import Framing, Reply
from langchain_tuned_gemini.emulator.model.answers import ModelAnswer
from langchain_tuned_gemini.emulator.model.completions import Completion, Style, limited
from langchain_tuned_gemini.emulator.model.examples import Example, TrigramIndex, nearest
from langchain_tuned_gemini.emulator.model.functions import check_history, read_toolbox
from langchain_tuned_gemini.emulator.model.instances import fits, instance

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Message, MethodCall
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.model.prompts import Prompt
    from langchain_tuned_gemini.emulator.state.store import Store

KNOWS_NOTHING = (
    "I have no examples of this task, so I can't answer. "
    "(I am an emulator: I repeat the nearest example that I was given.)"
)
THOUGHT_TOKENS = 512
"""How many tokens are thought where nothing else is said; what is shown of it is a summary."""
THOUGHT = "I look for what comes nearest to the question, since I am an emulator."
MOST_CANDIDATES = 8
RESPONSE_ID_LENGTH = 22
# The words by which langchain-google-genai knows a context overflow.
TOO_LONG = "The input token count ({}) exceeds the maximum number of tokens allowed ({})."
JSON = "application/json"
# github.com/googleapis/python-genai/issues/867
WITH_TOOLS = f"Function calling with a response mime type: '{JSON}' is unsupported"
_KEY = re.compile(r"(?<!\w)['\"`]([A-Za-z_]\w*)['\"`](?!\w)")


def generate(
    store: Store,
    call: MethodCall,
    prompt: Prompt,
    base: ServedModel,
    learnt: TrigramIndex | None,
    style: Style,
) -> Reply:
    """The answer of generateContent, or that of streamGenerateContent in pieces.

    These are server-sent events with `alt=sse`, else one JSON array.

    Args:
        store: The scripts are there.
        call: The call, with what it asks for.
        prompt: Its conversation.
        base: The base model.
        learnt: What a tuned model has learnt; a base model has the examples of the prompt.
        style: Whose answers these are like.

    """
    # github.com/Zoo-Code-Org/Zoo-Code/issues/1052
    if learnt is None and prompt.ends_with_model and not base.accepts_prefill:
        raise ApiError(400, "Requests ending with a model turn are not supported.")
    if prompt.tokens > base.input_token_limit:
        raise ApiError(400, TOO_LONG.format(prompt.tokens, base.input_token_limit))
    check_history(prompt.turns, base)
    query, config = prompt.query, call.body.message("generationConfig")
    example = nearest(prompt.examples, query) if learnt is None else learnt.nearest(query)
    answer = _own_answer(call.body, prompt, example, base)
    if matched := store.scripts.match(call):
        script, hit = matched
        answer = script.answer(hit)
    counted = answer.prompt_tokens
    completion = Completion(
        answer=limited(answer, config),
        prompt_tokens=prompt.tokens_by_modality if counted is None else {"TEXT": counted},
        base=base,
        response_id=store.random_id(RESPONSE_ID_LENGTH),
        style=style,
        create_time=store.now(),
        candidates=_candidates(config),
    )
    latency = store.options.latency
    if call.method == "generateContent":
        return Reply((completion.whole(),), latency=latency)
    framing = Framing.SSE if call.parameter("alt") == "sse" else Framing.JSON_ARRAY
    return Reply(completion.chunks(), framing, latency=latency)


def unavailable(status: int, reason: str, denied: str | None = None) -> ApiError:
    """The refusal of a model that can't answer, with the status that a test has chosen for it.

    400 and 404 say the reason, 403 that the caller is denied. Other statuses keep Google's usual
    text, which says nothing of the model's state.
    """
    texts = {400: reason, 403: denied, 404: reason}
    word = "FAILED_PRECONDITION" if status == HTTPStatus.BAD_REQUEST else None
    return ApiError(status, texts.get(status), status=word)


def _own_answer(
    request: Message, prompt: Prompt, example: Example | None, base: ServedModel
) -> ModelAnswer:
    """The model's answer by itself."""
    toolbox, config = read_toolbox(request), request.message("generationConfig")
    mime_type, schema = config.text("responseMimeType"), _schema(config)
    if mime_type == JSON and toolbox.functions and not base.gemini_3:
        raise ApiError(400, WITH_TOOLS)
    answer = _thoughts(config.message("thinkingConfig"), base)
    if calls := toolbox.calls(prompt):
        return replace(answer, calls=calls)
    known = None if example is None else example.output
    if prompt.responses:
        known = "\n".join(map(_returned, prompt.responses))
    text = _formatted(mime_type, schema, known, prompt.query)
    return replace(answer, text=KNOWS_NOTHING if text is None else text)


def _returned(response: JsonObject) -> str:
    """The result of a function: a text as it is, anything else as JSON."""
    value = next((response[key] for key in ("output", "result") if key in response), response)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _thoughts(config: Message, base: ServedModel) -> ModelAnswer:
    """The thoughts that are counted, and shown if asked for.

    A model that can think does, unless the request says how little: Google's do so by default
    (https://ai.google.dev/gemini-api/docs/thinking). A budget is an upper limit, and a level up to
    `LOW` is taken for none at all; Google's models may think a little then, too.
    """
    budget, level = config.integer("thinkingBudget"), config.text("thinkingLevel").upper()
    if not base.thinking or budget == 0 or level in ("MINIMAL", "LOW"):
        return ModelAnswer()
    most = THOUGHT_TOKENS if budget is None or budget < 0 else budget
    shown = bool(config.get("includeThoughts"))
    tokens = min(most, THOUGHT_TOKENS)
    return ModelAnswer(thoughts=THOUGHT if shown else "", thought_tokens=tokens)


def _candidates(config: Message) -> int:
    count = config.integer("candidateCount")
    count = 1 if count is None else count
    if not 1 <= count <= MOST_CANDIDATES:
        # The emulator's own words: how Google puts it is not published.
        raise ApiError(400, f"candidateCount must be from 1 to {MOST_CANDIDATES}, not {count}.")
    return count


def _schema(config: Message) -> JsonObject | None:
    """`responseJsonSchema`, or else `responseSchema`."""
    schema = config.get("responseJsonSchema")
    return schema if isinstance(schema, dict) else config.message("responseSchema").fields or None


def _formatted(
    mime_type: str, schema: JsonObject | None, known: str | None, question: str
) -> str | None:
    """An answer in the form that is asked for.

    What is known, if it has the form already; else an instance of the schema with what is known
    as its strings, or else with what the question has for it. JSON without a schema is an object
    with the keys that the question names in quotation marks, or with `answer`.
    """
    said = question if known is None else known
    if mime_type == "text/x.enum":
        return str(instance(schema or {}, said))
    if mime_type != JSON or (known is not None and _is_json(known, schema)):
        return known
    if schema is None:
        made = dict.fromkeys(_KEY.findall(question) or ["answer"], said)
    else:
        made = instance(schema, said, is_whole=known is not None)
    return json.dumps(made, ensure_ascii=False)


def _is_json(text: str, schema: JsonObject | None) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return schema is None or fits(schema, value)
