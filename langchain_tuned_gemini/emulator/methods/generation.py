"""`generateContent` and `streamGenerateContent`, of tuned models and of base models."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.completions import Completion, limited
from langchain_tuned_gemini.emulator.errors import ApiError
from langchain_tuned_gemini.emulator.methods import base_models
from langchain_tuned_gemini.emulator.prompts import Prompt, read_prompt
from langchain_tuned_gemini.emulator.records import ME, State
from langchain_tuned_gemini.emulator.replies import Framing, Reply
from langchain_tuned_gemini.emulator.similarity import nearest

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.calls import Call
    from langchain_tuned_gemini.emulator.records import BaseModel, Example, TunedModelRecord
    from langchain_tuned_gemini.emulator.world import World

    Asked = tuple[Example | None, BaseModel]

KNOWS_NOTHING = (
    "I have no examples of this task, so I can't answer. "
    "(I am an emulator: I repeat the nearest example that I was given.)"
)
RESPONSE_ID_LENGTH = 22
# The words by which langchain-google-genai knows a context overflow.
TOO_LONG = "The input token count ({}) exceeds the maximum number of tokens allowed ({})."


def generate(world: World, call: Call) -> Reply:
    """The whole answer at once."""
    return Reply((_complete(world, call).whole(),), latency=world.options.latency)


def stream(world: World, call: Call) -> Reply:
    """The answer in pieces: server-sent events with `alt=sse`, else one JSON array."""
    chunks = _complete(world, call).chunks()
    if call.parameter("alt") == "sse":
        return Reply(
            chunks, Framing.SSE, content_type="text/event-stream", latency=world.options.latency
        )
    return Reply(chunks, Framing.JSON_ARRAY, latency=world.options.latency)


def _complete(world: World, call: Call) -> Completion:
    prompt = read_prompt(call.body)
    tuned = (call.model or "").startswith("tunedModels/")
    example, base = (_ask_tuned if tuned else _ask_base)(world, call, prompt)
    if prompt.tokens > base.input_token_limit:
        raise ApiError(400, TOO_LONG.format(prompt.tokens, base.input_token_limit))
    answer = example.output if example is not None else KNOWS_NOTHING
    text, finish_reason = limited(answer, call.body.message("generationConfig"))
    return Completion(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=prompt.tokens,
        # The base model's name: an answer does not tell which tuned model gave it.
        model_version=base.id,
        response_id=world.random_id(RESPONSE_ID_LENGTH),
        rated=tuned,
    )


def _ask_tuned(world: World, call: Call, prompt: Prompt) -> Asked:
    record = _callable(world, call.model or "")
    return record.examples.nearest(prompt.query), world.base_models[record.base_model]


def _ask_base(world: World, call: Call, prompt: Prompt) -> Asked:
    model = base_models.find(world, call)
    if prompt.ends_with_model and not model.accepts_prefill:
        # github.com/Zoo-Code-Org/Zoo-Code/issues/1052
        raise ApiError(400, "Requests ending with a model turn are not supported.")
    return nearest(prompt.examples, prompt.query), model


def _callable(world: World, name: str) -> TunedModelRecord:
    """The tuned model, if it exists, is the caller's to use, and is ACTIVE."""
    record, options = world.tuned_models.get(name), world.options
    if record is None:
        raise _unavailable(options.answer_when_missing, name, f"Tuned model {name} does not exist.")
    if record.role_of(ME) is None and not record.shared_with_everyone:
        # github.com/google-gemini/deprecated-generative-ai-js/issues/240
        raise ApiError(403, f"You do not have permission to access tuned model {name}")
    state = world.training(record).state
    if state is State.ACTIVE:
        return record
    creating = state is State.CREATING
    status = options.answer_while_creating if creating else options.answer_while_failed
    raise _unavailable(status, name, f"Tuned model {name} is in state {state} and can't be used.")


def _unavailable(status: int, name: str, reason: str) -> ApiError:
    if status == HTTPStatus.BAD_REQUEST:
        return ApiError(400, reason, status="FAILED_PRECONDITION")
    if status == HTTPStatus.FORBIDDEN:
        return ApiError(403, f"You do not have permission to access tuned model {name}")
    # Other statuses keep Google's usual text, which says nothing of the model's state.
    return ApiError(status, reason if status == HTTPStatus.NOT_FOUND else None)


HANDLERS = {
    "generateContent": generate,
    "streamGenerateContent": stream,
}
