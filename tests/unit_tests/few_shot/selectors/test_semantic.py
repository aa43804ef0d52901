"""Examples that are selected by embeddings, and who stands in when those fail."""

import asyncio
import copy
import logging
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.messages import HumanMessage
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from langchain_google_genai import GoogleGenerativeAIEmbeddings

from langchain_tuned_gemini import (
    FewShotPrompt,
    FixedExampleSelector,
    ParameterError,
    SemanticExampleSelector,
    TuningDataset,
    TuningExample,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.few_shot.selectors.outages import outage_in
from langchain_tuned_gemini.runtime.deadline import Deadline

ROWS = TuningDataset(
    tuple(
        TuningExample(text, label)
        for text, label in [
            ("my card is lost", "lost"),
            ("i can't find my card", "lost"),
            ("a thief took my purse", "stolen"),
            ("top up by transfer", "top_up"),
            ("the top up failed", "top_up"),
            ("burglars were here", "stolen"),
        ]
    )
)
WORDS = ["card", "purse", "top", "transfer", "find", "lost", "failed"]


class WordEmbeddings(Embeddings):
    """A dimension for each of some words; fails as it is told to."""

    def __init__(self):
        self.errors = []
        self.embedded = []
        self.released = threading.Event()
        self.released.set()

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        assert self.released.wait(10)
        if self.errors:
            raise self.errors.pop()
        self.embedded.append(text)
        return [1e-3, *(float(word in text) for word in WORDS)]

    async def aembed_documents(self, texts):
        return [await self.aembed_query(text) for text in texts]

    async def aembed_query(self, text):
        await asyncio.to_thread(self.released.wait, 10)
        return self.embed_query(text)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def embeddings():
    return WordEmbeddings()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def selector(embeddings, clock):
    return SemanticExampleSelector(ROWS, InMemoryVectorStore(embeddings), k=3, clock=clock)


class Ways:
    """Both ways to choose, as one function."""

    @staticmethod
    def sync(selector, query):
        return selector.choose(query)

    @staticmethod
    def asynchronous(selector, query):
        return asyncio.run(selector.achoose(query))


every_way = pytest.mark.parametrize("choose", [Ways.sync, Ways.asynchronous])


def labels(choice):
    return [example.output for example in choice.examples]


@every_way
def test_the_nearest_come_first_and_each_label_before_a_second_example(choose, selector):
    choice = choose(selector, "lost card")

    assert choice.examples[0] == ROWS[0]
    assert labels(choice)[0] == "lost"
    assert sorted(labels(choice)) == ["lost", "stolen", "top_up"]
    assert choice.selector == "semantic"


@every_way
def test_labels_that_look_the_same_are_one(choose, embeddings):
    rows = [("lost card", "für"), ("my lost card", "fu\u0308r"), ("a thief", "stolen")] * 2
    store = InMemoryVectorStore(embeddings)

    selector = SemanticExampleSelector(rows, store, k=2, label_diverse=True)

    assert labels(choose(selector, "lost card"))[1] == "stolen"


@every_way
def test_without_labels_likeness_alone_counts(choose, embeddings):
    store = InMemoryVectorStore(embeddings)
    selector = SemanticExampleSelector(ROWS, store, k=2, label_diverse=False)

    assert labels(choose(selector, "find card lost")) == ["lost", "lost"]


@every_way
def test_examples_are_embedded_once(choose, selector, embeddings):
    for _ in range(3):
        choose(selector, "card")

    assert len(embeddings.embedded) == len(ROWS) + 3


def test_the_index_is_asked_ahead_of_the_first_query(selector, embeddings):
    FewShotPrompt(selector).build()

    assert sorted(embeddings.embedded) == sorted(row.text_input for row in ROWS)


@every_way
def test_what_a_store_has_from_an_earlier_time_is_not_embedded_again(choose, embeddings):
    store = InMemoryVectorStore(embeddings)
    store.add_texts(["a document of somebody else's about a card"])
    SemanticExampleSelector(ROWS[:3], store).build()
    embeddings.embedded.clear()

    choice = choose(SemanticExampleSelector(ROWS, store, k=9), "card")

    assert embeddings.embedded == [*(row.text_input for row in ROWS[3:]), "card"]
    assert set(choice.examples) == set(ROWS)


class WithoutIds(InMemoryVectorStore):
    """A store that can't say what it has."""

    def get_by_ids(self, ids, /):
        raise NotImplementedError


@every_way
def test_a_store_need_not_say_what_it_has(choose, embeddings):
    assert choose(SemanticExampleSelector(ROWS, WithoutIds(embeddings)), "purse").selector == (
        "semantic"
    )


@every_way
def test_a_store_that_was_emptied_is_filled_again(choose, selector, clock):
    choose(selector, "card")
    selector.vector_store.store.clear()

    assert choose(selector, "card").selector == "bm25"

    clock.now += 31
    assert choose(selector, "card").selector == "semantic"


async def test_an_added_example_is_found_by_both(selector, embeddings):
    selector.build()
    await selector.aadd_example({"text_input": "a transfer failed", "output": "transfer"})

    assert labels(selector.choose("transfer failed"))[0] == "transfer"
    embeddings.errors = [TimeoutError()]
    assert "transfer" in labels(selector.choose("transfer failed"))


def http_error(status):
    request = httpx.Request("POST", "https://example.com")
    return httpx.HTTPStatusError("x", request=request, response=httpx.Response(status))


class APIStatusError(Exception):
    """As OpenAI's client has it."""

    def __init__(self, status_code):
        self.status_code = status_code


def raised_from(cause):
    error = RuntimeError("the embeddings failed")
    error.__cause__ = cause
    return error


def raised_in_the_place_of(cause):
    """As Qdrant's client does, which names no cause."""

    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise RuntimeError("the client's own error")

    def fail():
        raise cause

    with pytest.raises(RuntimeError) as raised, Client():
        fail()
    return raised.value


OUTAGES = [
    (TimeoutError(), "timeout (TimeoutError)"),
    (ConnectionResetError(), "connection (ConnectionResetError)"),
    (httpx.ConnectError("x"), "connection (ConnectError)"),
    (http_error(503), "overloaded (HTTPStatusError, HTTP 503)"),
    (http_error(429), "quota (HTTPStatusError, HTTP 429)"),
    (http_error(401), "credentials (HTTPStatusError, HTTP 401)"),
    (APIStatusError(500), "APIStatusError, HTTP 500"),
    (raised_from(httpx.ReadTimeout("x")), "timeout (RuntimeError)"),
    (raised_in_the_place_of(httpx.ReadTimeout("x")), "timeout (RuntimeError)"),
    (raised_from(raised_from(APIStatusError(429))), "RuntimeError, HTTP 429"),
]


@pytest.mark.parametrize(("error", "why"), OUTAGES, ids=[why for _, why in OUTAGES])
@every_way
def test_in_an_outage_the_lexical_selector_stands_in_and_it_is_told(
    choose, selector, embeddings, caplog, error, why
):
    selector.build()
    embeddings.errors = [error]

    choice = choose(selector, "the top up")

    assert (labels(choice)[0], choice.selector) == ("top_up", "bm25")
    (told,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert f"can't be used: {why}. For 30 s they are selected by Lexical" in told.message


@pytest.mark.parametrize("bug", [KeyError("x"), TypeError("x"), raised_from(ValueError("x"))])
@every_way
def test_a_bug_is_raised(choose, selector, embeddings, bug):
    selector.build()
    embeddings.errors = [bug]

    with pytest.raises(type(bug)):
        choose(selector, "card")


def test_a_circle_of_causes_is_a_bug_all_the_same():
    one, other = ValueError("a"), ValueError("b")
    one.__cause__, other.__cause__ = other, one

    assert outage_in(one) is None


@every_way
def test_errors_of_a_store_can_be_named(choose, embeddings):
    store = InMemoryVectorStore(embeddings)
    selector = SemanticExampleSelector(ROWS, store, outages=(KeyError,))
    selector.build()
    embeddings.errors = [KeyError("no shard")]

    assert choose(selector, "card").selector == "bm25"


@every_way
def test_after_an_outage_the_store_is_left_alone_for_a_while(choose, selector, embeddings, clock):
    selector.build()
    embeddings.errors = [TimeoutError()]
    choose(selector, "card")

    clock.now = 29.9
    assert choose(selector, "card").selector == "bm25"
    assert "card" not in embeddings.embedded

    clock.now = 30.0
    assert choose(selector, "card").selector == "semantic"


@every_way
def test_examples_that_could_not_be_added_are_added_later(choose, selector, embeddings, clock):
    embeddings.errors = [ConnectionError()]
    selector.build()

    assert choose(selector, "card").selector == "bm25"
    clock.now = 31
    assert choose(selector, "card").selector == "semantic"


@every_way
def test_a_store_that_hangs_costs_no_more_than_the_timeout(choose, embeddings):
    store = InMemoryVectorStore(embeddings)
    selector = SemanticExampleSelector(ROWS, store, timeout=0.05)
    selector.build()
    embeddings.released.clear()

    try:
        assert choose(selector, "card").selector == "bm25"
    finally:
        embeddings.released.set()


class NotAsyncStore(InMemoryVectorStore):
    """As most stores are."""

    asimilarity_search = VectorStore.asimilarity_search


def test_a_store_that_hangs_keeps_no_thread_of_the_event_loop(embeddings):
    selector = SemanticExampleSelector(ROWS, NotAsyncStore(embeddings), timeout=0.05)
    selector.build()
    embeddings.released.clear()

    async def choose_and_go_on():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        choice = await selector.achoose("card")
        await asyncio.wait_for(asyncio.to_thread(labels, choice), 5)
        return choice

    choice = asyncio.run(choose_and_go_on())
    embeddings.released.set()

    assert choice.selector == "bm25"


def test_a_store_that_hangs_leaves_the_model_half_of_the_time(embeddings):
    selector = SemanticExampleSelector(ROWS, InMemoryVectorStore(embeddings), timeout=8.0)
    selector.build()
    embeddings.released.clear()

    began = time.monotonic()
    with Deadline(total=1.0):
        choice = selector.choose("card")
    took = time.monotonic() - began
    embeddings.released.set()

    assert choice.selector == "bm25"
    assert took < 4.0


async def test_examples_that_take_long_to_add_are_added_beside_the_queries(embeddings, clock):
    store = InMemoryVectorStore(embeddings)
    selector = SemanticExampleSelector(ROWS, store, timeout=0.05, clock=clock)
    embeddings.released.clear()

    assert (await selector.achoose("card")).selector == "bm25"
    embeddings.released.set()
    await selector._task

    clock.now = 31
    assert (await selector.achoose("card")).selector == "semantic"
    assert len(embeddings.embedded) == len(ROWS) + 1


async def test_a_cancelled_query_is_cancelled(selector, embeddings):
    selector.build()
    embeddings.released.clear()
    query = asyncio.create_task(selector.achoose("card"))
    await asyncio.sleep(0)

    query.cancel()

    with pytest.raises(asyncio.CancelledError):
        await query
    embeddings.released.set()
    assert not selector._outages.is_on


def test_a_hanging_store_does_not_keep_the_program_from_ending():
    code = (
        "import threading\n"
        "from langchain_core.embeddings import Embeddings\n"
        "from langchain_core.vectorstores import InMemoryVectorStore\n"
        "from langchain_tuned_gemini import SemanticExampleSelector\n"
        "class Hanging(Embeddings):\n"
        "    def embed_documents(self, texts): threading.Event().wait()\n"
        "    def embed_query(self, text): threading.Event().wait()\n"
        "store = InMemoryVectorStore(Hanging())\n"
        "print(SemanticExampleSelector([('1', '2')], store, timeout=0.05).choose('1').selector)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "bm25\n"


def test_another_selector_can_stand_in(embeddings):
    stand_in = FixedExampleSelector(ROWS, k=1)
    store = InMemoryVectorStore(embeddings)
    embeddings.errors = [TimeoutError()]

    choice = SemanticExampleSelector(ROWS, store, stand_in=stand_in).choose("purse")

    assert (labels(choice), choice.selector) == (["lost"], "fixed")


async def test_a_prompt_says_who_selected(selector, embeddings):
    prompt = FewShotPrompt(selector)
    prompt.build()

    assert prompt.select([HumanMessage("card")]).selector == "semantic"
    embeddings.errors = [TimeoutError()]
    assert (await prompt.aselect([HumanMessage("card")])).selector == "bm25"


def test_googles_own_embeddings_have_a_stand_in():
    """The emulator knows no embeddings, and answers 404, as for a model that is gone."""
    with Emulator() as gemini:
        embeddings = GoogleGenerativeAIEmbeddings(
            model="models/gemini-embedding-001", google_api_key="k", base_url=gemini.base_url
        )
        selector = SemanticExampleSelector(ROWS, InMemoryVectorStore(embeddings), k=1)

        assert labels(selector.choose("a purse")) == ["stolen"]
    gone = SemanticExampleSelector(ROWS, InMemoryVectorStore(embeddings), k=1)
    assert labels(gone.choose("a purse")) == ["stolen"]


def test_a_copy_selects_the_same():
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=4))
    selector = SemanticExampleSelector(ROWS, store, k=1)
    selector.build()

    for copied in (copy.copy(selector), copy.deepcopy(selector)):
        assert copied.choose(ROWS[2].text_input) == selector.choose(ROWS[2].text_input)
    selector.vector_store = None
    assert pickle.loads(pickle.dumps(selector)).dataset == ROWS


def test_a_timeout_of_nothing_is_refused(embeddings):
    with pytest.raises(ParameterError, match="more than 0, not 0"):
        SemanticExampleSelector(ROWS, InMemoryVectorStore(embeddings), timeout=0)
