"""Chat models that are called by an alias: they follow it, and never mix two versions."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd, load
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_google_genai.chat_models import (
    GoogleAPIError,
    GoogleModelNotFoundError,
    GooglePermissionDeniedError,
)
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AliasName,
    AllModelsFailedError,
    ChatTunedGemini,
    CircuitBreaker,
    CircuitState,
    FallbackChatModel,
    GenAIService,
    ModelLibrary,
    ParameterError,
    RecordNotFoundError,
    Records,
    RecordsError,
    TunedGeminiError,
    TunedGeminiFallbackMiddleware,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotReadyError,
    init_tuned_gemini,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.registry.alias_resolver import FRESH_FOR
from langchain_tuned_gemini.testing import ScriptedChatModel

ALIAS = "sql-expert@production"
KEY = "not-a-real-key-1234"
AT = "projects/acme/locations/us-central1"


class Name(BaseModel):
    """A name."""

    name: str


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path, gemini: Emulator) -> Records:
    """Two versions, the first of them in production; each says its own name."""
    for version in ("v1", "v2"):
        examples = [("who?", version)]
        gemini.add_tuned_model(f"tunedModels/sql-expert-{version}", examples=examples)
        row = {"text_input": "who?", "output": f"base like {version}"}
        (tmp_path / f"{version}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    records = Records(tmp_path / "tuned-models.toml")
    records.path.write_text(
        """
[sql-expert]
task = "strict"
fallback = { base_model = "gemini-3.5-flash", k = 1 }

[sql-expert.versions.v1]
model = "tunedModels/sql-expert-v1"
dataset = { path = "v1.jsonl" }
guards = [{ one_of = ["v1", "base like v1"] }]

[sql-expert.versions.v2]
model = "tunedModels/sql-expert-v2"
dataset = { path = "v2.jsonl" }
guards = [{ one_of = ["v2", "base like v2"] }]
system_instruction = "Say who you are."

