"""`generateContent` and `streamGenerateContent`, of tuned models and of base models."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import base_models
from langchain_tuned_gemini.emulator.developer.tuned_model import ME, State
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.completions import Completion, Style
from langchain_tuned_gemini.emulator.model.generation import (
    complete,
    refuse_prefill,
    streamed,
    whole,
)
from langchain_tuned_gemini.emulator.model.prompts import Prompt, read_prompt
from langchain_tuned_gemini.emulator.model.similarity import nearest

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import (
        BaseModel,
        Example,
        TunedModelRecord,
    )
    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.store import World

    Asked = tuple[Example | None, BaseModel]


def generate(world: World, call: Call) -> Reply:
    """The whole answer at once."""
    return whole(world, _complete(world, call))


def stream(world: World, call: Call) -> Reply:
    """The answer in pieces."""
    return streamed(world, call, _complete(world, call))


def _complete(world: World, call: Call) -> Completion:
    prompt = read_prompt(call.body)
    tuned = (call.model or "").startswith("tunedModels/")
    example, base = (_ask_tuned if tuned else _ask_base)(world, call, prompt)
    return complete(world, call, prompt, example, base, Style.RATED if tuned else Style.PLAIN)


def _ask_tuned(world: World, call: Call, prompt: Prompt) -> Asked:
    record = _callable(world, call.model or "")
    return record.examples.nearest(prompt.query), world.base_models[record.base_model]


def _ask_base(world: World, call: Call, prompt: Prompt) -> Asked:
    model = base_models.find(world, call)
    refuse_prefill(prompt, model)
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
