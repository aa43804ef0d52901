"""Where on Vertex AI a base model is asked that stands in for a tuned one."""

from __future__ import annotations

import asyncio
import logging
import pickle
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import (
    AllModelsFailedError,
    BaseModelNotFoundError,
    ChatTunedGemini,
    FallbackChatModel,
    ParameterError,
    init_tuned_gemini,
)
from langchain_tuned_gemini.chat_models import base_model
from langchain_tuned_gemini.chat_models.base_model import BaseModelChatModel
from langchain_tuned_gemini.emulator import Emulator, ServedModel
from langchain_tuned_gemini.testing import ScriptedChatModel

ROWS = [("7", "8"), ("1", "2")]
EXAMPLES = [{"text_input": "7", "output": "8"}]
BASE = "gemini-3.5-flash"
AT = "projects/acme/locations/us-central1"
FULL = f"projects/other/locations/asia-east1/publishers/google/models/{BASE}"


async def _ainvoke(model: Any) -> AIMessage:
    return await model.ainvoke("7")


async def _astream(model: Any) -> AIMessage:
    return AIMessage("".join([chunk.text async for chunk in model.astream("7")]))


WAYS: dict[str, Callable[[Any], AIMessage]] = {
    "invoke": lambda model: model.invoke("7"),
    "ainvoke": lambda model: asyncio.run(_ainvoke(model)),
    "stream": lambda model: AIMessage("".join(chunk.text for chunk in model.stream("7"))),
    "astream": lambda model: asyncio.run(_astream(model)),
}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_model, "_silent_since", {})


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as gemini:
        yield gemini


def tuned_in(gemini: Emulator, location: str, **parameters: Any) -> ChatTunedGemini:
    name = f"projects/acme/locations/{location}/endpoints/42"
    gemini.add_vertex_model(name, examples=ROWS)
    return ChatTunedGemini(model=name, api_key="k", base_url=gemini.base_url, **parameters)


def robust_in(
    gemini: Emulator, location: str, base: str = BASE, said: str | None = None, **parameters: Any
) -> FallbackChatModel:
    tuned = tuned_in(gemini, location, **parameters)
    return tuned.with_few_shot_fallback(base, examples=EXAMPLES, fallback_location=said)


def asked(gemini: Emulator) -> list[str]:
    """The locations in which a base model was asked, in order."""
    found = (
        re.search(r"locations/([^/]+)/publishers/", request.path) for request in gemini.requests
    )
    return [match[1] for match in found if match]


PLACES = [
    ("us-central1", None, BASE, "us"),
    ("us-east4", None, BASE, "us"),
    ("us-central1", "us-central1", BASE, "us-central1"),
    ("us-central1", "global", BASE, "global"),
    ("us-central1", None, "gemini-2.5-flash", "us-central1"),
    ("us-central1", "global", "gemini-2.5-flash", "global"),
    ("europe-west4", None, BASE, "europe-west4"),
    ("europe-west4", "eu", BASE, "eu"),
    ("europe-west4", "europe-west1", BASE, "europe-west1"),
    ("europe-west2", None, BASE, "europe-west2"),
    ("asia-northeast1", None, BASE, "asia-northeast1"),
    ("northamerica-northeast1", None, BASE, "northamerica-northeast1"),
    ("us", None, BASE, "us"),
    ("us-central1", None, FULL, "asia-east1"),
]


@pytest.mark.parametrize(("own", "said", "base", "location"), PLACES)
@pytest.mark.filterwarnings("ignore::langchain_tuned_gemini.BaseModelRetiredWarning")
def test_the_base_model_is_asked_in_the_tuned_models_jurisdiction_and_where_the_user_says(
    gemini: Emulator, own: str, said: str | None, base: str, location: str
) -> None:
    robust = robust_in(gemini, own, base, said)

    with gemini.fault(model=f"projects/acme/locations/{own}/endpoints/42", status=503):
        assert robust.invoke("7").text == "8"

    assert asked(gemini) == [location]