[sql-expert.aliases]
production = "v1"
""",
        encoding="utf-8",
    )
    return records


@pytest.fixture
def given(gemini: Emulator, records: Records, clock: Clock) -> dict[str, Any]:
    return {
        "records": str(records.path),
        "api_key": KEY,
        "base_url": gemini.base_url,
        "clock": clock,
    }


@pytest.fixture
def tuned(given: dict[str, Any]) -> ChatTunedGemini:
    return ChatTunedGemini(model=ALIAS, **given)


@pytest.fixture
def robust(given: dict[str, Any]) -> FallbackChatModel:
    return init_tuned_gemini(ALIAS, **given)


@pytest.fixture(params=["tuned", "robust"])
def model(request: pytest.FixtureRequest) -> BaseChatModel:
    model: BaseChatModel = request.getfixturevalue(request.param)
    return model


def promote(records: Records, version: str) -> None:
    text = records.path.read_text(encoding="utf-8")
    other = {"v1": "v2", "v2": "v1"}[version]
    changed = text.replace(f'production = "{other}"', f'production = "{version}"')
    records.path.write_text(changed, encoding="utf-8")


def sent_system_messages(gemini: Emulator) -> list[object]:
    return [
        request.body.get("systemInstruction")
        for request in gemini.requests
        if "enerateContent" in request.path
    ]


def test_an_alias_is_a_model_like_any_other(tuned: ChatTunedGemini) -> None:
    answer = tuned.invoke("who?")

    assert isinstance(tuned, ChatTunedGemini)
    assert answer.text == "v1"
    assert answer.response_metadata["model_name"] == "tunedModels/sql-expert-v1"
    assert tuned.model == ALIAS


def test_handlers_are_told_the_name_of_what_follows_an_alias(robust: FallbackChatModel) -> None:
    assert dumpd(robust)["name"] == "FallbackChatModel"


def test_a_cache_that_is_set_on_a_robust_alias_tells_its_versions_apart(
    robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    robust.cache = InMemoryCache()
    before = robust.invoke("who?")
    promote(records, "v2")
    clock.now += FRESH_FOR

    assert (before.text, robust.invoke("who?").text) == ("v1", "v2")


def test_it_is_used_as_it_is_recorded_and_what_is_said_goes_before(
    gemini: Emulator, given: dict[str, Any]
) -> None:
    ChatTunedGemini(model=ALIAS, **given).invoke("who?")
    ChatTunedGemini(model=ALIAS, **given, temperature=0.1).invoke("who?")

    sent = [r.body["generationConfig"] for r in gemini.requests if "generateContent" in r.path]
    assert [config["temperature"] for config in sent] == [0.2, 0.1]
    assert [config["maxOutputTokens"] for config in sent] == [1024, 1024]


def test_a_promotion_is_seen_within_the_time_to_live(
    model: BaseChatModel, records: Records, clock: Clock
) -> None:
    assert model.invoke("who?").text == "v1"

    promote(records, "v2")

    clock.now += FRESH_FOR - 0.1
    assert model.invoke("who?").text == "v1"
    clock.now += 0.1
    assert model.invoke("who?").text == "v2"


def test_the_binding_says_which_version_answers(
    tuned: ChatTunedGemini, records: Records, clock: Clock
) -> None:
    bindings = [tuned.binding]
    promote(records, "v2")
    clock.now += FRESH_FOR
    bindings.append(tuned.binding)

    identities = [binding.identity for binding in bindings]
    assert [(str(one.name), one.version) for one in identities] == [
        ("tunedModels/sql-expert-v1", "sql-expert v1"),
        ("tunedModels/sql-expert-v2", "sql-expert v2"),
    ]
    assert bindings[0].gate is not bindings[1].gate
    assert tuned.binding is bindings[1]


async def test_a_promotion_is_seen_by_every_way_to_call(
    model: BaseChatModel, records: Records, clock: Clock
) -> None:
    promote(records, "v2")
    clock.now += FRESH_FOR

    streamed = "".join([chunk.text for chunk in model.stream("who?")])
    astreamed = "".join([chunk.text async for chunk in model.astream("who?")])

    assert (await model.ainvoke("who?")).text.strip() == "v2"
    assert (streamed.strip(), astreamed.strip()) == ("v2", "v2")


def test_the_file_is_not_touched_on_the_hot_path(
    robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    robust.invoke("who?")
    records.path.unlink()

    for _ in range(3):
        clock.now += FRESH_FOR / 4
        assert robust.invoke("who?").text == "v1"


def test_the_fallback_is_the_one_that_is_recorded(
    gemini: Emulator, robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    answers = []
    with gemini.fault(model="tunedModels/sql-expert-v1", status=503):
        answers.append(robust.invoke("who?"))
    promote(records, "v2")
    clock.now += FRESH_FOR
    with gemini.fault(model="tunedModels/sql-expert-v2", status=503):
        answers.append(robust.invoke("who?"))

    assert [answer.text for answer in answers] == ["base like v1", "base like v2"]
    for answer in answers:
        told = answer.response_metadata["tuned_gemini"]
        assert (told["answered_by"], told["reason"]) == ("base_fallback", "overloaded")
        assert told["few_shot"]["examples"] == 1


def test_the_guards_are_those_that_are_recorded(
    gemini: Emulator, robust: FallbackChatModel
) -> None:
    gemini.delete_tuned_model("tunedModels/sql-expert-v1")
    gemini.add_tuned_model("tunedModels/sql-expert-v1", examples=[("who?", "nonsense")])

    answer = robust.invoke("who?")

    assert answer.response_metadata["tuned_gemini"]["reason"] == "bad_output"


def test_each_version_has_a_circuit_of_its_own(
    robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    first = robust.circuit
    assert first is not None
    first.force_open()
    try:
        assert robust.invoke("who?").text == "base like v1"

        promote(records, "v2")
        clock.now += FRESH_FOR

        assert robust.invoke("who?").text == "v2"
    finally:
        first.reset()


FAILURES = [
    (404, GoogleModelNotFoundError),
    (403, GooglePermissionDeniedError),
    (503, GoogleAPIError),
]


@pytest.mark.parametrize(("status", "error"), FAILURES)
async def test_a_failure_is_that_of_the_version(
    tuned: ChatTunedGemini, gemini: Emulator, status: int, error: type[Exception]
) -> None:
    with gemini.fault(model="tunedModels/sql-expert-v1", status=status):
        for _ in range(2):
            with pytest.raises(error):
                tuned.invoke("who?")
            with pytest.raises(error):
                await tuned.ainvoke("who?")
            with pytest.raises(error):
                list(tuned.stream("who?"))
            with pytest.raises(error):
                [chunk async for chunk in tuned.astream("who?")]


@pytest.mark.parametrize("state", ["CREATING", "FAILED"])
def test_the_state_of_the_version_is_checked(
    tuned: ChatTunedGemini, gemini: Emulator, state: str
) -> None:
    gemini.set_state("tunedModels/sql-expert-v1", state)

    with pytest.raises((TunedModelNotReadyError, TunedModelFailedError)):
        tuned.invoke("who?")

    gemini.set_state("tunedModels/sql-expert-v1", "ACTIVE")
    assert tuned.wait_until_active().name == "tunedModels/sql-expert-v1"
    assert tuned.invoke("who?").text == "v1"


def test_everything_that_a_tuned_model_can_do_an_alias_can(tuned: ChatTunedGemini) -> None:
    class Who(BaseModel):
        """Who it is."""

        name: str

    assert tuned.get_num_tokens("who?") > 0
    assert tuned.service.get("tunedModels/sql-expert-v1").state == "ACTIVE"
    assert tuned._get_ls_params()["tuned_model"] == "tunedModels/sql-expert-v1"
    assert tuned.model_copy().invoke("who?").text == "v1"
    assert copy.deepcopy(tuned).invoke("who?").text == "v1"
    assert tuned.bind_tools([Who]).invoke("who?").tool_calls[0]["name"] == "Who"
    with pytest.raises(OutputParserException):
        tuned.with_structured_output(Who).invoke("who?")
    assert tuned.batch(["who?", "who?"])[1].text == "v1"
    assert KEY not in repr(tuned)
    assert tuned.base_chat_model("gemini-3.5-flash").invoke("who?").text


class DownSelector(BaseExampleSelector):
    """A selector of another package that can't be reached."""

    def add_example(self, example: dict[str, str]) -> None:
        raise NotImplementedError

    def select_examples(self, input_variables: dict[str, str]) -> list[dict[str, str]]:
        raise ConnectionError


