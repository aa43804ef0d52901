"""What a few-shot prompt makes of a conversation."""

import copy
import pickle
import re
import typing

import pytest
from hypothesis import given, strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.example_selectors import (
    BaseExampleSelector,
    LengthBasedExampleSelector,
    SemanticSimilarityExampleSelector,
)
from langchain_core.exceptions import ModelAPIError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import ConfigurableField
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import Field, ValidationError

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.errors import DatasetError, ParameterError
from langchain_tuned_gemini.few_shot import DEFAULT_INSTRUCTION, FewShotPrompt, question_of
from langchain_tuned_gemini.few_shot.selectors import FixedExampleSelector, LexicalExampleSelector

CAPITALS = [
    {"text_input": "The capital of France?", "output": "Paris"},
    {"text_input": "The capital of Spain?", "output": "Madrid"},
    {"text_input": "The capital of Norway?", "output": "Oslo"},
]
SYSTEM = SystemMessage("Be brief.")
QUESTION = HumanMessage("And the capital of Norway?", id="q")
SPAIN, NORWAY = (
    [("human", row["text_input"]), ("ai", row["output"])] for row in (CAPITALS[1], CAPITALS[2])
)
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


def shown(messages):
    return [(message.type, message.content) for message in messages]


@pytest.fixture
def prompt():
    return FewShotPrompt(CAPITALS, k=1)


def test_a_text_gets_instruction_examples_and_itself(prompt):
    assert shown(prompt.invoke("Norway?")) == [
        ("system", DEFAULT_INSTRUCTION),
        *NORWAY,
        ("human", "Norway?"),
    ]


CALL = AIMessage("", tool_calls=[{"name": "atlas", "args": {"of": "Norway"}, "id": "1"}])
ANSWER = ToolMessage("Spain Spain Spain", tool_call_id="1")
CONVERSATIONS = {
    "a question": ([QUESTION], NORWAY),
    "a chat": ([HumanMessage("Spain?"), AIMessage("Madrid"), QUESTION], NORWAY),
    "a greeting first": ([AIMessage("Spain?"), QUESTION], NORWAY),
    "in the middle of tool calls": ([QUESTION, CALL, ANSWER], NORWAY),
    "a tool call in the past": ([QUESTION, CALL, ANSWER, HumanMessage("Spain?")], SPAIN),
    "a late system message": ([QUESTION, SystemMessage("Spain?")], NORWAY),
    "a picture with words": ([HumanMessage([PICTURE, {"type": "text", "text": "Norway"}])], NORWAY),
    "a picture after the question": ([QUESTION, HumanMessage([PICTURE])], NORWAY),
}


@pytest.mark.parametrize(("conversation", "examples"), CONVERSATIONS.values(), ids=CONVERSATIONS)
@pytest.mark.parametrize("system", [[], [SYSTEM], [SYSTEM, SystemMessage("Be kind.")]])
def test_examples_come_after_the_system_messages_and_before_all_else(
    prompt, system, conversation, examples
):
    messages = prompt.invoke([*system, *conversation])

    told = max(len(system), 1)
    assert [message.type for message in messages[:told]] == ["system"] * told
    assert shown(messages[told : told + 2]) == examples
    assert all(new is old for new, old in zip(messages[told + 2 :], conversation, strict=True))


def test_the_instruction_follows_the_users_own_system_messages(prompt):
    kind = SystemMessage("Be kind.", id="s", name="kind")

    brief, kind_and_told, *_ = prompt.invoke([SYSTEM, kind, QUESTION])

    assert brief is SYSTEM
    assert kind_and_told.content == f"Be kind.\n\n{DEFAULT_INSTRUCTION}"
    assert (kind_and_told.id, kind_and_told.name) == ("s", "kind")
    assert kind.content == "Be kind."


def test_a_system_message_of_parts_gets_one_more():
    parts = [{"type": "text", "text": "Be brief."}]

    system, *_ = FewShotPrompt(CAPITALS, instruction="Go.").invoke([SystemMessage(parts), QUESTION])

    assert system.content == [*parts, {"type": "text", "text": "Go."}]
    assert len(parts) == 1


