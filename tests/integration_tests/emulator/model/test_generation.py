"""What models answer: nearest examples, counts, limits, streams."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, ServedModel
from langchain_tuned_gemini.emulator.model.examples import Example, TrigramIndex, nearest

Ask = Callable[..., httpx.Response]

MODEL = "tunedModels/sql-expert-v1"
BASE = "models/gemini-3.5-flash"
COUNT = "SELECT COUNT(*) FROM users"


def text(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["candidates"][0]["content"]["parts"])


def turn(role: str, said: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": said}]}


def events(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == "text/event-stream"
    lines = [line for line in response.text.split("\r\n\r\n") if line]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many users are there?", COUNT),
        ("how many USERS  are there?", COUNT),
        ("Tell me how many users there are", COUNT),
        ("List the dogs, all of them", "SELECT * FROM dogs"),
        ("zzz", COUNT),
    ],
)
def test_a_tuned_model_answers_by_its_nearest_example(ask: Ask, question: str, answer: str) -> None:
    assert text(ask(question).json()) == answer


def test_a_tuned_model_without_examples_says_that_it_knows_nothing(
    gemini: Emulator, ask: Ask
) -> None:
    gemini.add_tuned_model("tunedModels/blank")

    assert "no examples" in text(ask(model="tunedModels/blank").json())


def test_a_tuned_model_learns_the_end_of_a_conversation(gemini: Emulator, ask: Ask) -> None:
    said = [turn("user", "Hi"), turn("model", "Hello"), turn("user", "Bye"), turn("model", "Ciao")]
    gemini.add_tuned_model("tunedModels/chatty", examples=[{"contents": said}, ("Hi", "Hey")])

    assert text(ask("bye!", model="tunedModels/chatty").json()) == "Ciao"


def test_an_answer_has_the_fields_of_a_real_one(ask: Ask) -> None:
    answer = ask().json()

    assert list(answer) == [
        "candidates",
        "promptFeedback",
        "usageMetadata",
        "modelVersion",
        "responseId",
    ]
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["candidates"][0]["index"] == 0
    assert answer["modelVersion"] == "gemini-1.5-flash-001-tuning"


def test_two_answers_have_two_response_ids(ask: Ask) -> None:
    assert ask().json()["responseId"] != ask().json()["responseId"]


def test_a_base_model_says_that_it_knows_nothing(ask: Ask) -> None:
    answer = ask(model=BASE).json()

    assert "no examples" in text(answer)
    assert answer["modelVersion"] == "gemini-3.5-flash"


def test_a_base_model_answers_by_the_nearest_pair_of_turns(api: httpx.Client) -> None:
    contents = [
        turn("user", "How many cats?"),
        turn("model", "CATS"),
        turn("user", "How many dogs?"),
        turn("model", "DOGS"),
        turn("user", "And how many dogs are there?"),
    ]

    answer = api.post(f"/v1beta/{BASE}:generateContent", json={"contents": contents}).json()

    assert text(answer) == "DOGS"


BLOCK = "Input: How many cats?\nOutput: CATS\nInput: How many dogs?\nOutput: DO\nGS\n"


@pytest.mark.parametrize("key", ["systemInstruction", "system_instruction"])
def test_a_base_model_reads_examples_in_the_system_instruction(ask: Ask, key: str) -> None:
    system = {"parts": [{"text": f"Answer like this.\n\n{BLOCK}"}]}

    assert text(ask("dogs, how many?", model=BASE, **{key: system}).json()) == "DO\nGS"


@pytest.mark.parametrize(
    "question",
    [f"{BLOCK}Input: cats, how many?\nOutput:", f"Translate.\n{BLOCK}\ncats, how many?"],
)
def test_a_base_model_reads_examples_in_the_question(ask: Ask, question: str) -> None:
    assert text(ask(question, model=BASE).json()) == "CATS"


def test_a_tuned_model_finds_the_question_behind_an_input_label(ask: Ask) -> None:
    assert text(ask("Input: List all dogs\nOutput:").json()) == "SELECT * FROM dogs"


def test_tokens_are_counted_by_the_same_rule_everywhere(ask: Ask) -> None:
    question = "x" * 41

    usage = ask(question, model=BASE).json()["usageMetadata"]
    counted = ask(question, model=BASE, verb="countTokens").json()

    assert usage["promptTokenCount"] == counted["totalTokens"] == 11
    answered = usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    assert usage["totalTokenCount"] == 11 + answered
    assert counted["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 11}]


def test_a_whole_request_is_counted_with_its_system_instruction(api: httpx.Client) -> None:
    request = {
        "contents": [turn("user", "four")],
        "systemInstruction": {"parts": [{"text": "eight ch"}]},
    }

    response = api.post(f"/v1beta/{BASE}:countTokens", json={"generateContentRequest": request})

    assert response.json()["totalTokens"] == 3


def test_an_answer_is_cut_at_the_limit_of_tokens(ask: Ask) -> None:
    answer = ask(generationConfig={"maxOutputTokens": 3}).json()

    assert text(answer) == COUNT[:12]
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["usageMetadata"]["candidatesTokenCount"] == 3


def test_an_answer_that_fits_the_limit_is_whole(ask: Ask) -> None:
    answer = ask(generationConfig={"maxOutputTokens": 7}).json()

    assert text(answer) == COUNT
    assert answer["candidates"][0]["finishReason"] == "STOP"


def test_an_answer_ends_before_the_first_stop_sequence(ask: Ask) -> None:
    answer = ask(generation_config={"stop_sequences": ["users", " FROM"]}).json()

    assert text(answer) == "SELECT COUNT(*)"
    assert answer["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("body", [{}, {"contents": []}])
def test_contents_are_required_in_googles_words(api: httpx.Client, body: dict[str, Any]) -> None:
    response = api.post(f"/v1beta/{MODEL}:generateContent", json=body)

    assert response.status_code == 400
    assert response.json()["error"] == {
        "code": 400,
        "message": "* GenerateContentRequest.contents: contents is not specified\n",
        "status": "INVALID_ARGUMENT",
    }


def test_events_have_a_word_each_and_the_end_in_the_last(ask: Ask) -> None:
    chunks = events(ask(verb="streamGenerateContent?alt=sse"))

    assert [text(chunk) for chunk in chunks] == ["SELECT ", "COUNT(*) ", "FROM ", "users"]
    assert ["finishReason" in chunk["candidates"][0] for chunk in chunks] == [0, 0, 0, 1]
    assert ["candidatesTokenCount" in chunk["usageMetadata"] for chunk in chunks] == [0, 0, 0, 1]
    assert chunks[-1]["usageMetadata"] == {
        **ask().json()["usageMetadata"],
    }
    assert len({chunk["responseId"] for chunk in chunks}) == 1


def test_without_sse_a_stream_is_one_json_array(ask: Ask) -> None:
    response = ask(verb="streamGenerateContent")

    assert response.headers["content-type"].startswith("application/json")
    assert "".join(text(message) for message in response.json()) == COUNT


def test_a_single_word_comes_in_two_pieces_and_white_space_is_kept(
    gemini: Emulator, ask: Ask
) -> None:
    examples = [("one", "LXIV"), ("space", "  a\n\n b ")]
    gemini.add_tuned_model("tunedModels/words", examples=examples)

    verb = "streamGenerateContent?alt=sse"
    one = events(ask("one", model="tunedModels/words", verb=verb))
    space = events(ask("space", model="tunedModels/words", verb=verb))

    assert [text(chunk) for chunk in one] == ["LX", "IV"]
    assert "".join(text(chunk) for chunk in space) == "  a\n\n b "


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_every_version_generates(api: httpx.Client, version: str) -> None:
    body = {"contents": [turn("user", "List all dogs")]}

    response = api.post(f"/{version}/{MODEL}:generateContent", json=body)

    assert text(response.json()) == "SELECT * FROM dogs"


def test_somebody_elses_model_is_refused_in_googles_words(gemini: Emulator, ask: Ask) -> None:
    gemini.add_tuned_model("tunedModels/theirs", owner="you@example.com")

    response = ask(model="tunedModels/theirs")

    assert response.status_code == 403
    message = "You do not have permission to access tuned model tunedModels/theirs"
    assert response.json()["error"]["message"] == message


def test_an_unknown_base_model_is_not_found_in_googles_words(ask: Ask) -> None:
    response = ask(model="models/gemini-99")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "models/gemini-99 is not found for API version v1beta, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their "
        "supported methods."
    )


def test_a_tuned_name_behind_models_is_refused_in_googles_words(ask: Ask) -> None:
    response = ask(model=f"models/{MODEL}")

    assert response.status_code == 400
    message = "* GenerateContentRequest.model: unexpected model name format\n"
    assert response.json()["error"]["message"] == message


def test_a_prefill_is_refused_by_the_models_that_refuse_it(api: httpx.Client) -> None:
    contents = [turn("user", "a"), turn("model", "b")]

    lite = api.post(
        "/v1beta/models/gemini-3.5-flash-lite:generateContent", json={"contents": contents}
    )
    flash = api.post(f"/v1beta/{BASE}:generateContent", json={"contents": contents})

    assert (lite.status_code, flash.status_code) == (400, 200)


def test_a_prompt_that_is_too_long_is_refused_in_googles_words(gemini: Emulator, ask: Ask) -> None:
    gemini.add_base_model(ServedModel(name="models/short", input_token_limit=4))

    response = ask("x" * 20, model="models/short")

    assert response.status_code == 400
    assert response.json()["error"]["message"] == (
        "The input token count (5) exceeds the maximum number of tokens allowed (4)."
    )
    assert ask("x" * 16, model="models/short").status_code == 200


def test_base_models_are_listed_in_pages_and_read_one_by_one(api: httpx.Client) -> None:
    first = api.get("/v1beta/models?pageSize=3").json()
    token = first["nextPageToken"]
    rest = api.get("/v1beta/models", params={"pageSize": 3, "pageToken": token}).json()

    names = [model["name"] for model in first["models"] + rest["models"]]
    assert names == sorted(names)
    assert {"models/gemini-1.5-flash-001-tuning", BASE} <= set(names)
    tunable = api.get("/v1/models/gemini-1.5-flash-001-tuning").json()
    assert tunable["inputTokenLimit"] == 16384
    assert "createTunedModel" in tunable["supportedGenerationMethods"]
    assert api.get("/v1beta/models/gemini-99").status_code == 404


def test_a_base_model_can_be_added(gemini: Emulator, api: httpx.Client, ask: Ask) -> None:
    gemini.add_base_model("models/gemini-99")
    gemini.add_base_model(ServedModel(name="models/gemini-98", output_token_limit=7))

    assert ask(model="models/gemini-99").status_code == 200
    assert api.get("/v1beta/models/gemini-98").json()["outputTokenLimit"] == 7


def test_latency_is_the_time_before_an_answer() -> None:
    with Emulator(latency=0.2) as gemini, httpx.Client(verify=False) as client:
        gemini.add_tuned_model(MODEL)
        begun = time.monotonic()
        headers = {"x-goog-api-key": "k"}
        body = {"contents": [turn("user", "a")]}
        client.get(f"{gemini.base_url}/v1beta/{MODEL}", headers=headers)
        read = time.monotonic()
        client.post(f"{gemini.base_url}/v1beta/{MODEL}:generateContent", headers=headers, json=body)
        answered = time.monotonic()

    assert read - begun < 0.2 <= answered - read


def test_of_equally_near_examples_the_first_one_answers() -> None:
    examples = [Example("a b", "first"), Example("A  B", "second"), Example("b a", "third")]

    assert TrigramIndex(examples).nearest("a b") == examples[0]
    assert nearest(examples, "a b") == examples[0]
    assert TrigramIndex(examples[1:]).nearest("a b") == examples[1]


def test_the_index_finds_what_a_comparison_with_every_example_finds() -> None:
    verbs = ("count", "list", "delete", "update")
    things = ("users", "orders", "dogs", "invoices", "cities")
    examples = [
        Example(f"{verb} the {thing} of {year}", f"{verb} {thing} {year}")
        for verb in verbs
        for thing in things
        for year in range(1990, 2000)
    ]
    index = TrigramIndex(examples)

    for query in ("how to count dogs in 1995", "invoices 1991 please", "updating cities", "?"):
        assert index.nearest(query) == nearest(examples, query)


def test_ten_thousand_examples_are_searched_in_milliseconds() -> None:
    index = TrigramIndex(
        Example(f"question {i} about table t{i % 97}", str(i)) for i in range(10_000)
    )
    index.nearest("warm up")

    begun = time.process_time()
    for number in range(20):
        index.nearest(f"what about question {number * 400} on tables")
    each = (time.process_time() - begun) / 20

    assert each < 0.05
