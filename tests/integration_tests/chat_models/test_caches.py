"""Chat models under an LLM cache: an answer is found again by whoever would get it, and nobody else."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.example_selectors import LengthBasedExampleSelector
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import PromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini import (
    AllModelsFailedError,
    ChatTunedGemini,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    OneOf,
    init_tuned_gemini,
)
from langchain_tuned_gemini.chat_models.system_prompt import SystemPromptChatModel
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.few_shot.selectors import FixedExampleSelector, LexicalExampleSelector
from langchain_tuned_gemini.registry.alias_resolver import FRESH_FOR
from langchain_tuned_gemini.testing import ScriptedChatModel

KEY = "not-a-real-key-1234"
BASE = "gemini-3.5-flash"
ROWS = [("a", "b"), ("c", "d")]
RECORDS = """
[fam]
fallback = { base_model = "gemini-3.5-flash", k = 1 }

[fam.versions.v1]
model = "tunedModels/fam-v1"
dataset = { path = "rows.jsonl" }

[fam.versions.v2]
model = "tunedModels/fam-v2"
dataset = { path = "rows.jsonl" }

[fam.aliases]
production = "%s"
"""


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Production:
    """An alias of two versions, each of which says its own name."""

    def __init__(self, folder: Path, gemini: Emulator) -> None:
        self.clock, self.gemini = Clock(), gemini
        self._path = folder / "tuned-models.toml"
        (folder / "rows.jsonl").write_text('{"text_input": "a", "output": "b"}', encoding="utf-8")
        for version in ("v1", "v2"):
            gemini.add_tuned_model(f"tunedModels/fam-{version}", examples=[("who?", version)])
        self.is_now("v1")

    def is_now(self, version: str) -> None:
        self._path.write_text(RECORDS % version, encoding="utf-8")
        self.clock.now += 2 * FRESH_FOR

    @property
    def given(self) -> dict[str, Any]:
        where = {"records": str(self._path), "base_url": self.gemini.base_url}
        return {**where, "api_key": KEY, "clock": self.clock}


@pytest.fixture(autouse=True)
def cache() -> Iterator[InMemoryCache]:
    kept = InMemoryCache()
    set_llm_cache(kept)
    yield kept
    set_llm_cache(None)


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def production(tmp_path: Path, gemini: Emulator) -> Production:
    return Production(tmp_path, gemini)


def alone(given: dict[str, Any]) -> BaseChatModel:
    return ChatTunedGemini(model="fam@production", **given)


def wrapped(given: dict[str, Any]) -> BaseChatModel:
    return SystemPromptChatModel(wrapped=alone(given), system_prompt="Be brief.")


def within_two(given: dict[str, Any]) -> BaseChatModel:
    return SystemPromptChatModel(wrapped=wrapped(given), system_prompt="Be kind.")


def by_hand(given: dict[str, Any]) -> BaseChatModel:
    return FallbackChatModel(models=[alone(given), ScriptedChatModel(answers=["base"])])


def recorded(given: dict[str, Any]) -> BaseChatModel:
    return init_tuned_gemini("fam@production", **given)


MODELS = (alone, wrapped, within_two, by_hand, recorded)
CALLS: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda model: model.invoke("who?"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("who?")),
    "batch": lambda model: model.batch(["who?"])[0],
    "abatch": lambda model: asyncio.run(model.abatch(["who?"]))[0],
    "bound": lambda model: model.bind(temperature=0.1).invoke("who?"),
}


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_alias_that_has_moved_gets_no_kept_answer_of_another_version(
    build: Callable[[dict[str, Any]], BaseChatModel],
    call: Callable[[BaseChatModel], Any],
    production: Production,
) -> None:
    model = build(production.given)
    said = []
    for version in ("v1", "v2", "v1"):
        production.is_now(version)
        said += [call(model).text, call(model).text]

    assert said == ["v1", "v1", "v2", "v2", "v1", "v1"]
    asked = [one for one in production.gemini.requests if one.path.endswith(":generateContent")]
    assert len(asked) == 2  # the rest was kept


def tuned(**other: Any) -> ChatTunedGemini:
    given = {"model": "tunedModels/t", "api_key": KEY, "base_url": "http://127.0.0.1:9"}
    return ChatTunedGemini(**{**given, **other})


def shown(rows: Any = ROWS, wrapped: BaseChatModel | None = None, **other: Any) -> FewShotChatModel:
    wrapped = wrapped or ChatGoogleGenerativeAI(model=BASE, api_key=KEY)
    return FewShotChatModel(wrapped=wrapped, prompt=FewShotPrompt(rows, **other))


def stand_in(model: ChatTunedGemini, rows: Any = ROWS) -> BaseChatModel:
    return model.with_few_shot_fallback(BASE, examples=rows).models[1]


def question(messages: Any) -> str:
    return str(messages[0].text)


def on_vertex(project: str, location: str = "us-central1") -> ChatTunedGemini:
    return tuned(model=f"projects/{project}/locations/{location}/endpoints/42")


DIFFERENT: dict[str, tuple[BaseChatModel, BaseChatModel]] = {
    "tuned model": (tuned(), tuned(model="tunedModels/other")),
    "key": (tuned(), tuned(api_key="another-key-5678")),
    "service": (tuned(), tuned(base_url="http://127.0.0.1:10")),
    "project": (on_vertex("one"), on_vertex("two")),
    "location": (on_vertex("one"), on_vertex("one", "europe-west4")),
    "temperature": (tuned(temperature=0.1), tuned(temperature=0.2)),
    "task": (tuned(task="strict"), tuned()),
    "thinking": (tuned(thinking_budget=5), tuned(thinking_budget=6)),
    "system instruction": (tuned(system_instruction="a"), tuned(system_instruction="b")),
    "system prompt": (
        SystemPromptChatModel(wrapped=tuned(), system_prompt="a"),
        SystemPromptChatModel(wrapped=tuned(), system_prompt="b"),
    ),
    "system prompt or none": (SystemPromptChatModel(wrapped=tuned(), system_prompt="a"), tuned()),
    "an example's answer": (shown(), shown([("a", "b"), ("c", "e")])),
    "order of examples": (
        shown(FixedExampleSelector(ROWS, k=1)),
        shown(FixedExampleSelector(ROWS[::-1], k=1)),
    ),
    "number of examples": (shown(k=1), shown(k=2)),
    "number that is selected": (
        shown(LexicalExampleSelector(ROWS, k=1)),
        shown(LexicalExampleSelector(ROWS, k=2)),
    ),
    "selector": (shown(FixedExampleSelector(ROWS)), shown(LexicalExampleSelector(ROWS))),
    "room for examples": (shown(max_tokens=50), shown(max_tokens=500)),
    "form": (shown(), shown(form="block")),
    "words about the examples": (shown(instruction="Like these:"), shown()),
    "place of the question": (shown(query="Question:"), shown(query="Q:")),
    "examples or none": (shown(wrapped=tuned()), tuned()),
    "base model": (shown(), shown(wrapped=ChatGoogleGenerativeAI(model="other", api_key=KEY))),
    "base model's temperature": (
        shown(),
        shown(wrapped=ChatGoogleGenerativeAI(model=BASE, api_key=KEY, temperature=0.3)),
    ),
    "a base model that can't be written down": (
        shown(wrapped=ScriptedChatModel(name="a", answers=["x"])),
        shown(wrapped=ScriptedChatModel(name="b", answers=["x"])),
    ),
    "project of the stand-in": (stand_in(on_vertex("one")), stand_in(on_vertex("two"))),
    "examples of the stand-in": (stand_in(tuned()), stand_in(tuned(), [("a", "z")])),
    "temperature of the stand-in": (stand_in(tuned()), stand_in(tuned(temperature=0.3))),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_an_answer_depends_on_is_in_the_name_it_is_kept_under(
    one: BaseChatModel, other: BaseChatModel
) -> None:
    assert one._get_llm_string() != other._get_llm_string()


EQUAL: dict[str, Callable[[], BaseChatModel]] = {
    "tuned": tuned,
    "on Vertex AI": lambda: on_vertex("one"),
    "with examples": shown,
    "with a question's function": lambda: shown(query=question),
    "the stand-in": lambda: stand_in(tuned(system_instruction="Be brief.")),
}


@pytest.mark.parametrize("build", EQUAL.values(), ids=EQUAL)
def test_an_equal_model_of_another_process_finds_the_same_answers(
    build: Callable[[], BaseChatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)

    assert build()._get_llm_string(stop=["."]) == build()._get_llm_string(stop=["."])


def test_an_unpickled_model_finds_the_answers_of_the_original(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    robust = tuned().with_few_shot_fallback(BASE, examples=ROWS)

    other = pickle.loads(pickle.dumps(robust))  # our own

    names = [[model._get_llm_string() for model in each.models] for each in (robust, other)]
    assert names[0] == names[1]


UNKNOWN: dict[str, Callable[[], BaseChatModel]] = {
    "a selector of another package": lambda: shown(
        LengthBasedExampleSelector(
            examples=[{"text_input": "a", "output": "b"}],
            example_prompt=PromptTemplate.from_template("{text_input}"),
        )
    ),
    "a function without a name": lambda: shown(query=lambda messages: question(messages[-1:])),
}


@pytest.mark.parametrize("build", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told_apart_is_never_found_again(
    build: Callable[[], BaseChatModel],
) -> None:
    model = build()

    assert model._get_llm_string() != model._get_llm_string()


def test_an_example_that_is_added_gives_new_answers() -> None:
    selector = LexicalExampleSelector(ROWS)
    model = shown(selector)
    before = model._get_llm_string()

    selector.add_example({"text_input": "e", "output": "f"})

    assert model._get_llm_string() != before


def test_a_name_shows_nothing_that_is_secret() -> None:
    model = tuned(base_url="http://me:a-password@127.0.0.1:9")
    names = [one._get_llm_string(labels={"a": "b"}) for one in (model, stand_in(model))]

    assert not any(secret in name for name in names for secret in (KEY, "a-password"))


class Promoting(InMemoryRateLimiter):
    """Moves the alias between the look into the cache and the call, once."""

    def __init__(self, production: Production) -> None:
        super().__init__(requests_per_second=1e6)
        self._production: Production | None = production

    def acquire(self, *, blocking: bool = True) -> bool:
        if self._production is not None:
            self._production.is_now("v2")
            self._production = None
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


@pytest.mark.parametrize("build", [alone, wrapped, by_hand])
@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_an_answer_during_which_the_alias_moved_is_not_kept_for_either_version(
    how: str, build: Callable[[dict[str, Any]], BaseChatModel], production: Production
) -> None:
    model = build({**production.given, "rate_limiter": Promoting(production)})
    said = [CALLS[how](model).text]
    production.is_now("v1")

    said.append(CALLS[how](model).text)

    assert said == ["v2", "v1"]


def answer(text: str, end: str = "STOP") -> AIMessage:
    return AIMessage(text, response_metadata={"finish_reason": end})


BAD = {"empty": answer(""), "cut": answer("ye", "MAX_TOKENS"), "no label": answer("perhaps")}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_an_answer_that_a_guard_refuses_is_not_kept(how: str, bad: AIMessage) -> None:
    first = ScriptedChatModel(name="tuned", answers=[bad, answer("yes")])
    second = ScriptedChatModel(name="base", answers=[answer("no")])
    model = FallbackChatModel(models=[first, second], guards=[OneOf(["yes", "no"])])

    said = [CALLS[how](model) for _ in range(3)]

    assert [one.text for one in said] == ["no", "yes", "yes"]
    assert len(first.calls) == 2  # the third answer was kept


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_bad_answer_of_the_last_model_leaves_nobody_without_an_answer_for_good(how: str) -> None:
    down = ScriptedChatModel(name="tuned", answers=[TimeoutError(), TimeoutError()])
    last = ScriptedChatModel(name="base", answers=[answer(""), answer("yes")])
    model = FallbackChatModel(models=[down, last], circuit_breaker=False, retry_budget=False)
    with pytest.raises(AllModelsFailedError):
        CALLS[how](model)

    assert CALLS[how](model).text == "yes"


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_kept_answer_that_the_guards_of_another_model_refuse_is_asked_anew(how: str) -> None:
    first = ScriptedChatModel(name="tuned", answers=[answer("perhaps"), answer("yes")])
    free = FallbackChatModel(models=[first])
    strict = FallbackChatModel(models=[first], guards=[OneOf(["yes", "no"])])

    assert [CALLS[how](free).text, CALLS[how](strict).text] == ["perhaps", "yes"]


def test_what_cannot_be_told_apart_leaves_nothing_in_the_cache(cache: InMemoryCache) -> None:
    base = ScriptedChatModel(answers=["b", "d"])
    model = shown(wrapped=base, query=lambda messages: question(messages[-1:]))

    assert [model.invoke("a").text, model.invoke("a").text] == ["b", "d"]
    assert not cache._cache


def test_a_fallback_model_names_its_examples_in_a_key_of_its_own(emulator: Emulator) -> None:
    tuned = ChatTunedGemini(model="tunedModels/x", api_key="k", base_url=emulator.base_url)
    one, same, other = (
        tuned.with_few_shot_fallback(
            "gemini-3.5-flash", examples=[{"text_input": "a", "output": output}]
        )
        for output in ("b", "b", "c")
    )

    assert one._get_llm_string() == same._get_llm_string() != other._get_llm_string()
