"""What is particular about calling a tuned model on Vertex AI, on real sockets."""

from __future__ import annotations

import asyncio
import pickle
import socketserver
import threading
import warnings
from collections.abc import Iterator
from datetime import date
from typing import Any, TypedDict

import pytest
from google.oauth2.credentials import Credentials
from langchain.agents import create_agent
from langchain_core.language_models import LangSmithParams
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError
from pydantic import BaseModel

from langchain_tuned_gemini import (
    BaseModelRetiredError,
    BaseModelRetiredWarning,
    ChatTunedGemini,
    ParameterError,
    ServiceError,
    TunedModelError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
    TunedModelState,
)
from langchain_tuned_gemini.emulator import Emulator, VertexModel
from langchain_tuned_gemini.testing import ScriptedChatModel
from langchain_tuned_gemini.transport.credentials import default_credentials
from tests.integration_tests.vertex.conftest import AT, KEY, LABELS, ROWS

TODAY = date(2026, 11, 24)


def chat(gemini: Emulator, model: str, **parameters: Any) -> ChatTunedGemini:
    given = {"api_key": KEY, "base_url": gemini.base_url, "timeout": 5, "today": lambda: TODAY}
    return ChatTunedGemini(model=model, **{**given, **parameters})


def sent(gemini: Emulator) -> Any:
    return [request for request in gemini.requests if "enerateContent" in request.path][-1]


def paths(gemini: Emulator) -> list[str]:
    return [f"{r.method} {r.path.removeprefix('/v1beta1/')}" for r in gemini.requests]


# Addresses


