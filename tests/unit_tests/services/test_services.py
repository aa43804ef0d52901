"""What the services decide without a server: refusals, pages, names and rows."""

import asyncio
import traceback

import httpx
import pytest
from google.genai import Client
from hypothesis import given, strategies as st

from langchain_tuned_gemini.errors import (
    DatasetError,
    LossyConversionError,
    ParameterError,
    ServiceError,
    TunedModelNameError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.error_translation import refused
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.pages import Pages

KEY = "k-1234567"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens
NAME = TunedModelName.parse("tunedModels/sql-expert-v1")
ROWS = [{"text_input": "a", "output": "b"}]


@pytest.fixture(
    params=[GenAIService.from_api_key, GenerativeAIService], ids=["genai", "generativeai"]
)
def service(request) -> TunedModelService:
    return request.param(KEY, base_url=NOWHERE)


def test_both_are_tuned_model_services(service):
    assert isinstance(service, TunedModelService)


BAD_NAMES = [
    "",
    "x",
    "models/gemini-3.5-flash",
    "tunedModels/../x",
    "tunedModels/a#x",
    "tunedModels/a?x",
    "tunedModels/a/permissions",
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("method", ["get", "delete", "aget", "adelete"])
def test_a_bad_name_is_refused_before_anything_is_sent(service, method, name):
    with pytest.raises(TunedModelNameError):
        asyncio.run(_awaited(service, method, name))


async def _awaited(service: TunedModelService, method: str, name: str) -> None:
    called = getattr(service, method)(name)
    if method.startswith("a"):
        await called


def test_a_service_shows_no_key(service):
    assert KEY not in repr(service)


async def test_google_genai_refuses_to_create_and_names_what_can():
    service = GenAIService.from_api_key(KEY, base_url=NOWHERE)

    for create in (service.create, service.acreate):
        with pytest.raises(ServiceError, match=r"drops the training examples.*\[generativeai\]"):
            await create(ROWS, base_model="models/x")


def test_a_client_of_vertex_ai_is_refused():
    client = Client(vertexai=True, api_key=KEY)

    with pytest.raises(ParameterError, match="Vertex AI"):
        GenAIService(client)


@pytest.mark.parametrize(
    ("rows", "line", "field"),
    [
        ([], None, None),
        ([{"text_input": "a"}], 1, "output"),
        ([*ROWS, {"output": "b"}], 2, "text_input"),
        ([*ROWS, {"text_input": "a", "output": 1}], 2, "output"),
    ],
)
def test_a_wrong_training_example_is_named_before_anything_is_sent(rows, line, field):
    service = GenerativeAIService(KEY, NOWHERE)

    with pytest.raises(DatasetError) as raised:
        service.create(rows, base_model="models/gemini-1.5-flash-001-tuning")

    assert (raised.value.line, raised.value.field) == (line, field)


@pytest.mark.parametrize("field", ["history", "system_instruction"])
def test_a_conversation_is_not_sent_where_only_its_end_would_arrive(field):
    more = {"history": [{"role": "model", "text": "Hi!"}], "system_instruction": "Be brief."}
    rows = [*ROWS, {**ROWS[0], field: more[field]}]

    with pytest.raises(LossyConversionError, match="would be lost") as raised:
        GenerativeAIService(KEY, NOWHERE).create(
            rows, base_model="models/gemini-1.5-flash-001-tuning"
        )

    assert (raised.value.line, raised.value.field) == (len(rows), field)


@pytest.mark.parametrize("base_model", ["gemini-1.5-flash-001-tuning", "tunedModels/x", ""])
def test_only_a_base_model_can_be_tuned(base_model):
    with pytest.raises(ParameterError, match="Write models/ID"):
        GenerativeAIService(KEY, NOWHERE).create(ROWS, base_model=base_model)


def test_an_id_that_google_would_refuse_is_not_sent():
    with pytest.raises(TunedModelNameError, match="1 to 40"):
        GenerativeAIService(KEY, NOWHERE).create(
            ROWS, base_model="models/gemini-1.5-flash-001-tuning", model_id="Not This"
        )


# What a refusal becomes: (status, error, the advice)
REFUSALS = [
    (400, {"status": "INVALID_ARGUMENT", "message": "Bad."}, "Correct the request"),
    (
        400,
        {
            "status": "INVALID_ARGUMENT",
            "message": "API key not valid.",
            "details": [{"@type": "ErrorInfo", "reason": "API_KEY_INVALID"}],
        },
        "Check the API key",
    ),
    (401, {"status": "UNAUTHENTICATED", "message": "Who?"}, "Check the API key"),
    (403, {"status": "PERMISSION_DENIED", "message": "No."}, "which project the key belongs to"),
    (429, {"status": "RESOURCE_EXHAUSTED", "message": "Too much."}, "The quota is used up"),
    (500, {"status": "INTERNAL", "message": "Oops."}, "try again in a while"),
    (503, {"status": "UNAVAILABLE", "message": "Busy."}, "try again in a while"),
]


@pytest.mark.parametrize(("status", "error", "advice"), REFUSALS)
def test_a_refusal_says_what_happened_and_what_to_do(status, error, advice):
    told = refused("Reading tunedModels/x", status, {"error": error}, name=NAME)

    assert isinstance(told, ServiceError)
    assert told.status == status
    assert told.is_retryable == (status in {429, 500, 503})
    assert str(told).startswith(f"Reading tunedModels/x failed with HTTP status {status}: ")
    assert error["message"].rstrip(".") in str(told)
    assert advice in str(told)


def test_a_404_of_google_means_that_the_model_is_gone():
    body = {"error": {"status": "NOT_FOUND", "message": "…does not exist."}}

    assert isinstance(refused("…", 404, body, name=NAME), TunedModelNotFoundError)
    assert isinstance(refused("…", 404, body, name=None), ServiceError)


@pytest.mark.parametrize("body", ["<html>…", None, {}, [], {"error": "x"}, {"error": None}])
@pytest.mark.parametrize("status", [307, 404, 418])
def test_an_answer_that_is_not_googles_points_at_the_address(status, body):
    told = refused("Reading tunedModels/x", status, body, name=NAME)

    assert isinstance(told, ServiceError)
    assert "check base_url" in str(told)
    assert "check --base-url" in told.for_command_line
    assert told.status == status


SECRETIVE = [
    f"Consumer 'api_key:{KEY}' has been suspended.",
    "Consumer 'api_key:AIzaSyA-1234567890abcdefghijklmnopqrstuv' has been suspended.",
    "GET https://x/?key=AIzaSyA-1234567890abcdefghijklmnopqrstuv&alt=json",
    "Bearer ya29.a0Af_1234567890",
]


@pytest.mark.parametrize("message", SECRETIVE)
def test_a_key_in_googles_own_words_is_hidden(message):
    error = {"status": "PERMISSION_DENIED", "message": message}

    told = str(refused("…", 403, {"error": error}, name=NAME))

    assert "[hidden]" in told
    assert not any(secret in told for secret in (KEY, "AIza", "ya29.a"))


def test_a_cause_that_quotes_the_key_is_chained_without_it():
    """Google's answer to a bad key quotes it; a traceback prints the causes of an error."""
    body = {
        "error": {
            "code": 400,
            "status": "INVALID_ARGUMENT",
            "message": "API key not valid.",
            "details": [{"@type": "DebugInfo", "detail": f"Invalid API key: {KEY}"}],
        }
    }
    client = Client(
        api_key=KEY,
        http_options={
            "httpx_client": httpx.Client(
                transport=httpx.MockTransport(lambda _: httpx.Response(400, json=body))
            )
        },
    )

    with pytest.raises(ServiceError) as raised:
        GenAIService(client).get("tunedModels/x")

    assert "Invalid API key: [hidden]" in str(raised.value.__cause__)
    assert KEY not in "".join(traceback.format_exception(raised.value))


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=5), min_size=1, max_size=8))
def test_pages_give_each_model_once_in_the_order_of_arrival(names):
    pages = Pages[str]()
    last = len(names) - 1

    more = [
        pages.add(((name, name) for name in page), None if number == last else f"page {number}")
        for number, page in enumerate(names)
    ]

    assert more == [True] * last + [False]
    assert pages.items == list(dict.fromkeys(name for page in names for name in page))


def test_a_page_that_comes_again_is_an_error_and_not_an_endless_list():
    pages = Pages[str]()
    pages.add([("a", "a")], "1")
    pages.add([("b", "b")], "2")

    with pytest.raises(ServiceError, match="again and again"):
        pages.add([("c", "c")], "1")
