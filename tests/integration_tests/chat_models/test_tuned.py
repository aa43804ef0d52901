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
from tests.conftest import BASE, NEXT_NUMBER, TUNED, Deployed

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


# What is sent though nobody said so: the base, where it is known, is to think least.
LEAST_THINKING: dict[str, dict[str, Any]] = {
    "developer": {},
    "vertex": {"thinkingConfig": {"thinking_level": "MINIMAL"}},
}

every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream, batch, abatch])


@pytest.fixture
def tuned(deployed: Deployed) -> ChatTunedGemini:
    return deployed.chat(timeout=5)


@pytest.fixture
def watched(deployed: Deployed) -> ChatTunedGemini:
    """The same, by the name that tells how far its tuning is."""
    return deployed.chat(model=deployed.record, timeout=5)


@pytest.fixture
def robust(tuned: ChatTunedGemini) -> FallbackChatModel:
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, k=4)


def generated(emulator: Emulator) -> list[Any]:
    return [request for request in emulator.requests if "enerateContent" in request.path]


def states_asked(emulator: Emulator) -> int:
    return sum(request.method == "GET" for request in emulator.requests)


@every_way
def test_an_active_model_answers_by_its_own_name(
    ask: Ask, tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    answer = ask(tuned)

    assert answer.text == "8"
    assert answer.response_metadata["model_name"] == deployed.name
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


@every_way
def test_its_state_is_asked_for_once(ask: Ask, tuned: ChatTunedGemini, deployed: Deployed) -> None:
    for _ in range(3):
        ask(tuned)

    assert states_asked(deployed.emulator) == 1


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
    watched: ChatTunedGemini,
    deployed: Deployed,
) -> None:
    deployed.set_state(state)

    with pytest.raises(error, match=advice) as raised:
        ask(watched)

    assert deployed.record in str(raised.value)
    assert generated(deployed.emulator) == []


@every_way
def test_a_model_that_was_deleted_is_not_called(
    ask: Ask, tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    deployed.emulator.delete_tuned_model(deployed.name)

    with pytest.raises(TunedModelNotFoundError, match="does not exist"):
        ask(tuned)

    assert generated(deployed.emulator) == []


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
    ask: Ask, fault: str, robust: FallbackChatModel, deployed: Deployed
) -> None:
    effect, reason, status = FAULTS[fault]

    with deployed.emulator.fault(model=deployed.name, **effect):
        answer = ask(robust)

    assert answer.text == "8"
    said = answer.response_metadata["tuned_gemini"]
    assert (said["answered_by"], said["model"], said["reason"]) == ("base_fallback", BASE, reason)
    assert said["few_shot"]["examples"] == 4
    *failed, last = said["attempts"]
    tries = 2 if reason in {"overloaded", "connection"} else 1
    # A kept connection that breaks before the first byte is told, but is no try.
    assert len(failed) - tries in ({0, 1} if fault == "reset" else {0})
    assert [(a["model"], a["outcome"], a["status"]) for a in failed] == (
        [(deployed.name, "error", status)] * len(failed)
    )
    assert (last["model"], last["outcome"]) == (BASE, "ok")
    assert len(generated(deployed.emulator)) == len(failed) + 1


@every_way
@pytest.mark.parametrize(("state", "reason"), [("CREATING", "not_ready"), ("FAILED", "gone")])
def test_the_base_model_answers_for_a_tuned_model_that_can_not_serve(
    ask: Ask, state: str, reason: str, watched: ChatTunedGemini, deployed: Deployed
) -> None:
    robust = watched.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
    deployed.set_state(state)

    said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", reason)
    assert said["attempts"][0]["outcome"] == "skipped"
    assert [request.model for request in generated(deployed.emulator)] == [f"models/{BASE}"]


@every_way
def test_a_tuned_model_that_hangs_is_given_up_after_the_timeout(
    ask: Ask, deployed: Deployed
) -> None:
    tuned = deployed.chat(timeout=0.2)
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    with deployed.emulator.fault(model=deployed.name, hang=True):
        said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", "timeout")
    assert 0.2 <= said["attempts"][0]["duration_s"] < 2