@pytest.mark.parametrize(("is_here", "shown"), [(True, (1, "bm25")), (False, (0, "DownSelector"))])
def test_the_recorded_tuning_set_stands_in_for_a_selector_where_it_is_on_this_machine(
    *, is_here: bool, shown: tuple[int, str], tuned: ChatTunedGemini, records: Records, clock: Clock
) -> None:
    if not is_here:
        for version in ("v1", "v2"):
            (records.path.parent / f"{version}.jsonl").unlink()
    robust = tuned.with_few_shot_fallback(
        ScriptedChatModel(answers=["v1", "v2"]), examples=DownSelector()
    )

    told = []
    for version in ("v1", "v2"):
        promote(records, version)
        clock.now += FRESH_FOR
        robust.current.models[0].gate.forget()
        robust.circuit.force_open()
        told.append(robust.invoke("who?").response_metadata["tuned_gemini"]["few_shot"])
        robust.circuit.reset()

    assert [(few_shot["examples"], few_shot["selector"]) for few_shot in told] == [shown, shown]
    assert all("ConnectionError" in few_shot["outage"] for few_shot in told)


def test_a_fallback_made_by_hand_has_a_circuit_of_the_alias(
    tuned: ChatTunedGemini, records: Records, clock: Clock, gemini: Emulator
) -> None:
    stand_in = ScriptedChatModel(answers=["stand-in"])
    by_hand = FallbackChatModel(models=[tuned, stand_in])
    with gemini.fault(model="tunedModels/sql-expert-v1", status=404):
        answers = [by_hand.invoke("who?").text]

    promote(records, "v2")
    clock.now += FRESH_FOR
    assert by_hand.circuit is not None
    by_hand.circuit.reset()
    answers.append(by_hand.invoke("who?").text)

    assert answers == ["stand-in", "v2"]
    for version in ("v1", "v2"):
        key = ChatTunedGemini(
            model=f"tunedModels/sql-expert-{version}", api_key=KEY, base_url=gemini.base_url
        ).circuit_key
        assert CircuitBreaker(key).view().state is CircuitState.CLOSED