FORMS = {
    "a full endpoint": f"{AT}/endpoints/42",
    "a short endpoint": "endpoints/42",
    "a number": "42",
    "a full job": f"{AT}/tuningJobs/9",
    "a short job": "tuningJobs/9",
    "a full model": f"{AT}/models/7",
    "a full model with its version": f"{AT}/models/7@1",
    "a full model with an alias": f"{AT}/models/7@default",
    "a short model": "models/7",
    "a short model with its version": "models/7@1",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("known_by", ["arguments", "environment"])
def test_every_form_of_a_name_ends_in_the_same_url(
    form: str, known_by: str, gemini: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, job="9", model="7", labels=LABELS)
    place = {"project": "acme", "location": "us-central1"}
    if known_by == "environment":
        for name, value in place.items():
            monkeypatch.setenv(f"GOOGLE_CLOUD_{name.upper()}", value)
    model = chat(gemini, FORMS[form], **(place if known_by == "arguments" else {}))

    assert model.invoke("7").text == "8"
    assert "".join(chunk.text for chunk in model.stream("7")) == "8"
    assert asyncio.run(model.ainvoke("7")).text == "8"

    assert paths(gemini)[-3:] == [
        f"POST {AT}/endpoints/42:generateContent",
        f"POST {AT}/endpoints/42:streamGenerateContent",
        f"POST {AT}/endpoints/42:generateContent",
    ]


class ConnectRecorder(socketserver.ThreadingTCPServer):
    """A proxy that notes where it is asked to connect to, and does not."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connect)
        self.hosts: list[str] = []


class _Connect(socketserver.StreamRequestHandler):
    server: ConnectRecorder

    def handle(self) -> None:
        self.server.hosts.append(self.rfile.readline().decode().split()[1])
        self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectRecorder]:
    with ConnectRecorder() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield server
        server.shutdown()


HOSTS = {
    "us-central1": "us-central1-aiplatform.googleapis.com",
    "europe-west4": "europe-west4-aiplatform.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "global": "aiplatform.googleapis.com",
}


def test_a_tuned_model_lies_in_a_region() -> None:
    with pytest.raises(TunedModelNameError, match="can't be in the location 'global'"):
        ChatTunedGemini(model="projects/acme/locations/global/endpoints/42", api_key="k")


@pytest.mark.parametrize("location", sorted(HOSTS.keys() - {"global"}))
@pytest.mark.parametrize("is_async", [False, True])
def test_the_location_of_the_name_decides_the_host(
    location: str, is_async: bool, proxy: ConnectRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "asia-east1")
    name = f"projects/acme/locations/{location}/endpoints/42"
    model = ChatTunedGemini(model=name, credentials=Credentials("a-token"))

    with pytest.raises(Exception, match="502"):
        asyncio.run(model.ainvoke("7")) if is_async else model.invoke("7")

    assert proxy.hosts == [f"{HOSTS[location]}:443"] * 2  # for its state, and for the answer


@pytest.mark.parametrize(
    ("base", "locations"),
    [
        # The proxy lets nobody through, so that the own region is asked, too.
        ("gemini-3.5-flash", ["us", "us-central1"]),
        ("gemini-2.5-flash", ["us-central1"]),
        ("projects/other/locations/global/publishers/google/models/gemini-3.5-flash", ["global"]),
    ],
)
@pytest.mark.filterwarnings("ignore::langchain_tuned_gemini.BaseModelRetiredWarning")
def test_a_base_model_may_be_asked_in_another_location(
    base: str, locations: list[str], proxy: ConnectRecorder
) -> None:
    tuned = ChatTunedGemini(model=f"{AT}/endpoints/42", credentials=Credentials("a-token"))
    robust = tuned.with_few_shot_fallback(base, examples=ROWS)

    with pytest.raises(Exception, match="502"):
        robust.models[1].invoke("7")

    assert proxy.hosts == [f"{HOSTS[location]}:443" for location in locations]


def test_a_base_model_with_a_place_of_its_own_is_named_in_full(gemini: Emulator) -> None:
    base = "projects/other/locations/europe-west4/publishers/google/models/gemini-3.5-flash"
    tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS)
    robust = chat(gemini, tuned.endpoint).with_few_shot_fallback(base, examples=ROWS)

    with gemini.fault(model=tuned.endpoint, status=404):
        answer = robust.invoke("7")

    assert answer.text == "8"
    assert paths(gemini)[-1] == f"POST {base}:generateContent"


def test_a_checkpoint_can_be_chosen(gemini: Emulator, tuned: VertexModel) -> None:
    for name in (tuned.job, tuned.model):
        chat(gemini, name, checkpoint="2").invoke("7")

        assert paths(gemini)[-1] == f"POST {tuned.checkpoints[1]}:generateContent"
    assert tuned.checkpoints[1] != tuned.endpoint


def test_a_checkpoint_that_is_not_there_is_told_with_those_that_are(
    gemini: Emulator, tuned: VertexModel
) -> None:
    with pytest.raises(ParameterError, match=r"checkpoint='9', only for \['1', '2', '3'\]"):
        chat(gemini, tuned.job, checkpoint="9").invoke("7")
    with pytest.raises(ParameterError, match="needs the name of a tuning job or a model"):
        chat(gemini, tuned.endpoint, checkpoint="2")


def test_a_job_that_is_not_ready_is_not_called(gemini: Emulator) -> None:
    job = gemini.add_vertex_model(f"{AT}/tuningJobs/9", state="TUNING_JOB_STATE_TUNING").job

    with pytest.raises(TunedModelNotReadyError, match=r"CREATING \(tuning\)"):
        chat(gemini, job).invoke("7")

    assert paths(gemini) == [f"GET {job}"]


def test_a_job_becomes_callable_when_it_has_succeeded(gemini: Emulator) -> None:
    job = gemini.add_vertex_model(
        f"{AT}/tuningJobs/9", examples=ROWS, state="TUNING_JOB_STATE_TUNING"
    ).job
    model = chat(gemini, job)
    with pytest.raises(TunedModelNotReadyError):
        model.invoke("7")

    gemini.set_state(job, "JOB_STATE_SUCCEEDED")
    ready = model.wait_until_active(timeout=5)

    assert model.invoke("7").text == "8"
    assert ready.endpoint in paths(gemini)[-1]


def test_a_model_that_no_endpoint_answers_for_is_told(gemini: Emulator, tuned: VertexModel) -> None:
    with (
        gemini.fault(method="models.get", body={"name": tuned.model}),
        pytest.raises(TunedModelNotReadyError, match="no endpoint answers for it"),
    ):
        chat(gemini, tuned.model).invoke("7")


# Rights: an account that may do little. Each row: what is forbidden, and what is asked for on
# the first call; calls after it ask for nothing.


FORBIDDEN = {
    "nothing": (),
    "all but models": ("endpoints.get", "tuningJobs.get"),
    "all but endpoints": ("models.get", "tuningJobs.get"),
    "all but jobs": ("endpoints.get", "models.get"),
    "all": ("endpoints.get", "models.get", "tuningJobs.get"),
}
NAMES = {
    "endpoint": "endpoints/42",
    "endpoint, labelled": "endpoints/43",
    "model": "models/7@1",
    "tuning job": "tuningJobs/9",
}


@pytest.fixture
def two(gemini: Emulator) -> Emulator:
    gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, job="9", model="7")
    gemini.add_vertex_model(f"{AT}/endpoints/43", examples=ROWS, labels=LABELS)
    return gemini


def control_calls(gemini: Emulator, name: str, forbidden: tuple[str, ...]) -> tuple[list[str], str]:
    """What is asked for on the first call, and how it went; a second call asks for nothing."""
    for method in forbidden:
        gemini.fault(method=method, status=403)
    model = chat(gemini, f"{AT}/{name}")
    before = len(gemini.requests)
    try:
        outcome = model.invoke("7").text
    except ServiceError as error:
        outcome = f"ServiceError {error.status}"
    asked = [r.path.removeprefix(f"/v1beta1/{AT}/") for r in gemini.requests[before:]]
    if outcome == "8":
        for _ in range(20):
            model.invoke("7")
        assert len(gemini.requests) == before + len(asked) + 20
    gemini.clear_faults()
    return [call for call in asked if ":" not in call], outcome


def as_table(told: dict[tuple[str, str], tuple[list[str], str]]) -> str:
    """Markdown, for people: `pytest -s -k asks_for_little` shows it."""
    rows = [
        f"| {name} | {forbidden} | {', '.join(calls)} | {outcome} | {0 if outcome == '8' else '-'} |"
        for (name, forbidden), (calls, outcome) in told.items()
    ]
    head = ["| name | forbidden | control calls of the first call | outcome | of 20 later ones |"]
    return "\n".join([*head, "| --- | --- | --- | --- | --- |", *rows])


def test_a_first_call_asks_for_little_and_later_ones_for_nothing(two: Emulator) -> None:
    told = {
        (name, what): control_calls(two, form, forbidden)
        for name, form in NAMES.items()
        for what, forbidden in FORBIDDEN.items()
    }
    print("", as_table(told), sep="\n")  # noqa: T201  # for `pytest -s`

    endpoint = ["endpoints/42", "models/7@1"]
    assert told == {
        **{("endpoint", what): (endpoint, "8") for what in ("nothing", "all but endpoints")},
        **{
            ("endpoint", what): (endpoint[:1], "8")
            for what in ("all", "all but models", "all but jobs")
        },
        **{("endpoint, labelled", what): (["endpoints/43"], "8") for what in FORBIDDEN},
        **{("model", what): (["models/7@1"], "8") for what in ("nothing", "all but models")},
        **{
            ("model", what): (["models/7@1"], "ServiceError 403")
            for what in ("all", "all but endpoints", "all but jobs")
        },
        **{
            ("tuning job", what): (["tuningJobs/9", "endpoints/42"], "8")
            for what in ("nothing", "all but jobs")
        },
        **{
            ("tuning job", what): (["tuningJobs/9"], "ServiceError 403")
            for what in ("all", "all but models", "all but endpoints")
        },
    }


@pytest.mark.parametrize("effect", [{"status": 403}, {"status": 503}, {"reset": True}])
def test_a_control_plane_that_does_not_tell_keeps_no_endpoint_from_answering(
    effect: dict[str, Any], gemini: Emulator, tuned: VertexModel
) -> None:
    for method in ("endpoints.get", "models.get", "tuningJobs.get"):
        gemini.fault(method=method, **effect)

    assert chat(gemini, tuned.endpoint).invoke("7").text == "8"


def test_a_job_that_may_not_be_seen_is_told_with_what_to_do_instead(
    gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.job)
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=ROWS)

    with gemini.fault(method="tuningJobs.get", status=403):
        with pytest.raises(ServiceError, match=r"403.*name the endpoint itself") as raised:
            model.invoke("7")
        said = robust.invoke("7").response_metadata["tuned_gemini"]

    assert raised.value.status == 403
    assert (said["answered_by"], said["reason"]) == ("base_fallback", "permission")
    assert said["circuit"] == "closed"


def test_a_control_plane_that_hangs_is_not_waited_for_for_long(
    gemini: Emulator, tuned: VertexModel
) -> None:
    from langchain_tuned_gemini.services.readiness import ReadinessGate, ReadinessPolicy

    model = chat(gemini, tuned.job)
    model.gate = ReadinessGate(model.service, tuned.job, policy=ReadinessPolicy(timeout=0.1))

    with (
        gemini.fault(method="tuningJobs.get", hang=True),
        pytest.raises(ServiceError, match="did not answer in time"),
    ):
        model.invoke("7")


@pytest.mark.parametrize("is_async", [False, True])
def test_an_endpoint_that_may_not_be_seen_is_waited_for_by_calling_it(
    is_async: bool, gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.endpoint)

    def wait() -> Any:
        if is_async:
            return asyncio.run(model.await_until_active(timeout=5))
        return model.wait_until_active(timeout=5)

    with gemini.fault(method="endpoints.get", status=403):
        ready = wait()
        asked = sent(gemini).body
        with (
            gemini.fault(model=tuned.endpoint, status=404),
            pytest.raises(TunedModelNotFoundError),
        ):
            wait()
        with gemini.fault(model=tuned.endpoint, status=503, times=1):
            again = wait()
        with gemini.fault(model=tuned.endpoint, status=400, times=1):
            later = wait()

    assert ready.state is again.state is later.state is TunedModelState.ACTIVE
    assert asked["generationConfig"] == {"maxOutputTokens": 1}


@pytest.mark.parametrize("status", [401, 403, 404, 500])
@pytest.mark.parametrize("is_async", [False, True])
def test_no_key_is_shown_by_a_wait_for_an_endpoint_that_may_not_be_seen(
    is_async: bool, status: int, gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.endpoint, api_key="a-gateways-own-key")
    echo = {"message": "No access with the key a-gateways-own-key."}

    with (
        gemini.fault(method="endpoints.get", status=403, **echo),
        gemini.fault(model=tuned.endpoint, status=status, **echo),
        pytest.raises((ServiceError, TunedModelError, ChatGoogleGenerativeAIError)) as raised,
    ):
        if is_async:
            asyncio.run(model.await_until_active(timeout=0.1))
        else:
            model.wait_until_active(timeout=0.1)

    error: BaseException | None = raised.value
    while error is not None:
        assert "a-gateways-own-key" not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


def test_a_job_that_may_not_be_seen_can_not_be_waited_for(
    gemini: Emulator, tuned: VertexModel
) -> None:
    with gemini.fault(method="tuningJobs.get", status=403), pytest.raises(ServiceError):
        chat(gemini, tuned.job).wait_until_active(timeout=5)


# The base model


def test_the_base_model_is_learnt_on_the_first_call(gemini: Emulator, tuned: VertexModel) -> None:
    model = chat(gemini, tuned.endpoint)
    before: LangSmithParams = model._get_ls_params()
    assert model.profile is None

    model.invoke("7")
    after: Any = model._get_ls_params()

    assert before["ls_model_name"] == tuned.endpoint
    assert after["ls_model_name"] == "gemini-3.5-flash"
    assert after["tuned_model"] == tuned.endpoint
    assert model.profile is not None
    assert model.profile["max_input_tokens"] > 0
    assert model.profile["structured_output"] is False


def test_a_base_model_that_is_given_is_known_at_once_and_holds(
    gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.endpoint, base_model="gemini-3.5-flash-lite")
    at_once: Any = model.profile
    model.invoke("7")

    assert at_once["name"] == "Gemini 3.5 Flash Lite"
    assert model.profile == at_once
    assert model._get_ls_params()["ls_model_name"] == "gemini-3.5-flash-lite"


def test_a_profile_that_is_given_holds(gemini: Emulator, tuned: VertexModel) -> None:
    model = chat(gemini, tuned.endpoint, profile={"max_input_tokens": 7})
    model.invoke("7")

    assert model.profile == {"max_input_tokens": 7}


THINKING = {
    "gemini-2.5-flash": ({}, {"thinking_budget": 0}),
    "gemini-2.5-pro": ({}, {"thinking_budget": 128}),
    "gemini-3.5-flash": ({}, {"thinking_level": "MINIMAL"}),
    "gemini-3.8-flash": ({}, {"thinking_level": "LOW"}),
    "gemini-99": ({}, None),
}


@pytest.mark.parametrize("base", THINKING)
def test_a_tuned_model_thinks_least_where_it_is_known_how(
    base: str, gemini: Emulator, tuned: VertexModel
) -> None:
    chat(gemini, tuned.endpoint, base_model=base).invoke("7")

    config = sent(gemini).body["generationConfig"]
    assert config.get("thinkingConfig") == THINKING[base][1]


def test_thinking_that_is_given_holds_for_tuned_model_and_fallback(
    gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.endpoint, thinking_level="high")
    model.invoke("7")
    tuned_config = sent(gemini).body["generationConfig"]
    with gemini.fault(model=tuned.endpoint, status=404):
        model.with_few_shot_fallback("gemini-3.5-flash", examples=ROWS).invoke("7")

    assert tuned_config == {"thinkingConfig": {"thinking_level": "HIGH"}}
    assert sent(gemini).body["generationConfig"] == tuned_config


def test_a_base_that_fixes_its_sampling_gets_none_with_one_warning(
    gemini: Emulator, tuned: VertexModel
) -> None:
    with pytest.warns(UserWarning, match="temperature, top_p: gemini-3.7-flash") as told:
        model = chat(
            gemini, tuned.endpoint, base_model="gemini-3.7-flash", temperature=0.1, top_p=0.5
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.invoke("7")
        model.invoke("7")
        quiet = chat(gemini, tuned.endpoint, base_model="gemini-3.7-flash", task="strict")
    quiet.invoke("7")

    assert len(told) == 1
    assert sent(gemini).body["generationConfig"] == {
        "maxOutputTokens": 1024,
        "thinkingConfig": {"thinking_level": "LOW"},
    }


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


CALL = AIMessage(
    "", tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "1", "type": "tool_call"}]
)


@pytest.mark.parametrize(
    ("base", "signature"),
    [("gemini-3.5-flash", "skip_thought_signature_validator"), ("gemini-2.5-flash", None)],
)
def test_another_models_function_call_is_signed_for_a_base_that_wants_it(
    base: str, signature: str | None, gemini: Emulator
) -> None:
    """Without that a Gemini 3 refuses a history in which its stand-in has called a tool."""
    name, on = f"{AT}/endpoints/43", f"models/{base}"
    tuned = gemini.add_vertex_model(name, examples=ROWS, base_model=on)
    history = [HumanMessage("7"), CALL, ToolMessage("It rains.", tool_call_id="1")]

    chat(gemini, tuned.endpoint, base_model=base).bind_tools([weather]).invoke(history)

    (part,) = sent(gemini).body["contents"][1]["parts"]
    assert part["functionCall"]["name"] == "weather"
    assert part.get("thoughtSignature") == signature
    assert sent(gemini).model == tuned.endpoint


# Retired bases


LABELS_2_5 = {"google-vertex-llm-tuning-base-model-id": "gemini-2_5-flash"}


def test_a_retired_base_is_told_when_it_is_learnt(gemini: Emulator) -> None:
    name = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, labels=LABELS_2_5).endpoint

    with pytest.warns(BaseModelRetiredWarning, match="2026-10-20") as told:
        chat(gemini, name).invoke("7")

    (warning,) = told
    message = warning.message
    assert isinstance(message, BaseModelRetiredWarning)
    assert (message.retirement.model, message.retirement.platform) == (
        "gemini-2.5-flash",
        "vertex",
    )
    assert name in str(message)


def test_before_its_day_a_base_is_not_called_retired(gemini: Emulator) -> None:
    name = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, labels=LABELS_2_5).endpoint

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chat(gemini, name, today=lambda: date(2026, 10, 19)).invoke("7")


@pytest.mark.filterwarnings("ignore::langchain_tuned_gemini.BaseModelRetiredWarning")
def test_a_tuned_model_that_went_with_its_base_says_so(gemini: Emulator) -> None:
    name = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=ROWS, labels=LABELS_2_5).endpoint
    model = chat(gemini, name)
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=ROWS)

    with gemini.fault(model=name, status=404):
        for ask in (model.invoke, lambda text: list(model.stream(text))):
            with pytest.raises(BaseModelRetiredError, match="rebaseTunedModel") as raised:
                ask("7")
        said = robust.invoke("7").response_metadata["tuned_gemini"]

    assert raised.value.retirement.day == date(2026, 10, 20)
    assert (raised.value.name, raised.value.status) == (name, 404)
    assert (said["answered_by"], said["reason"]) == ("base_fallback", "retired")
    assert said["attempts"][0]["status"] == 404


def test_a_missing_model_with_a_living_base_is_just_missing(
    gemini: Emulator, tuned: VertexModel
) -> None:
    with gemini.fault(model=tuned.endpoint, status=404), pytest.raises(Exception) as raised:
        chat(gemini, tuned.endpoint).invoke("7")

    assert not isinstance(raised.value, BaseModelRetiredError)


@pytest.mark.parametrize(
    ("name", "day", "match"),
    [
        (
            f"{AT}/endpoints/42",
            TODAY,
            r"gemini-2\.5-flash was retired on Vertex AI on 2026-10-20 \(",
        ),
        (
            "tunedModels/x",
            date(2026, 12, 1),
            r"on 2026-12-01; gemini-3\.5-flash-lite answers in its place",
        ),
    ],
)
def test_a_fallback_base_that_is_retired_or_rerouted_is_told(
    name: str, day: date, match: str
) -> None:
    tuned = ChatTunedGemini(model=name, api_key=KEY, today=lambda: day)

    with pytest.warns(BaseModelRetiredWarning, match=match):
        tuned.with_few_shot_fallback("gemini-2.5-flash", examples=ROWS)


# Structured output, agents, media


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


SCHEMAS = [
    (Person, Person(name="Ada", age=36)),
    (PersonDict, {"name": "Ada", "age": 36}),
    (Person.model_json_schema(), {"name": "Ada", "age": 36}),
    ({"type": "object"}, {"name": "Ada", "age": 36}),
]


@pytest.fixture
def writer(gemini: Emulator) -> ChatTunedGemini:
    """A model that was tuned to answer in JSON."""
    rows = [("Who?", '```json\n{"name": "Ada", "age": 36}\n```'), ("What?", "Nobody knows.")]
    name = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=rows, labels=LABELS).endpoint
    return chat(gemini, name)


@pytest.mark.parametrize(("schema", "answer"), SCHEMAS)
async def test_structured_output_is_parsed_and_nothing_of_the_schema_is_sent(
    schema: Any, answer: Any, writer: ChatTunedGemini, gemini: Emulator
) -> None:
    person = writer.with_structured_output(schema)

    assert person.invoke("Who?") == await person.ainvoke("Who?") == answer
    assert sent(gemini).body.keys() <= {"contents", "generationConfig", "safetySettings"}
    assert sent(gemini).body["generationConfig"].keys() == {"thinkingConfig"}


def test_structured_output_may_come_with_the_message_and_the_error(
    writer: ChatTunedGemini,
) -> None:
    person = writer.with_structured_output(Person, include_raw=True)
    good: Any = person.invoke("Who?")
    bad: Any = person.invoke("What?")

    assert (good["parsed"], good["parsing_error"]) == (Person(name="Ada", age=36), None)
    assert isinstance(good["raw"], AIMessage)
    assert bad["parsed"] is None
    assert bad["parsing_error"].llm_output == "Nobody knows."
    assert "Nobody knows." not in str(bad["parsing_error"])


def test_controlled_generation_is_there_for_those_who_ask_for_it(
    writer: ChatTunedGemini, gemini: Emulator
) -> None:
    writer.with_structured_output(Person, method="json_schema").invoke("Who?")
    config = sent(gemini).body["generationConfig"]
    writer.with_structured_output(Person, method="function_calling").invoke("Who?")

    assert config["responseMimeType"] == "application/json"
    assert "functionDeclarations" in sent(gemini).body["tools"][0]


def test_what_is_no_schema_is_refused(writer: ChatTunedGemini) -> None:
    with pytest.raises(ParameterError, match="no schema"):
        writer.with_structured_output(int)


def test_an_agent_does_not_force_a_schema_on_a_tuned_model(
    writer: ChatTunedGemini, gemini: Emulator
) -> None:
    """A base before Gemini 3 takes no native structured output together with tools."""
    writer.invoke("Who?")  # the profile is known from here on
    agent = create_agent(writer, [weather], response_format=Person)

    state = agent.invoke({"messages": [HumanMessage("Who?")]}, {"recursion_limit": 8})

    assert isinstance(state["structured_response"], Person)
    body = sent(gemini).body
    assert "responseJsonSchema" not in body["generationConfig"]
    assert "responseMimeType" not in body["generationConfig"]
    assert {f["name"] for f in body["tools"][0]["functionDeclarations"]} == {"weather", "Person"}


def test_an_agent_uses_its_tools_with_the_tuned_model_down(
    gemini: Emulator, tuned: VertexModel
) -> None:
    base = ScriptedChatModel(answers=[CALL, "Take an umbrella."])
    robust = chat(gemini, tuned.endpoint).with_few_shot_fallback(base, examples=ROWS)

    with gemini.fault(model=tuned.endpoint, status=503):
        state = create_agent(robust, [weather]).invoke({"messages": [HumanMessage("Oslo?")]})

    assert state["messages"][-1].text == "Take an umbrella."


def test_media_are_passed_through(gemini: Emulator, tuned: VertexModel) -> None:
    content = [
        {"type": "text", "text": "7"},
        {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"},
        {"type": "media", "file_uri": "gs://acme/dog.png", "mime_type": "image/png"},
    ]

    chat(gemini, tuned.endpoint).invoke([HumanMessage(content)])  # type: ignore[arg-type]

    (turn,) = sent(gemini).body["contents"]
    assert turn["parts"] == [
        {"text": "7"},
        {"inlineData": {"data": "aGVsbG8=", "mime_type": "image/png"}},
        {"fileData": {"file_uri": "gs://acme/dog.png", "mime_type": "image/png"}},
    ]


def test_tokens_are_counted_by_the_tuned_model_and_by_its_fallback(
    gemini: Emulator, tuned: VertexModel
) -> None:
    model = chat(gemini, tuned.endpoint)
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=ROWS)

    assert model.get_num_tokens("one two three four") > 0
    assert paths(gemini)[-1] == f"POST {tuned.endpoint}:countTokens"
    assert robust.get_num_tokens("one two three four") > 0
    assert paths(gemini)[-1].endswith("publishers/google/models/gemini-3.5-flash:countTokens")
    assert chat(gemini, tuned.job).get_num_tokens("one two three four") > 0


# Secrets


SECRET = "a-secret-token"


def test_credentials_show_nowhere(gemini: Emulator, tuned: VertexModel) -> None:
    model = chat(gemini, tuned.endpoint, api_key=None, credentials=Credentials(SECRET))
    assert model.invoke("7").text == "8"
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=ROWS)

    for written in (
        repr(model),
        repr(robust),
        str(model.binding),
        str(dumpd(robust)),
        str(pickle.dumps(model)),
        str(model.model_dump()),
        str(model._identifying_params),
    ):
        assert SECRET not in written


def test_a_model_with_credentials_is_rebuilt_with_the_default_ones(
    gemini: Emulator, tuned: VertexModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "the-developer-apis")
    model = ChatTunedGemini(
        model=tuned.endpoint, credentials=Credentials(SECRET), base_url=gemini.base_url
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # langchain-core marks load() as beta
        twins = [
            pickle.loads(pickle.dumps(model)),
            load(
                dumpd(model),
                allowed_objects=[ChatTunedGemini],
                valid_namespaces=["langchain_tuned_gemini"],
            ),
        ]

    for twin in twins:
        assert twin.google_api_key is None  # the environment's is another API's
        assert twin.credentials in (None, default_credentials())
        assert twin.model == model.model


def test_a_key_and_credentials_are_one_too_many(gemini: Emulator, tuned: VertexModel) -> None:
    with pytest.raises(ParameterError, match="Pass one of them"):
        chat(gemini, tuned.endpoint, credentials=Credentials(SECRET))
