"""The main job, on real sockets: a tuned model that answers, and a base model when it can't."""

from __future__ import annotations

import asyncio
import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_google_genai.chat_models import (
    GoogleInvalidRequestError,
    GoogleModelNotFoundError,
)

from langchain_tuned_gemini import (
    ChatTunedGemini,
    DatasetError,
    FallbackChatModel,
    FewShotPrompt,
    ParameterError,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, NEXT_NUMBER, TUNED

Ask = Callable[[Any], AIMessage]


def invoke(model: Any) -> AIMessage:
    return model.invoke("7")


def ainvoke(model: Any) -> AIMessage:
    return asyncio.run(model.ainvoke("7"))


def stream(model: Any) -> AIMessage:
    return add_up(list(model.stream("7")))


def astream(model: Any) -> AIMessage:
    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream("7")]

    return add_up(asyncio.run(collect()))


def batch(model: Any) -> AIMessage:
    return model.batch(["7"])[0]


def abatch(model: Any) -> AIMessage:
    return asyncio.run(model.abatch(["7"]))[0]


def add_up(chunks: list[Any]) -> AIMessage:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream, batch, abatch])


@pytest.fixture
def tuned(emulator: Emulator) -> ChatTunedGemini:
    return ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url, timeout=5)


@pytest.fixture
def robust(tuned: ChatTunedGemini) -> FallbackChatModel:
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, k=4)


def generated(emulator: Emulator) -> list[Any]:
    return [request for request in emulator.requests if "enerateContent" in request.path]


def states_asked(emulator: Emulator) -> int:
    return sum(request.method == "GET" for request in emulator.requests)


@every_way
def test_an_active_model_answers_by_its_own_name(ask: Ask, tuned: ChatTunedGemini) -> None:
    answer = ask(tuned)

    assert answer.text == "8"
    assert answer.response_metadata["model_name"] == TUNED
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


@every_way
def test_its_state_is_asked_for_once(ask: Ask, tuned: ChatTunedGemini, emulator: Emulator) -> None:
    for _ in range(3):
        ask(tuned)

    assert states_asked(emulator) == 1


@every_way
@pytest.mark.parametrize(
    ("state", "error", "advice"),
    [
        ("CREATING", TunedModelNotReadyError, "wait_until_active"),
        ("FAILED", TunedModelFailedError, "tune it again"),
    ],
)
def test_a_model_that_can_not_serve_is_not_called(
    ask: Ask,
    state: str,
    error: type[Exception],
    advice: str,
    tuned: ChatTunedGemini,
    emulator: Emulator,
) -> None:
    emulator.set_state(TUNED, state)

    with pytest.raises(error, match=advice) as raised:
        ask(tuned)

    assert TUNED in str(raised.value)
    assert generated(emulator) == []


@every_way
def test_a_model_that_was_deleted_is_not_called(
    ask: Ask, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    emulator.delete_tuned_model(TUNED)

    with pytest.raises(TunedModelNotFoundError, match="does not exist"):
        ask(tuned)

    assert generated(emulator) == []


FAULTS: dict[str, tuple[dict[str, Any], str, int | None]] = {
    "429": ({"status": 429}, "quota", 429),
    "500": ({"status": 500}, "overloaded", 500),
    "502 as HTML": ({"status": 502}, "overloaded", 502),
    "503": ({"status": 503}, "overloaded", 503),
    "504": ({"status": 504}, "overloaded", 504),
    "403": ({"status": 403}, "permission", 403),
    "404": ({"status": 404}, "gone", 404),
    "reset": ({"reset": True}, "connection", None),
}


@every_way
@pytest.mark.parametrize("fault", FAULTS)
def test_the_base_model_answers_for_a_tuned_model_that_fails(
    ask: Ask, fault: str, robust: FallbackChatModel, emulator: Emulator
) -> None:
    effect, reason, status = FAULTS[fault]

    with emulator.fault(model=TUNED, **effect):
        answer = ask(robust)

    assert answer.text == "8"
    said = answer.response_metadata["tuned_gemini"]
    assert (said["answered_by"], said["model"], said["reason"]) == ("base_fallback", BASE, reason)
    assert said["few_shot"]["examples"] == 4
    *failed, last = said["attempts"]
    tries = 2 if reason in {"overloaded", "connection"} else 1
    assert [(a["model"], a["outcome"], a["status"]) for a in failed] == (
        [(TUNED, "error", status)] * tries
    )
    assert (last["model"], last["outcome"]) == (BASE, "ok")
    assert len(generated(emulator)) == tries + 1


@every_way
@pytest.mark.parametrize(("state", "reason"), [("CREATING", "not_ready"), ("FAILED", "gone")])
def test_the_base_model_answers_for_a_tuned_model_that_can_not_serve(
    ask: Ask, state: str, reason: str, robust: FallbackChatModel, emulator: Emulator
) -> None:
    emulator.set_state(TUNED, state)

    said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", reason)
    assert said["attempts"][0]["outcome"] == "skipped"
    assert [request.model for request in generated(emulator)] == [f"models/{BASE}"]


@every_way
def test_a_tuned_model_that_hangs_is_given_up_after_the_timeout(
    ask: Ask, emulator: Emulator
) -> None:
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url, timeout=0.2)
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    with emulator.fault(model=TUNED, hang=True):
        said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", "timeout")
    assert 0.2 <= said["attempts"][0]["duration_s"] < 2