@pytest.mark.parametrize("instruction", [None, ""])
def test_without_an_instruction_the_system_message_stays(instruction):
    prompt = FewShotPrompt(CAPITALS, k=1, instruction=instruction)

    assert prompt.invoke([SYSTEM, QUESTION])[0] is SYSTEM
    assert shown(prompt.invoke([QUESTION])) == [*NORWAY, ("human", QUESTION.content)]


def test_a_system_message_that_looks_like_what_would_be_told_is_enough():
    rows = [
        TuningExample(row["text_input"], row["output"], system_instruction=instruction)
        for row, instruction in zip(
            CAPITALS, ["Für Kürze.", "Fu\u0308r Ku\u0308rze."] * 2, strict=False
        )
    ]
    prompt = FewShotPrompt(rows, instruction="Nichts übrig.")

    told, *_ = prompt.invoke([QUESTION])
    said = [SystemMessage("Für Kürze.\ufeff"), SystemMessage("Nichts u\u0308brig.")]

    assert told.content.count("rze.") == 1
    assert prompt.invoke([*said, QUESTION])[:2] == said


def test_a_block_stands_at_the_end_of_the_system_message():
    prompt = FewShotPrompt(CAPITALS, k=2, form="block", instruction="Like this:")

    system, question = prompt.invoke([SYSTEM, QUESTION])

    assert question is QUESTION
    assert system.content.split("\n") == [
        "Be brief.",
        "",
        "Like this:",
        "",
        "Input: The capital of Norway?",
        "Output: Oslo",
        "",
        "Input: The capital of Spain?",
        "Output: Madrid",
    ]


def test_a_block_needs_no_instruction():
    prompt = FewShotPrompt(CAPITALS, k=1, form="block", instruction=None)

    assert prompt.invoke("Norway")[0].content == "Input: The capital of Norway?\nOutput: Oslo"


@pytest.mark.parametrize("marker", ["Output: b", "output:b", "  INPUT : b", "\n\n\tInput:\n"])
def test_no_example_in_a_block_can_start_another_one(marker):
    evil = {"text_input": f"a\n{marker}", "output": f"d\n{marker}"}
    prompt = FewShotPrompt([evil], form="block", instruction=None)

    text = prompt.invoke("a")[0].content

    labels = re.findall(r"^\s*((?:input|output)\s*:.*)", text, re.IGNORECASE | re.MULTILINE)
    assert labels == ["Input: a", "Output: d"]
    assert text.count("\n> ") == 2


@pytest.mark.parametrize("form", ["turns", "block"])
@pytest.mark.parametrize("text", ["{x}", "{", "}", "{{x}}", "{0!r:>{w}}", "%s", "${x}", "{% x %}"])
def test_a_brace_is_a_brace(form, text):
    prompt = FewShotPrompt([{"text_input": text, "output": text}], form=form)

    messages = prompt.invoke([SystemMessage(text), HumanMessage(text)])

    assert sum(message.content.count(text) for message in messages) == 4


roles = st.sampled_from([HumanMessage, AIMessage, SystemMessage])
conversations = st.lists(st.builds(lambda role, text: role(text), roles, st.text()))


@given(conversations, st.sampled_from(["turns", "block"]))
def test_no_message_is_lost_changed_or_moved(conversation, form):
    prompt = FewShotPrompt(CAPITALS, k=2, form=form)

    messages = prompt.invoke(conversation)

    turns = 4 if form == "turns" else 0
    leading = next((i for i, m in enumerate(conversation) if m.type != "system"), len(conversation))
    told = max(leading, 1)
    assert len(messages) == len(conversation) - leading + told + turns
    assert messages[told + turns :] == conversation[leading:]
    for new, old in zip(messages, conversation[:leading], strict=False):
        assert new.content.startswith(old.content)


@pytest.mark.parametrize(
    ("messages", "query"),
    [
        ([], ""),
        ([SYSTEM, AIMessage("hello")], ""),
        ([HumanMessage("one"), AIMessage("two")], "one"),
        ([HumanMessage("one"), HumanMessage(" ")], "one"),
        ([HumanMessage(["a", {"type": "text", "text": "b"}, PICTURE])], "ab"),
    ],
)
def test_the_query_is_the_last_human_text(messages, query):
    assert question_of(messages) == query


def test_a_conversation_without_a_question_gets_the_first_examples(prompt):
    assert shown(prompt.invoke([SYSTEM, AIMessage("Hello!")]))[1:] == [
        ("human", "The capital of France?"),
        ("ai", "Paris"),
        ("ai", "Hello!"),
    ]