@every_way
@pytest.mark.parametrize("base", ["gemini-2.5-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite"])
@pytest.mark.parametrize(
    "settings",
    [{"max_output_tokens": 64}, {"max_output_tokens": 64, "thinking_budget": 0}],
    ids=["limited", "told not to think"],
)
def test_a_limit_of_tokens_leaves_the_base_model_room_to_answer(
    ask: Ask, base: str, settings: dict[str, Any], deployed: Deployed
) -> None:
    robust = deployed.chat(**settings).with_few_shot_fallback(base, examples=NEXT_NUMBER)

    with deployed.emulator.fault(model=deployed.name, status=503):
        answer = ask(robust)

    assert answer.text == "8"
    assert answer.response_metadata["tuned_gemini"]["model"] == base


@pytest.mark.parametrize(
    "said",
    [
        {"max_output_tokens": 64},
        {"max_tokens": 64},
        {"generation_config": {"max_output_tokens": 64}},
        {"max_tokens": 64, "thinking_level": "minimal"},
    ],
    ids=str,
)
@pytest.mark.parametrize("base", ["gemini-2.5-flash", "gemini-3.5-flash"])
def test_a_limit_of_one_call_leaves_the_base_model_room_to_answer(
    base: str, said: dict[str, Any], deployed: Deployed
) -> None:
    robust = deployed.chat().with_few_shot_fallback(base, examples=NEXT_NUMBER)

    with deployed.emulator.fault(model=deployed.name, status=503):
        answer = robust.invoke("7", **said)

    assert (answer.text, answer.response_metadata["tuned_gemini"]["model"]) == ("8", base)


@every_way
@pytest.mark.parametrize("limit", ["max_tokens", "max_output_tokens"])
def test_a_limit_of_one_call_has_two_names(ask: Ask, limit: str, deployed: Deployed) -> None:
    ask(deployed.chat().bind(**{limit: 5}))

    assert deployed.emulator.requests[-1].body["generationConfig"]["maxOutputTokens"] == 5


@pytest.mark.parametrize("setting", [{"max_tokens": 64}, {"thinking_budget": 0}])
def test_a_base_model_that_nobody_knows_is_told_of_where_its_thoughts_matter(
    setting: dict[str, Any], deployed: Deployed
) -> None:
    with pytest.warns(UserWarning, match="Nothing is known of gemini-99") as plain:
        deployed.chat().with_few_shot_fallback("gemini-99", examples=NEXT_NUMBER)
    with pytest.warns(UserWarning, match="It is not told how much to think"):
        deployed.chat(**setting).with_few_shot_fallback("gemini-99", examples=NEXT_NUMBER)

    assert "to think" not in str(plain[0].message)


@every_way
def test_a_refused_connection_is_answered_by_another_providers_model(
    ask: Ask, deployed: Deployed
) -> None:
    from langchain_tuned_gemini.testing import ScriptedChatModel

    with Emulator() as gone:
        address = gone.base_url
    tuned = ChatTunedGemini(model=deployed.name, api_key="key", base_url=address)
    robust = tuned.with_few_shot_fallback(ScriptedChatModel(answers=["8"]), examples=NEXT_NUMBER)

    said = ask(robust).response_metadata["tuned_gemini"]

    assert (said["answered_by"], said["reason"]) == ("base_fallback", "connection")


@every_way
def test_a_wrong_key_is_raised_and_no_other_model_is_asked(ask: Ask, platform: str) -> None:
    with Emulator(rejected_keys=["wrong"]) as gemini:
        deployed = Deployed.add(gemini, platform, NEXT_NUMBER)
        tuned = deployed.chat(api_key="wrong")
        robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

        with pytest.raises(GoogleInvalidRequestError, match="API key not valid"):
            ask(robust)

        assert [request.model for request in generated(gemini)] == [deployed.name]


@every_way
def test_the_tuned_model_answers_again_when_it_has_recovered(
    ask: Ask, robust: FallbackChatModel, deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, status=503):
        during = ask(robust)
    after = ask(robust)

    assert during.response_metadata["tuned_gemini"]["answered_by"] == "base_fallback"
    assert after.response_metadata["tuned_gemini"]["answered_by"] == "tuned"