@every_way
def test_a_refused_connection_is_answered_by_another_providers_model(ask: Ask) -> None:
    from langchain_tuned_gemini.testing import ScriptedChatModel

    with Emulator() as gone:
        address = gone.base_url
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=address)
    robust = tuned.with_few_shot_fallback(ScriptedChatModel(answers=["8"]), examples=NEXT_NUMBER)

    said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", "connection")


@every_way
def test_a_wrong_key_is_raised_and_no_other_model_is_asked(ask: Ask) -> None:
    with Emulator(rejected_keys=["wrong"]) as gemini:
        gemini.add_tuned_model(TUNED, examples=NEXT_NUMBER)
        tuned = ChatTunedGemini(model=TUNED, api_key="wrong", base_url=gemini.base_url)
        robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

        with pytest.raises(GoogleInvalidRequestError, match="API key not valid"):
            ask(robust)

        assert [request.model for request in generated(gemini)] == [TUNED]


@every_way
def test_the_tuned_model_answers_again_when_it_has_recovered(
    ask: Ask, robust: FallbackChatModel, emulator: Emulator
) -> None:
    with emulator.fault(model=TUNED, status=503):
        during = ask(robust)
    after = ask(robust)

    assert during.response_metadata["tuned_gemini"]["answered_by"] == "base_fallback"
    assert after.response_metadata["tuned_gemini"]["answered_by"] == "tuned"


@every_way
def test_an_error_that_speaks_of_the_model_makes_its_state_be_asked_again(
    ask: Ask, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    ask(tuned)
    with (
        emulator.fault(model=TUNED, status=404, times=1),
        pytest.raises(GoogleModelNotFoundError),
    ):
        ask(tuned)
    ask(tuned)

    assert states_asked(emulator) == 2


def test_waiting_closes_the_circuit_of_a_model_that_was_gone(
    robust: FallbackChatModel, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    with emulator.fault(model=TUNED, status=404):
        robust.invoke("7")
    while_open = robust.invoke("7").response_metadata["tuned_gemini"]
    tuned.wait_until_active(timeout=5)
    afterwards = robust.invoke("7").response_metadata["tuned_gemini"]

    assert (while_open["circuit"], while_open["attempts"][0]["outcome"]) == ("open", "skipped")
    assert (afterwards["circuit"], afterwards["answered_by"]) == ("closed", "tuned")


def test_it_drops_into_a_chain(robust: FallbackChatModel, emulator: Emulator) -> None:
    chain = ChatPromptTemplate.from_messages([("human", "{n}")]) | robust | StrOutputParser()

    healthy = chain.invoke({"n": "3"})
    with emulator.fault(model=TUNED, status=503):
        degraded = chain.invoke({"n": "3"})

    assert (healthy, degraded) == ("4", "4")


def test_the_few_shot_prompt_is_a_runnable_for_plain_fallbacks(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    base = ChatGoogleGenerativeAI(model=BASE, api_key="key", base_url=emulator.base_url)
    chain = tuned.with_fallbacks([FewShotPrompt(NEXT_NUMBER, k=4) | base])

    with emulator.fault(model=TUNED, status=503):
        answer = chain.invoke("11")

    assert answer.text == "12"


async def test_waiting_ends_when_the_model_is_active(emulator: Emulator) -> None:
    emulator.set_state(TUNED, "ACTIVE")
    model = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)
    seen = []

    ready = model.wait_until_active(timeout=5, on_progress=seen.append)
    ready_too = await model.await_until_active(timeout=5)

    assert ready.name == ready_too.name == TUNED
    assert [progress.percent for progress in seen] == [100.0]


def test_nothing_is_sent_that_the_user_did_not_set(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    tuned.invoke("7")

    (request,) = generated(emulator)
    assert request.body["generationConfig"] == {}


def test_a_task_sends_its_preset_and_what_was_set_over_it(emulator: Emulator) -> None:
    model = ChatTunedGemini(
        model=TUNED, api_key="key", base_url=emulator.base_url, task="strict", max_tokens=5
    )
    model.invoke("7", temperature=0.1)

    (request,) = generated(emulator)
    assert request.body["generationConfig"] == {
        "temperature": 0.1,
        "topP": 0.8,
        "topK": 40,
        "maxOutputTokens": 5,
    }


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (BASE, "tunedModels/ID"),
        (f"models/{BASE}", "base model"),
        ("tunedModels/../x", "lower-case"),
        ("", "empty"),
    ],
)
def test_a_name_that_is_no_tuned_models_is_refused_at_once(name: str, advice: str) -> None:
    with pytest.raises(TunedModelNameError, match=advice):
        ChatTunedGemini(model=name, api_key="key")


def test_a_misspelt_parameter_is_refused_with_the_right_name() -> None:
    with pytest.raises(ParameterError, match="Did you mean 'temperature'"):
        ChatTunedGemini(model=TUNED, api_key="key", temprature=0.1)


@pytest.mark.usefixtures("no_environment")
def test_without_a_key_the_error_says_where_to_put_one() -> None:
    with pytest.raises(ParameterError, match="GOOGLE_API_KEY"):
        ChatTunedGemini(model=TUNED)


@pytest.mark.parametrize("variable", ["GOOGLE_API_KEY", "GEMINI_API_KEY"])
@pytest.mark.usefixtures("no_environment")
def test_the_key_comes_from_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "from the environment")

    key = ChatTunedGemini(model=TUNED).google_api_key

    assert key.get_secret_value() == "from the environment"