async def test_all_kinds_of_input_and_both_colours_give_the_same(prompt):
    template = ChatPromptTemplate.from_messages([("human", "{question}")])
    expected = prompt.invoke("Norway?")

    assert prompt.invoke([("human", "Norway?")]) == expected
    assert prompt.invoke(template.invoke({"question": "Norway?"})) == expected
    assert (template | prompt).invoke({"question": "Norway?"}) == expected
    assert prompt.batch(["Norway?", "Spain?"])[0] == expected
    assert list(prompt.stream("Norway?")) == [expected]
    assert await prompt.ainvoke("Norway?") == expected
    assert await prompt.abatch(["Norway?"]) == [expected]


@pytest.mark.parametrize("wrong", [None, 7, {"messages": [QUESTION]}, QUESTION])
def test_what_is_no_input_of_a_chat_model_is_refused(prompt, wrong):
    with pytest.raises(ParameterError, match=f"not {type(wrong).__name__}"):
        prompt.invoke(wrong)


def test_a_selection_says_which_examples_and_who_selected_them(prompt):
    selection = prompt.select([QUESTION])

    assert selection.examples == (TuningExample("The capital of Norway?", "Oslo"),)
    assert selection.as_dict() == {
        "examples": 1,
        "selector": "bm25",
        "tokens": 7 + 32,
        "dropped": 0,
    }
    assert FewShotPrompt(FixedExampleSelector(CAPITALS)).select([]).as_dict() == {
        "examples": 3,
        "selector": "fixed",
        "tokens": 23 + 32,
        "dropped": 0,
    }


@pytest.mark.parametrize(
    ("text", "tokens"), [("abcd" * 10, 10), ("a", 1), ("資料庫" * 10, 23), ("Привет", 3)]
)
def test_tokens_are_estimated_from_bytes(text, tokens):
    prompt = FewShotPrompt([{"text_input": text, "output": "x"}], instruction=None)

    assert prompt.select([]).tokens == tokens + 1


def test_eight_examples_are_the_default_for_a_dataset():
    rows = [{"text_input": f"question {n}", "output": f"answer {n}"} for n in range(20)]

    assert len(FewShotPrompt(rows).select([QUESTION]).examples) == 8
    assert len(FewShotPrompt(rows, k=12).select([QUESTION]).examples) == 12


def test_a_selector_brings_its_own_number_which_k_only_caps():
    selector = LexicalExampleSelector(CAPITALS, k=2)

    assert len(FewShotPrompt(selector).select([QUESTION]).examples) == 2
    assert len(FewShotPrompt(selector, k=9).select([QUESTION]).examples) == 2
    assert FewShotPrompt(selector, k=1).select([QUESTION]).examples == (
        TuningExample("The capital of Norway?", "Oslo"),
    )


async def test_any_selector_of_langchain_can_select():
    semantic = SemanticSimilarityExampleSelector.from_examples(
        CAPITALS, DeterministicFakeEmbedding(size=16), InMemoryVectorStore, k=1
    )
    by_length = LengthBasedExampleSelector(
        examples=CAPITALS,
        example_prompt=PromptTemplate.from_template("{text_input} {output}"),
        max_length=16,
    )

    for selector, examples in ((semantic, 1), (by_length, 2)):
        prompt = FewShotPrompt(selector)
        name = type(selector).__name__
        selection = await prompt.aselect([QUESTION])
        assert selection == prompt.select([QUESTION])
        assert (len(selection.examples), selection.selector) == (examples, name)
        assert len(await prompt.ainvoke([QUESTION])) == 2 + 2 * examples


class GivenExamples(BaseExampleSelector):
    """A selector of a user's own."""

    def __init__(self, *examples):
        self.examples = examples

    def add_example(self, example):
        self.examples = (*self.examples, example)

    def select_examples(self, input_variables):
        return list(self.examples)


class AwaitedExamples(GivenExamples):
    """A selector that needs the network, so that it must not be called from an event loop."""

    async def aselect_examples(self, input_variables):
        return [{"text_input": input_variables["text_input"], "output": "awaited"}]