@every_way
def test_an_error_that_speaks_of_the_model_makes_its_state_be_asked_again(
    ask: Ask, tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    ask(tuned)
    with (
        deployed.emulator.fault(model=deployed.name, status=404, times=1),
        pytest.raises(GoogleModelNotFoundError),
    ):
        ask(tuned)
    ask(tuned)

    assert states_asked(deployed.emulator) == 2


def test_waiting_closes_the_circuit_of_a_model_that_was_gone(
    robust: FallbackChatModel, tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, status=404):
        robust.invoke("7")
    while_open = robust.invoke("7").response_metadata["tuned_gemini"]
    tuned.wait_until_active(timeout=5)
    afterwards = robust.invoke("7").response_metadata["tuned_gemini"]

    assert (while_open["circuit"], while_open["attempts"][0]["outcome"]) == ("open", "skipped")
    assert (afterwards["circuit"], afterwards["answered_by"]) == ("closed", "tuned")


def test_it_drops_into_a_chain(robust: FallbackChatModel, deployed: Deployed) -> None:
    chain = ChatPromptTemplate.from_messages([("human", "{n}")]) | robust | StrOutputParser()

    healthy = chain.invoke({"n": "3"})
    with deployed.emulator.fault(model=deployed.name, status=503):
        degraded = chain.invoke({"n": "3"})

    assert (healthy, degraded) == ("4", "4")


def test_the_few_shot_prompt_is_a_runnable_for_plain_fallbacks(
    tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    base = ChatGoogleGenerativeAI(model=BASE, api_key="key", base_url=deployed.emulator.base_url)
    chain = tuned.with_fallbacks([FewShotPrompt(NEXT_NUMBER, k=4) | base])

    with deployed.emulator.fault(model=deployed.name, status=503):
        answer = chain.invoke("11")
    base.client.close()  # or it leaves its connections to the garbage collector

    assert answer.text == "12"


async def test_waiting_ends_when_the_model_is_active(deployed: Deployed) -> None:
    deployed.set_state("ACTIVE")
    model = deployed.chat()
    seen = []

    ready = model.wait_until_active(timeout=5, on_progress=seen.append)
    ready_too = await model.await_until_active(timeout=5)

    assert ready.name == ready_too.name == deployed.name
    assert [progress.percent for progress in seen] == [100.0]


def test_nothing_is_sent_that_the_user_did_not_set(
    tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    tuned.invoke("7")

    (request,) = generated(deployed.emulator)
    assert request.body["generationConfig"] == LEAST_THINKING[deployed.platform]


def test_a_task_sends_its_preset_and_what_was_set_over_it(deployed: Deployed) -> None:
    model = deployed.chat(task="strict", max_tokens=5)
    model.invoke("7", temperature=0.1)

    (request,) = generated(deployed.emulator)
    assert request.body["generationConfig"] == {
        "temperature": 0.1,
        "topP": 0.8,
        "topK": 40,
        "maxOutputTokens": 5,
        **LEAST_THINKING[deployed.platform],
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
def secretive(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> ChatTunedGemini:
    monkeypatch.setenv("GOOGLE_API_KEY", "a-secret-key")
    return deployed.chat(api_key="a-secret-key", task="strict")


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
            secrets_map={"GOOGLE_API_KEY": "a-secret-key"},
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


def test_tokens_are_counted_with_the_base_model(deployed: Deployed) -> None:
    model = deployed.chat(base_model=BASE)

    assert model.get_num_tokens("one two three four") > 0
    # Vertex AI counts for the tuned model itself.
    counted = f"models/{BASE}" if deployed.platform == "developer" else deployed.name
    assert deployed.emulator.requests[-1].path.endswith(f"{counted}:countTokens")


def test_tokens_are_estimated_where_the_base_model_is_not_known(tuned: ChatTunedGemini) -> None:
    assert tuned.get_num_tokens("one two three four") > 0


def test_the_profile_comes_from_the_base_model(tuned: ChatTunedGemini, deployed: Deployed) -> None:
    known = ChatTunedGemini(model=deployed.name, api_key="key", base_model=BASE)
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    expected = ChatGoogleGenerativeAI(model=BASE, api_key="key").profile
    assert expected
    # Native structured output makes the answers of tuned models worse, and agents would choose it.
    assert robust.profile == known.profile == {**expected, "structured_output": False}


def test_an_inner_retry_is_off_unless_asked_for(deployed: Deployed) -> None:
    with deployed.emulator.fault(model=deployed.name, status=503):
        model = deployed.chat()
        with pytest.raises(Exception, match="503"):
            model.invoke("7")

    assert len(generated(deployed.emulator)) == 1