def test_missing_examples_are_told_before_any_call(tuned: ChatTunedGemini) -> None:
    with pytest.raises(DatasetError, match=r"missing\.jsonl"):
        tuned.with_few_shot_fallback(BASE, examples="missing.jsonl")


@pytest.fixture
def secretive(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> ChatTunedGemini:
    monkeypatch.setenv("GOOGLE_API_KEY", "a-secret-key")
    return ChatTunedGemini(
        model=TUNED, api_key="a-secret-key", base_url=emulator.base_url, task="strict"
    )


def test_no_key_shows_in_what_is_written_down(secretive: ChatTunedGemini) -> None:
    robust = secretive.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    for written in (repr(secretive), repr(robust), str(dumpd(robust)), pickle.dumps(secretive)):
        assert "a-secret-key" not in str(written)


@pytest.mark.parametrize(
    "copied",
    [
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.copy,
        copy.deepcopy,
        lambda model: load(
            dumpd(model),
            allowed_objects=[ChatTunedGemini],
            valid_namespaces=["langchain_tuned_gemini"],
            secrets_from_env=True,
        ),
    ],
    ids=["pickle", "copy", "deepcopy", "load"],
)
def test_a_copy_answers_like_the_original(
    copied: Callable[[ChatTunedGemini], ChatTunedGemini], secretive: ChatTunedGemini
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # langchain-core marks load() as beta
        twin = copied(secretive)

    assert twin.invoke("7").text == "8"
    assert twin.asdict() == secretive.asdict()


def test_tokens_are_counted_with_the_base_model(emulator: Emulator) -> None:
    model = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url, base_model=BASE)

    assert model.get_num_tokens("one two three four") > 0
    assert emulator.requests[-1].path.endswith(f"models/{BASE}:countTokens")


def test_tokens_are_estimated_where_the_base_model_is_not_known(tuned: ChatTunedGemini) -> None:
    assert tuned.get_num_tokens("one two three four") > 0


def test_the_profile_comes_from_the_base_model(tuned: ChatTunedGemini) -> None:
    known = ChatTunedGemini(model=TUNED, api_key="key", base_model=BASE)
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    expected = ChatGoogleGenerativeAI(model=BASE, api_key="key").profile
    assert expected
    assert known.profile == robust.profile == expected


def test_an_inner_retry_is_off_unless_asked_for(emulator: Emulator) -> None:
    with emulator.fault(model=TUNED, status=503):
        model = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)
        with pytest.raises(Exception, match="503"):
            model.invoke("7")

    assert len(generated(emulator)) == 1
