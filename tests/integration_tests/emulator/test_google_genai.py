"""google-genai, unmodified, against the emulator: sync, async, streams, control plane."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from google import genai
from google.genai import errors, types

from langchain_tuned_gemini.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "tunedModels/sql-expert-v1"
BASE = "gemini-3.5-flash"
QUESTION = "How many users are there?"
ANSWER = "SELECT COUNT(*) FROM users"


@pytest.fixture
def client(gemini: Emulator) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gemini.base_url, api_version="v1beta")
    client = genai.Client(api_key="a-key", vertexai=False, http_options=options)
    yield client
    client.close()


def test_a_tuned_model_generates(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents=QUESTION)

    assert answer.text == ANSWER
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.model_version == "gemini-1.5-flash-001-tuning"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.total_token_count == 7 + 7


def test_a_tuned_model_streams(client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=QUESTION))

    assert len(chunks) == 4
    assert "".join(chunk.text or "" for chunk in chunks) == ANSWER


def test_a_tuned_model_generates_and_streams_asynchronously(client: genai.Client) -> None:
    async def main() -> tuple[str | None, str]:
        answer = await client.aio.models.generate_content(model=MODEL, contents=QUESTION)
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents=QUESTION)
        streamed = "".join([chunk.text or "" async for chunk in stream])
        await client.aio.aclose()
        return answer.text, streamed

    assert asyncio.run(main()) == (ANSWER, ANSWER)


def test_a_base_model_reads_its_few_shot_examples(client: genai.Client) -> None:
    contents = [
        types.UserContent("How many cats?"),
        types.ModelContent("CATS"),
        types.UserContent("How many cats are there?"),
    ]
    config = types.GenerateContentConfig(system_instruction="Answer like this.", temperature=0.2)

    answer = client.models.generate_content(model=BASE, contents=contents, config=config)

    assert answer.text == "CATS"


def test_a_limit_and_a_stop_sequence_are_kept(client: genai.Client) -> None:
    config = types.GenerateContentConfig(max_output_tokens=2)

    answer = client.models.generate_content(model=MODEL, contents=QUESTION, config=config)

    assert answer.text == ANSWER[:8]
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


def test_tokens_are_counted_for_base_models_only(client: genai.Client) -> None:
    assert client.models.count_tokens(model=BASE, contents=QUESTION).total_tokens == 7
    with pytest.raises(errors.ClientError) as raised:
        client.models.count_tokens(model=MODEL, contents=QUESTION)

    assert raised.value.code == 404


@pytest.mark.parametrize(
    ("state", "job_state"),
    [
        ("CREATING", types.JobState.JOB_STATE_RUNNING),
        ("ACTIVE", types.JobState.JOB_STATE_SUCCEEDED),
        ("FAILED", types.JobState.JOB_STATE_FAILED),
    ],
)
def test_a_tuning_job_has_its_state(
    client: genai.Client, gemini: Emulator, state: str, job_state: types.JobState
) -> None:
    gemini.set_state(MODEL, state)

    job = client.tunings.get(name=MODEL)

    assert job.state is job_state
    assert job.start_time is not None
    assert (job.end_time is not None) == (state == "ACTIVE")
    assert job.tuned_model is not None
    assert job.tuned_model.model == MODEL


def test_tuned_models_are_listed_page_by_page(client: genai.Client, gemini: Emulator) -> None:
    for number in range(7):
        gemini.add_tuned_model(f"tunedModels/m{number}")

    config = types.ListModelsConfig(query_base=False, page_size=3)
    names = [model.name for model in client.models.list(config=config)]

    assert len(names) == len(set(names)) == 8
    assert [request.call for request in gemini.requests] == ["list"] * 3


def test_tuned_models_are_listed_by_a_filter(client: genai.Client, gemini: Emulator) -> None:
    gemini.add_tuned_model("tunedModels/weather", display_name="Weather")

    config = types.ListModelsConfig(query_base=False, filter="weather owner:me")
    names = [model.name for model in client.models.list(config=config)]

    assert names == ["tunedModels/weather"]


def test_base_models_are_listed_and_read(client: genai.Client) -> None:
    names = [model.name for model in client.models.list()]
    model = client.models.get(model=BASE)

    assert f"models/{BASE}" in names
    assert model.input_token_limit == 1_048_576
    assert model.supported_actions == ["generateContent", "countTokens"]


def test_a_tuned_model_is_read_changed_and_deleted(client: genai.Client) -> None:
    read = client.models.get(model=MODEL)
    config = types.UpdateModelConfig(display_name="SQL", description="Expert")
    changed = client.models.update(model=MODEL, config=config)
    client.models.delete(model=MODEL)

    assert read.name == MODEL
    assert (changed.display_name, changed.description) == ("SQL", "Expert")
    with pytest.raises(errors.ClientError, match="does not exist") as raised:
        client.models.get(model=MODEL)
    assert raised.value.code == 404


@pytest.mark.parametrize("status", [400, 403, 404, 429])
def test_errors_of_the_client_carry_googles_body(
    client: genai.Client, gemini: Emulator, status: int
) -> None:
    gemini.fault(status=status)

    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents=QUESTION)

    assert raised.value.code == status
    assert raised.value.details["error"]["code"] == status


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_of_the_server_are_server_errors(
    client: genai.Client, gemini: Emulator, status: int
) -> None:
    gemini.fault(status=status)

    with pytest.raises(errors.ServerError):
        list(client.models.generate_content_stream(model=MODEL, contents=QUESTION))


def test_an_error_in_a_stream_comes_after_its_chunks(
    client: genai.Client, gemini: Emulator
) -> None:
    gemini.fault(error_after=2, status=499)
    seen: list[str | None] = []

    with pytest.raises(errors.APIError) as raised:
        seen.extend(
            chunk.text
            for chunk in client.models.generate_content_stream(model=MODEL, contents=QUESTION)
        )

    assert raised.value.code == 499


def test_a_blocked_prompt_has_its_reason(client: genai.Client, gemini: Emulator) -> None:
    gemini.fault(blocked=True)

    answer = client.models.generate_content(model=MODEL, contents=QUESTION)

    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason is types.BlockedReason.SAFETY


@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")
def test_without_examples_a_creation_is_refused_as_the_client_drops_them(
    client: genai.Client,
) -> None:
    # google-genai sends no training data since October 2025 (commit 4540f9d2).
    examples = types.TuningDataset(examples=[types.TuningExample(text_input="a", output="b")])

    with pytest.raises(errors.ClientError, match="at least one example"):
        client.tunings.tune(
            base_model="models/gemini-1.5-flash-001-tuning", training_dataset=examples
        )