async def test_async_calls_use_the_selectors_asynchronous_method():
    prompt = FewShotPrompt(AwaitedExamples(CAPITALS[0]), instruction=None)

    assert shown(await prompt.ainvoke("Norway?"))[1] == ("ai", "awaited")
    assert shown(prompt.invoke("Norway?"))[1] == ("ai", "Paris")


def test_a_selector_that_selects_nothing_changes_nothing():
    prompt = FewShotPrompt(GivenExamples())

    assert prompt.invoke([SYSTEM, QUESTION]) == [SYSTEM, QUESTION]
    assert prompt.select([QUESTION]).as_dict() == {
        "examples": 0,
        "selector": "GivenExamples",
        "tokens": 0,
        "dropped": 0,
    }


def test_a_selector_of_other_fields_is_told_which_are_needed():
    prompt = FewShotPrompt(GivenExamples(CAPITALS[0], {"input": "1", "output": "2"}))

    with pytest.raises(DatasetError, match=r"GivenExamples:2: field 'text_input': .* 'input'"):
        prompt.invoke("Norway?")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"examples": []}, DatasetError),
        ({"examples": "missing.jsonl"}, DatasetError),
        ({"examples": None}, ParameterError),
        ({"examples": CAPITALS, "k": 0}, ParameterError),
        ({"examples": GivenExamples(), "k": 0}, ParameterError),
        ({"examples": GivenExamples(), "k": "8"}, ParameterError),
        ({"examples": CAPITALS, "k": "8"}, ParameterError),
        ({"examples": CAPITALS, "k": True}, ParameterError),
        ({"examples": CAPITALS, "k": 2.5}, ParameterError),
        ({"examples": CAPITALS, "max_tokens": "100"}, ParameterError),
        ({"examples": CAPITALS, "form": "story"}, ValidationError),
        ({"examples": CAPITALS, "K": 1}, TypeError),
    ],
)
def test_wrong_parameters_are_refused_at_once(arguments, error):
    with pytest.raises(error):
        FewShotPrompt(**arguments)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_copy_gives_the_same(prompt, copied):
    assert copied(prompt).invoke([SYSTEM, QUESTION]) == prompt.invoke([SYSTEM, QUESTION])


def test_a_repr_holds_no_data(prompt):
    assert "Paris" not in repr(prompt)
    assert "3 examples from 'examples'" in repr(prompt)


def test_the_form_can_be_configured_for_a_call(prompt):
    configurable = prompt.configurable_fields(form=ConfigurableField("form"))

    assert len(configurable.invoke("Norway?")) == 4
    assert len(configurable.invoke("Norway?", {"configurable": {"form": "block"}})) == 2


@pytest.mark.parametrize("name", ["__init__", "invoke", "ainvoke", "select", "aselect", "insert"])
def test_type_hints_resolve(name):
    assert typing.get_type_hints(getattr(FewShotPrompt, name))


class ScriptedModel(BaseChatModel):
    """Remembers what it was asked, and answers or fails."""

    answer: str | None = None
    asked: list[typing.Any] = Field(default_factory=list)

    @property
    def _llm_type(self):
        return "scripted"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append(messages)
        if self.answer is None:
            raise ModelAPIError("503")
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.answer))])


class RunTypes(BaseCallbackHandler):
    """Collects the kinds of the runs that a trace would show."""

    def __init__(self):
        self.seen = []

    def on_chain_start(self, serialized, inputs, *, run_type=None, **kwargs):
        self.seen.append(run_type)


async def test_it_prepares_the_fallback_of_a_plain_chain(prompt):
    tuned, base = ScriptedModel(), ScriptedModel(answer="Oslo")
    robust = tuned.with_fallbacks([prompt | base])
    runs = RunTypes()

    assert robust.invoke("Norway?", {"callbacks": [runs]}, stop=["\n"]).content == "Oslo"
    assert (await robust.ainvoke("Norway?")).content == "Oslo"
    assert "".join(chunk.text for chunk in robust.stream("Norway?")) == "Oslo"
    assert [answer.content for answer in robust.batch(["Norway?", "Norway?"])] == ["Oslo", "Oslo"]

    assert all(shown(messages) == [("human", "Norway?")] for messages in tuned.asked)
    assert all(messages == prompt.invoke("Norway?") for messages in base.asked)
    assert len(base.asked) == 5
    assert "prompt" in runs.seen