@pytest.mark.parametrize("way", WAYS)
def test_where_the_other_location_lacks_the_model_the_own_region_is_asked_and_that_is_remembered(
    gemini: Emulator, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    now = [0.0]
    gemini.add_base_model(
        ServedModel(f"models/{BASE}", gemini_3=True, locations=("us-central1", "global"))
    )
    robust = robust_in(gemini, "us-central1", clock=lambda: now[0])
    another = robust.models[0].with_few_shot_fallback(BASE, examples=EXAMPLES)

    with caplog.at_level(logging.WARNING):
        texts = [WAYS[way](one.models[1]).text for one in (robust, robust, another)]
        now[0] = 601
        texts.append(WAYS[way](robust.models[1]).text)

    assert texts == ["8"] * 4
    assert asked(gemini) == ["us", *["us-central1"] * 3, "us", "us-central1"]
    told = [r.getMessage() for r in caplog.records if "from now on" in r.getMessage()]
    assert told == [f"{BASE} does not answer in us (gone): it is asked in us-central1 from now on."]


@pytest.mark.parametrize("way", WAYS)
def test_a_region_that_fails_while_the_other_location_is_left_out_does_not_keep_it_out(
    gemini: Emulator, way: str
) -> None:
    robust = robust_in(gemini, "us-central1")
    at = "projects/acme/locations/{}/publishers/google/models/" + BASE
    with gemini.fault(model=at.format("us"), status=404):
        WAYS[way](robust.models[1])

    with gemini.fault(model=at.format("us-central1"), status=503):
        WAYS[way](robust.models[1])
    WAYS[way](robust.models[1])

    assert asked(gemini) == ["us", "us-central1", "us-central1", "us", "us"]


@pytest.mark.parametrize(
    ("status", "goes_on"), [(503, True), (429, True), (403, True), (400, False)]
)
def test_what_another_location_may_answer_goes_there(
    gemini: Emulator, status: int, *, goes_on: bool
) -> None:
    base = robust_in(gemini, "us-central1").models[1]

    with gemini.fault(model=BASE, status=status, times=1):
        if goes_on:
            assert base.invoke("7").text == "8"
        else:
            with pytest.raises(Exception, match=str(status)):
                base.invoke("7")

    assert asked(gemini) == ["us", "us-central1"][: 1 + goes_on]


def test_a_stream_that_broke_after_its_beginning_is_not_continued_in_another_location(
    gemini: Emulator,
) -> None:
    base = robust_in(gemini, "us-central1").models[1]

    with gemini.fault(model=BASE, cut_after=1), pytest.raises(Exception):  # noqa: B017
        list(base.stream("7"))

    assert asked(gemini) == ["us"]


def test_a_model_that_no_location_has_is_told_with_those_that_may_have_it(gemini: Emulator) -> None:
    gemini.add_base_model(ServedModel(f"models/{BASE}", locations=("global",)))
    robust = robust_in(gemini, "us-central1")

    with pytest.raises(BaseModelNotFoundError) as alone:
        robust.models[1].invoke("7")
    with (
        gemini.fault(model="projects/acme/locations/us-central1/endpoints/42", status=503),
        pytest.raises(AllModelsFailedError) as together,
    ):
        robust.invoke("7")

    assert alone.value.locations == ("us", "us-central1")
    assert "fallback_location='eu'" in str(alone.value)
    assert "us, eu, global" in str(together.value)
    assert together.value.attempts[-1].reason == "gone"
    assert together.value.attempts[-1].status == 404


def test_the_error_for_a_retired_model_says_that_it_is_retired(gemini: Emulator) -> None:
    gemini.add_base_model(ServedModel("models/gemini-2.5-flash", locations=()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = robust_in(gemini, "us-central1", "gemini-2.5-flash").models[1]

    with pytest.raises(BaseModelNotFoundError, match="was retired on Vertex AI"):
        base.invoke("7")


@pytest.mark.parametrize(
    ("location", "said", "base", "message"),
    [
        ("us-central1", "us-centrl1", BASE, "Did you mean 'us-central1'"),
        ("us-central1", "evil.example/", BASE, "no location 'evil.example/'"),
        ("us-central1", "", BASE, "no location ''"),
        ("us-central1", "eu", FULL, "is in asia-east1. Leave fallback_location='eu' out"),
        ("us-central1", None, FULL.replace("asia-east1", "mars-1"), "no location 'mars-1'"),
    ],
)
def test_a_location_that_can_not_be_is_refused_when_the_fallback_is_built(
    gemini: Emulator, location: str, said: str | None, base: str, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        robust_in(gemini, location, base, said)


def test_a_region_that_may_be_newer_than_the_table_is_told(gemini: Emulator) -> None:
    with pytest.warns(UserWarning, match="no location 'europe-west99' that is known here"):
        robust_in(gemini, "us-central1", said="europe-west99")


def test_a_multi_region_is_not_tried_for_a_base_before_gemini_3_and_that_is_told(
    gemini: Emulator,
) -> None:
    with pytest.warns(UserWarning, match="asked in europe-west4 and not in eu"):
        base = robust_in(gemini, "europe-west4", "gemini-2.5-flash", "eu").models[1]

    base.invoke("7")

    assert asked(gemini) == ["europe-west4"]


def test_the_developer_api_has_no_locations(gemini: Emulator) -> None:
    tuned = ChatTunedGemini(model="tunedModels/t", api_key="k", base_url=gemini.base_url)

    with pytest.raises(ParameterError, match="only Vertex AI has locations"):
        tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, fallback_location="eu")


def test_the_location_can_be_said_to_the_tuned_model_and_travels_with_the_fallback(
    gemini: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    robust = robust_in(gemini, "europe-west4", fallback_location="eu")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")

    for model in (robust, pickle.loads(pickle.dumps(robust))):
        model.models[1].invoke("7")

    assert asked(gemini) == ["eu"] * 2


RECORDS = """
[numbers]
fallback = {{ base_model = "gemini-3.5-flash"{location} }}

[numbers.versions.v1]
model = "projects/acme/locations/europe-west4/endpoints/42"
dataset = {{ path = "train.jsonl" }}

[numbers.aliases]
production = "v1"
"""


@pytest.mark.parametrize(
    ("recorded", "said", "location"),
    [("", None, "europe-west4"), ("eu", None, "eu"), ("eu", "global", "global")],
)
def test_the_records_can_say_it_and_what_is_said_goes_before(
    gemini: Emulator, tmp_path: Any, recorded: str, said: str | None, location: str
) -> None:
    tuned_in(gemini, "europe-west4")
    path = tmp_path / "tuned-models.toml"
    path.write_text(RECORDS.format(location=f', location = "{recorded}"' if recorded else ""))
    (tmp_path / "train.jsonl").write_text('{"text_input": "7", "output": "8"}\n')
    parameters: dict[str, Any] = {"fallback_location": said} if said else {}
    robust = init_tuned_gemini(
        "numbers@production",
        records=str(path),
        api_key="k",
        base_url=gemini.base_url,
        **parameters,
    )

    with gemini.fault(model="projects/acme/locations/europe-west4/endpoints/42", status=503):
        robust.invoke("7")

    assert asked(gemini) == [location]


class FullSocket:
    """A host that lets nobody in: as a network that drops what goes there."""

    def __enter__(self) -> str:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting = [self._connect() for _ in range(4)]
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _connect(self) -> socket.socket:
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(self._listener.getsockname())
        return one

    def __exit__(self, *_: object) -> None:
        for one in (*self._waiting, self._listener):
            one.close()


@pytest.mark.parametrize("is_async", [False, True])
def test_connecting_to_another_location_takes_a_second_at_the_most(*, is_async: bool) -> None:
    with FullSocket() as nowhere:
        tuned = ChatTunedGemini(model=f"{AT}/endpoints/42", api_key="k", base_url=nowhere)
        model = tuned._google_model(BASE, "us")
        began = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout):
            asyncio.run(_ainvoke(model)) if is_async else model.invoke("7")

    assert 0.9 < time.monotonic() - began < 4


class Lending(ScriptedChatModel):
    """A tuned model whose base models, in each location, are told what to answer."""

    model: str = f"{AT}/endpoints/42"
    base_url: str | None = None
    clock: Callable[[], float] = lambda: 0.0
    lent: dict[str | None, BaseChatModel]

    def _google_model(self, name: str, location: str | None = None) -> BaseChatModel:
        return self.lent[location]

    def _retirement_of(self, base: str) -> None:
        return None


@pytest.mark.parametrize(
    ("error", "answered_by", "is_remembered"),
    [
        (httpx.ConnectTimeout("no route"), "home", True),
        (httpx.ConnectError("no such host"), "home", True),
        (httpx.ProxyError("403 Forbidden"), "home", True),
        (httpx.RemoteProtocolError("broke off"), "home", False),
        (httpx.ReadTimeout("slow"), None, False),
        (ValueError("a bug"), None, False),
    ],
)
def test_a_network_without_a_route_is_remembered_and_a_bug_goes_nowhere(
    error: Exception, answered_by: str | None, *, is_remembered: bool
) -> None:
    away = ScriptedChatModel(name="away", answers=[error, "away"])
    home = ScriptedChatModel(name="home", answers=["home", "home"])
    tuned = Lending(answers=["tuned"], lent={"us": away, None: home})
    both = BaseModelChatModel(model=BASE, tuned=tuned, location="us")

    def ask() -> str:
        return both.invoke("7").text

    if answered_by is None:
        with pytest.raises(type(error)):
            ask()
    else:
        assert ask() == answered_by
    assert both.locations[0] == ("us-central1" if is_remembered else "us")
    assert ask() == ("home" if is_remembered else "away")