def test_no_call_mixes_two_versions(
    robust: FallbackChatModel, records: Records, clock: Clock, gemini: Emulator
) -> None:
    """With the tuned model of one version and the guards of another, nobody could answer."""
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            for version in ("v2", "v1"):
                promote(records, version)
                clock.now += FRESH_FOR
                robust.invoke("who?")

    flipping = threading.Thread(target=flip)
    flipping.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: robust.invoke("who?"), range(200)))
    finally:
        stop.set()
        flipping.join()

    texts = {answer.text for answer in answers}
    assert texts <= {"v1", "v2"}
    told = [answer.response_metadata["tuned_gemini"] for answer in answers]
    assert all(
        one["model"].endswith(answer.text) for one, answer in zip(told, answers, strict=True)
    )


def test_the_system_instruction_of_the_training_is_told_again(
    gemini: Emulator, robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    promote(records, "v2")
    clock.now += FRESH_FOR
    robust.invoke("who?")
    robust.invoke([SystemMessage("Say it twice."), HumanMessage("who?")])
    with gemini.fault(model="tunedModels/sql-expert-v2", status=404):
        robust.invoke("who?")

    first, second, _, fallback = (json.dumps(told) for told in sent_system_messages(gemini))
    assert "Say who you are." in first
    assert "Say who you are." not in second
    assert "Say it twice." in second
    assert "Say who you are." in fallback


BROKEN = ["", "[", '[sql-expert.aliases]\nproduction = "v9"\n']


@pytest.mark.parametrize("text", BROKEN)
def test_a_slip_in_the_file_does_not_stop_what_runs(
    robust: FallbackChatModel,
    records: Records,
    clock: Clock,
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = records.path.read_text(encoding="utf-8")
    records.path.write_text(text, encoding="utf-8")

    for _ in range(3):
        clock.now += FRESH_FOR
        assert robust.invoke("who?").text == "v1"
    assert len([r for r in caplog.records if "stays at v1" in r.getMessage()]) == 1

    records.path.write_text(
        good.replace('production = "v1"', 'production = "v2"'), encoding="utf-8"
    )
    clock.now += FRESH_FOR
    assert robust.invoke("who?").text == "v2"


def test_a_version_that_can_not_be_built_leaves_the_old_one(
    robust: FallbackChatModel, records: Records, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (records.path.parent / "v2.jsonl").unlink()
    promote(records, "v2")
    clock.now += FRESH_FOR

    assert robust.invoke("who?").text == "v1"
    assert "sql-expert v2 can't be used, so sql-expert v1 answers on" in caplog.text


def test_what_is_promoted_by_the_library_is_what_answers(
    robust: FallbackChatModel, records: Records, clock: Clock, gemini: Emulator
) -> None:
    genai = GenAIService.from_api_key(KEY, base_url=gemini.base_url)
    library = ModelLibrary(genai, records)

    library.promote(ALIAS, "v2")
    clock.now += FRESH_FOR
    promoted = robust.invoke("who?").text
    library.rollback(ALIAS)
    clock.now += FRESH_FOR

    assert (promoted, robust.invoke("who?").text) == ("v2", "v1")


def test_an_alias_that_is_not_there_says_what_is(
    given: dict[str, Any], records: Records, tmp_path: Path
) -> None:
    with pytest.raises(RecordNotFoundError, match="its aliases are: sql-expert@production"):
        ChatTunedGemini(model="sql-expert@staging", **given)
    with pytest.raises(RecordNotFoundError, match=r"there is no file .*nowhere\.toml"):
        ChatTunedGemini(model=ALIAS, **{**given, "records": str(tmp_path / "nowhere.toml")})
    records.path.write_text("[", encoding="utf-8")
    with pytest.raises(RecordsError, match="is no TOML"):
        ChatTunedGemini(model=ALIAS, **given)
    with pytest.raises(TunedModelNameError, match="can't be an alias"):
        ChatTunedGemini(model="sql-expert@V1", **given)
    with pytest.raises(TunedModelNameError, match="is no alias"):
        init_tuned_gemini("tunedModels/sql-expert-v1", **given)


def test_what_is_recorded_nowhere_must_be_said(given: dict[str, Any], records: Records) -> None:
    text = records.path.read_text(encoding="utf-8")
    without = "\n".join(line for line in text.splitlines() if "fallback" not in line)
    records.path.write_text(without, encoding="utf-8")

    with pytest.raises(ParameterError, match="sql-expert v1 has no fallback in the records"):
        init_tuned_gemini(ALIAS, **given)
    with pytest.raises(ParameterError, match="A fallback needs a base model and examples"):
        ChatTunedGemini(
            model="tunedModels/x", api_key=KEY, base_url=given["base_url"]
        ).with_few_shot_fallback()

    said = ChatTunedGemini(model=ALIAS, **given).with_few_shot_fallback("gemini-3.5-flash", k=1)
    assert said.invoke("who?").text == "v1"


def test_the_file_is_found_in_the_current_directory_and_by_the_variable(
    given: dict[str, Any], records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del given["records"]
    monkeypatch.delenv("TUNED_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)
    here = ChatTunedGemini(model=ALIAS, **given)
    monkeypatch.chdir("/")
    monkeypatch.setenv("TUNED_MODELS", str(records.path))
    there = ChatTunedGemini(model=ALIAS, **given)

    assert here.records == there.records == str(records.path)
    assert (here.invoke("who?").text, there.invoke("who?").text) == ("v1", "v1")


def test_an_alias_of_vertex_ai_is_followed(
    gemini: Emulator, given: dict[str, Any], records: Records
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/7", examples=[("who?", "v3")])
    with records.edit() as (_, editor):
        from langchain_tuned_gemini.registry import ChangeRecord, VersionRecord

        editor.add_version("sql-expert", "v3", VersionRecord(model=f"{AT}/endpoints/7"))
        change = ChangeRecord(alias="production", version="v3", at="2026-11-28T14:00:00Z")
        editor.point(AliasName.parse(ALIAS), change)

    assert ChatTunedGemini(model=ALIAS, **given).invoke("who?").text == "v3"


@pytest.fixture
def in_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    yield


@pytest.mark.usefixtures("in_environment")
def test_it_can_be_pickled_and_serialised(given: dict[str, Any], records: Records) -> None:
    del given["clock"]
    tuned = ChatTunedGemini(model=ALIAS, **given)
    robust = tuned.with_few_shot_fallback()

    pickled = pickle.dumps([tuned, robust])
    dumped = dumpd(tuned)
    promote(records, "v2")
    copies = pickle.loads(pickled)
    loaded = load(
        dumped,
        allowed_objects=[ChatTunedGemini],
        valid_namespaces=["langchain_tuned_gemini"],
        secrets_from_env=True,
    )

    assert [one.invoke("who?").text for one in [*copies, loaded]] == ["v2", "v2", "v2"]
    assert KEY not in str(dumped)
    assert KEY.encode() not in pickled


GONE: dict[str, Callable[[Records], object]] = {
    "the file": lambda records: records.path.unlink(),
    "its order": lambda records: records.path.write_text("[", encoding="utf-8"),
    "the alias": lambda records: records.path.write_text("", encoding="utf-8"),
    "the examples": lambda records: (records.path.parent / "v1.jsonl").unlink(),
}
SCHEMA = {"title": "Answer", "type": "object", "properties": {}}


def look(table: str) -> str:
    """Looks at a table."""
    return table


USES: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke("who?"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("who?")),
    "stream": lambda model: list(model.stream("who?")),
    "batch": lambda model: model.batch(["who?"]),
    "tools": lambda model: model.bind_tools([look]).invoke("who?"),
    "a schema": lambda model: model.with_structured_output(SCHEMA).invoke("who?"),
    "tokens": lambda model: model.get_num_tokens("who?"),
    "another pickle": lambda model: pickle.loads(pickle.dumps(model)).invoke("who?"),
}


@pytest.mark.usefixtures("in_environment")
@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_gone_where_it_is_unpickled_is_missed_at_its_first_use_and_not_before(
    use: Callable[[Any], object], gone: str, given: dict[str, Any], records: Records
) -> None:
    del given["clock"]
    tuned = ChatTunedGemini(model=ALIAS, **given)
    models = [tuned, tuned.with_few_shot_fallback(), FallbackChatModel(models=[tuned])]
    pickled = pickle.dumps(models)
    kept = {path: path.read_bytes() for path in records.path.parent.iterdir()}
    GONE[gone](records)

    copies = pickle.loads(pickled)

    for twin in copies[1:2] if gone == "the examples" else copies:
        with pytest.raises(TunedGeminiError, match=r"tuned-models\.toml|v1\.jsonl"):
            use(twin)
    for path, content in kept.items():
        path.write_bytes(content)
    assert [twin.invoke("who?").text for twin in copies] == ["v1", "v1", "v1"]


def test_tools_and_schemas_go_to_the_version_of_the_call(
    robust: FallbackChatModel, records: Records, clock: Clock, gemini: Emulator
) -> None:
    def look(table: str) -> str:
        """Looks at a table."""
        return table

    bound = robust.bind_tools([look])
    promote(records, "v2")
    clock.now += FRESH_FOR

    bound.invoke("who?")

    (asked,) = [request for request in gemini.requests if "generateContent" in request.path]
    assert "sql-expert-v2" in asked.path
    assert asked.body["tools"]


async def test_many_tasks_follow_without_waiting_for_each_other(
    robust: FallbackChatModel, records: Records, clock: Clock
) -> None:
    promote(records, "v2")
    clock.now += FRESH_FOR

    answers = await asyncio.gather(*(robust.ainvoke("who?") for _ in range(20)))

    assert {answer.text for answer in answers} == {"v2"}


def test_the_middleware_of_an_agent_follows_the_alias_with_a_circuit_for_each_version(
    gemini: Emulator, tuned: ChatTunedGemini, records: Records, clock: Clock
) -> None:
    fallback = TunedGeminiFallbackMiddleware("gemini-3.5-flash", examples=[("who?", "base")])
    agent: Any = create_agent(tuned, middleware=[fallback])

    def answer() -> str:
        return str(agent.invoke({"messages": [HumanMessage("who?")]})["messages"][-1].text)

    with gemini.fault(model="tunedModels/sql-expert-v1", status=404):  # opens its circuit
        during = [answer(), answer()]
    promote(records, "v2")
    clock.now += FRESH_FOR

    assert during == ["base", "base"]
    assert answer() == "v2"


def test_structured_output_follows_the_alias(
    robust: FallbackChatModel, records: Records, clock: Clock, gemini: Emulator
) -> None:
    chain = robust.with_structured_output(Name)
    promote(records, "v2")
    clock.now += FRESH_FOR

    with (
        gemini.script({"name": "base"}, model="models/gemini-3.5-flash"),
        pytest.raises(AllModelsFailedError, match="sql-expert-v2"),
    ):
        chain.invoke("who?")  # "v2" is no JSON, and the version's guard wants a label
