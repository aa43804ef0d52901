"""What agents have besides tools: memory, people to ask, summaries, structured answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelRequest,
    ModelRetryMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    dynamic_prompt,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import BaseModel, field_validator

from langchain_tuned_gemini import (
    AllModelsFailedError,
    AnswerRefusedError,
    ChatTunedGemini,
    ContentBlockedError,
    FallbackChatModel,
    TunedGeminiFallbackMiddleware,
)
from langchain_tuned_gemini.emulator import Emulator, FunctionCall, ModelAnswer
from tests.conftest import NEXT_NUMBER, TUNED
from tests.integration_tests.agents.conftest import (
    ADVICE,
    BASES,
    OSLO,
    Run,
    ainvoke,
    answered_by,
    answers,
    asked,
    assert_valid,
    astream,
    every_way,
    invoke,
    scripted,
    weather,
)
from tests.runs import RunTrees
from tests.states import in_both_states

THREAD: Any = {"configurable": {"thread_id": "1"}}
both_ways = pytest.mark.parametrize("run", [invoke, ainvoke])


@pytest.fixture
def base() -> str:
    return "gemini-3.5-flash"


def break_if(gemini: Emulator, *, is_down: bool) -> None:
    if is_down:
        gemini.fault(model=TUNED, status=503)


# Memory


@every_way
@in_both_states
def test_a_conversation_is_remembered(
    is_down: bool, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent = create_agent(robust, checkpointer=InMemorySaver())
    break_if(gemini, is_down=is_down)

    run(agent, asked("7"), THREAD)
    state = run(agent, asked("8"), THREAD)

    assert_valid(state["messages"])
    assert [message.text for message in state["messages"]] == ["7", "8", "8", "9"]
    *_, last = [r.body for r in gemini.requests if r.body and "contents" in r.body]
    assert [turn["parts"][0]["text"] for turn in last["contents"][-3:]] == ["7", "8", "8"]


# People to ask


@both_ways
@in_both_states
@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"type": "approve"}, "It rains in Oslo."),
        (
            {"type": "edit", "edited_action": {"name": "weather", "args": {"city": "Bergen"}}},
            "It rains in Bergen.",
        ),
    ],
    ids=["approve", "edit"],
)
def test_a_tool_waits_for_a_human(
    decision: Any, told: str, is_down: bool, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    ask_me = HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    agent: Any = create_agent(robust, [weather], middleware=[ask_me], checkpointer=InMemorySaver())
    break_if(gemini, is_down=is_down)

    with scripted(gemini):
        paused = run(agent, asked(), THREAD)
        waiting = [task.interrupts for task in agent.get_state(THREAD).tasks]
        state = run(agent, Command(resume={"decisions": [decision]}), THREAD)

    assert [m.type for m in paused["messages"]] == ["human", "ai"]
    assert any(waiting)
    assert_valid(state["messages"])
    assert state["messages"][2].content.endswith(told)  # what was edited is noted before it
    expected = "base_fallback" if is_down else "tuned"
    assert [answered_by(message) for message in answers(state)] == [expected] * 2


@tool
def ask_somebody(question: str) -> str:
    """Ask somebody who knows."""
    return str(interrupt(question))


@both_ways
@in_both_states
def test_a_tool_may_interrupt_by_itself(
    is_down: bool, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust, [ask_somebody], checkpointer=InMemorySaver())
    break_if(gemini, is_down=is_down)

    with scripted(gemini, FunctionCall("ask_somebody", {"question": "Umbrella?"})):
        run(agent, asked(), THREAD)
        state = run(agent, Command(resume="It rains in Oslo."), THREAD)

    assert_valid(state["messages"])
    assert [m.text for m in state["messages"]][-2:] == ["It rains in Oslo.", ADVICE]


class AskWhom(AgentMiddleware[Any, Any, Any]):
    """Asks a human within the model's own node, before the model is called."""

    def wrap_model_call(self, request: ModelRequest[Any], handler: Any) -> Any:
        interrupt("May I?")
        return handler(request)

    async def awrap_model_call(self, request: ModelRequest[Any], handler: Any) -> Any:
        interrupt("May I?")
        return await handler(request)


@both_ways
@in_both_states
@pytest.mark.parametrize("is_first", [True, False])
def test_an_interrupt_within_the_models_node_goes_through_the_fallbacks_middleware(
    is_first: bool, is_down: bool, run: Run, tuned: ChatTunedGemini, base: str, gemini: Emulator
) -> None:
    swap = TunedGeminiFallbackMiddleware(base, examples=NEXT_NUMBER)
    both: list[Any] = [AskWhom(), swap] if is_first else [swap, AskWhom()]
    agent: Any = create_agent(tuned, middleware=both, checkpointer=InMemorySaver())
    break_if(gemini, is_down=is_down)

    paused = run(agent, asked("7"), THREAD)
    called = [r for r in gemini.requests if r.path.endswith("Content")]
    state = run(agent, Command(resume="yes"), THREAD)

    assert [pause.value for pause in paused["__interrupt__"]] == ["May I?"]
    assert called == []
    assert state["messages"][-1].text == "8"
    assert answered_by(state["messages"][-1]) == ("base_fallback" if is_down else "tuned")


# Summaries


@every_way
@in_both_states
def test_a_history_is_summarized_by_a_share_of_what_the_model_takes(
    is_down: bool, run: Run, tuned: ChatTunedGemini, base: str, gemini: Emulator
) -> None:
    """A tuned model's own profile is empty upstream, so that LangChain can't tell a share."""
    robust = tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER)
    limit = robust.profile["max_input_tokens"]  # type: ignore[index]
    summarize = SummarizationMiddleware(
        robust, trigger=("fraction", 20 / limit), keep=("messages", 1)
    )
    agent = create_agent(robust, middleware=[summarize], checkpointer=InMemorySaver())
    break_if(gemini, is_down=is_down)

    with gemini.script("They counted.", when="Messages to summarize"):
        for _ in range(3):
            state = run(agent, asked("17"), THREAD)

    assert_valid(state["messages"])
    assert "They counted." in state["messages"][0].text
    assert state["messages"][-1].text == "18"


@pytest.mark.parametrize("base_model", BASES)
def test_a_tuned_model_alone_can_summarize_by_a_share_once_its_base_is_known(
    base_model: str, gemini: Emulator
) -> None:
    tuned = ChatTunedGemini(
        model=TUNED, api_key="key", base_url=gemini.base_url, base_model=base_model
    )

    assert SummarizationMiddleware(tuned, trigger=("fraction", 0.5))


# Prompts and structured answers


@both_ways
@in_both_states
def test_a_prompt_that_is_made_for_each_call_reaches_whichever_model_answers(
    is_down: bool, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    @dynamic_prompt
    def prompt(request: ModelRequest[Any]) -> str:
        return f"Turn {len(request.messages)}."

    break_if(gemini, is_down=is_down)

    state = run(create_agent(robust, middleware=[prompt]), asked("7"))

    assert state["messages"][-1].text == "8"
    bodies = [r.body for r in gemini.requests if r.path.endswith("Content")]
    told = [body["systemInstruction"]["parts"][0]["text"] for body in bodies]
    assert all(text.startswith("Turn 1.") for text in told)


class Advice(BaseModel):
    """Advice to a traveller."""

    umbrella: bool


ADVISED = FunctionCall("Advice", {"umbrella": True})
FEW_STEPS: Any = {"recursion_limit": 6}


def robust_on(gemini: Emulator, **settings: Any) -> FallbackChatModel:
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=gemini.base_url)
    return tuned.with_few_shot_fallback("gemini-3.5-flash", examples=NEXT_NUMBER, **settings)


@both_ways
@pytest.mark.parametrize("is_known", [False, True], ids=["base unknown", "base known"])
@pytest.mark.parametrize("base_name", BASES)
@in_both_states
def test_tools_and_a_schema_go_together_on_every_base(
    is_down: bool, base_name: str, is_known: bool, run: Run, gemini: Emulator
) -> None:
    """By a tool call: Gemini before 3 refuses functions with a response schema."""
    known = {"base_model": base_name} if is_known else {}
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=gemini.base_url, **known)
    robust = tuned.with_few_shot_fallback(base_name, examples=NEXT_NUMBER)
    agent: Any = create_agent(robust, [weather], response_format=Advice)
    break_if(gemini, is_down=is_down)

    with scripted(gemini), gemini.script(ADVISED, when="It rains in"):
        state = run(agent, asked())

    assert state["structured_response"] == Advice(umbrella=True)
    assert_valid(state["messages"])
    for body in [r.body for r in gemini.requests if r.path.endswith("Content")]:
        assert "responseMimeType" not in body.get("generationConfig", {})


@both_ways
@in_both_states
def test_a_strategy_that_the_user_chose_is_kept(
    is_down: bool, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust, response_format=ProviderStrategy(Advice))
    break_if(gemini, is_down=is_down)

    with gemini.script({"umbrella": True}):
        state = run(agent, asked())

    assert state["structured_response"] == Advice(umbrella=True)
    bodies = [r.body for r in gemini.requests if r.path.endswith("Content")]
    assert bodies[-1]["generationConfig"]["responseMimeType"] == "application/json"


@both_ways
def test_a_schema_that_the_tuned_model_misses_is_asked_for_again_as_agents_do(
    run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust, response_format=Advice)
    wrong = FunctionCall("Advice", {"umbrella": "perhaps"})

    with gemini.script(wrong, ADVISED):
        state = run(agent, asked())

    assert state["structured_response"] == Advice(umbrella=True)
    assert_valid(state["messages"])


class Forecast(BaseModel):
    """What is to come."""

    umbrella: bool
    storm: bool


@pytest.mark.parametrize("run", [invoke, astream])
@pytest.mark.parametrize("tools", [[], [weather]], ids=["no tools", "tools"])
@pytest.mark.parametrize(
    ("schema", "said", "response"),
    [
        (Advice, '{"umbrella": true}', Advice(umbrella=True)),
        (Advice, '```json\n{"umbrella": true}\n```', Advice(umbrella=True)),
        (Advice.model_json_schema(), '{"umbrella": true}', {"umbrella": True}),
        (
            ToolStrategy(Advice | Forecast),
            '{"umbrella": true, "storm": false}',
            Forecast(umbrella=True, storm=False),
        ),
        (ToolStrategy(Forecast | Advice), '{"umbrella": true}', Advice(umbrella=True)),
    ],
    ids=["pydantic", "fenced", "json", "the second of two", "the one that it fits"],
)
def test_json_of_a_model_that_was_tuned_to_it_is_taken_for_the_call(
    schema: Any, said: str, response: Any, tools: list[Any], run: Run, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust_on(gemini), tools, response_format=schema)

    with gemini.script(said, model=TUNED):
        state = run(agent, asked(), FEW_STEPS)

    assert state["structured_response"] == response
    assert [answered_by(message) for message in answers(state)] == ["tuned"]
    assert_valid(state["messages"])


@pytest.mark.parametrize("run", [invoke, astream])
@pytest.mark.parametrize("tools", [[], [weather]], ids=["no tools", "tools"])
@pytest.mark.parametrize(
    "said",
    [
        "Take it along.",
        '{"umbrella": "perhaps"}',
        '{"umbrella": true',
        "{}",
        "[]",
        ModelAnswer(calls=[ADVISED], finish_reason="MAX_TOKENS"),
    ],
    ids=str,
)
def test_a_tuned_model_that_neither_calls_nor_fits_makes_way_for_the_base_model(
    said: Any, tools: list[Any], run: Run, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust_on(gemini), tools, response_format=Advice)

    with gemini.script(ADVISED), gemini.script(said, model=TUNED):
        state = run(agent, asked(), FEW_STEPS)

    assert state["structured_response"] == Advice(umbrella=True)
    assert [answered_by(message) for message in answers(state)] == ["base_fallback"]
    assert_valid(state["messages"])


class Party(BaseModel):
    """How many travel."""

    people: int

    @field_validator("people")
    @classmethod
    def _in_pairs(cls, people: int) -> int:
        if people % 2:
            raise ValueError("odd")
        return people


def party(people: int) -> FunctionCall:
    return FunctionCall("Party", {"people": people})


ODD = [f'{{"people": {number}}}' for number in range(1, 99, 2)]
"""Each fits the JSON schema: only the program's own code, and so the agent, knows better."""


@pytest.mark.parametrize("run", [invoke, astream])
@pytest.mark.parametrize("tools", [[], [weather]], ids=["no tools", "tools"])
@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ([ODD[0]], 1),
        ([party(3)], 1),
        ([ModelAnswer(calls=[party(2), party(4)])], 1),
        (ODD, 3),
    ],
    ids=["a text", "a call", "two calls at once", "a text that is ever different"],
)
def test_a_tuned_model_whose_answer_the_agent_has_refused_makes_way_for_the_base_model(
    said: list[Any], taken: int, tools: list[Any], run: Run, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust_on(gemini), tools, response_format=Party)

    with gemini.script(party(2)), gemini.script(*said, model=TUNED):
        state = run(agent, asked(), FEW_STEPS)

    assert state["structured_response"] == Party(people=2)
    by = [answered_by(message) for message in answers(state)]
    assert by == [*["tuned"] * taken, "base_fallback"]
    assert_valid(state["messages"])


def test_an_answer_that_was_refused_is_no_longer_so_in_the_next_turn(gemini: Emulator) -> None:
    agent: Any = create_agent(
        robust_on(gemini), response_format=Party, checkpointer=InMemorySaver()
    )

    with gemini.script(party(2), model=TUNED):
        agent.invoke(asked(), THREAD)
        state = agent.invoke(asked(), THREAD)

    assert [answered_by(message) for message in answers(state)] == ["tuned", "tuned"]


@pytest.mark.parametrize("run", [invoke, ainvoke, astream])
@pytest.mark.parametrize("tools", [[], [weather]], ids=["no tools", "tools"])
def test_json_of_a_tuned_model_without_a_fallback_is_taken_for_the_call(
    tools: list[Any], run: Run, tuned: ChatTunedGemini, gemini: Emulator
) -> None:
    agent: Any = create_agent(tuned, tools, response_format=Advice)

    with gemini.script('{"umbrella": true}', model=TUNED):
        state = run(agent, asked(), FEW_STEPS)

    assert state["structured_response"] == Advice(umbrella=True)
    assert_valid(state["messages"])


@pytest.mark.parametrize("run", [invoke, ainvoke, astream])
@pytest.mark.parametrize("tools", [[], [weather]], ids=["no tools", "tools"])
@pytest.mark.parametrize(
    "said",
    ["Take it along.", ODD[0], '{"people": 2', party(3), ModelAnswer(finish_reason="SAFETY")],
    ids=str,
)
def test_a_tuned_model_without_a_fallback_that_does_not_fit_ends_the_agent_with_an_error(
    said: Any, tools: list[Any], run: Run, tuned: ChatTunedGemini, gemini: Emulator
) -> None:
    agent: Any = create_agent(tuned, tools, response_format=Party)

    with (
        gemini.script(said, model=TUNED),
        pytest.raises((AnswerRefusedError, ContentBlockedError), match=TUNED),
    ):
        run(agent, asked(), FEW_STEPS)


@pytest.mark.parametrize("schema", [Advice, ProviderStrategy(Advice)], ids=["call", "text"])
def test_when_no_model_gives_an_agent_its_answer_it_ends_with_an_error(
    schema: Any, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust_on(gemini), response_format=schema)

    with (
        gemini.script('{"umbrella": tr'),
        pytest.raises(AllModelsFailedError, match="bad_output") as raised,
    ):
        agent.invoke(asked(), FEW_STEPS)

    assert all("can't be read as Advice" in str(error) for error in raised.value.exceptions)


@both_ways
def test_a_text_that_was_cut_off_is_no_answer_in_a_schema_that_the_provider_keeps(
    run: Run, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust_on(gemini), response_format=ProviderStrategy(Advice))

    with gemini.script({"umbrella": True}), gemini.script('{"umbrella": tr', model=TUNED):
        state = run(agent, asked())

    assert state["structured_response"] == Advice(umbrella=True)


@pytest.mark.parametrize("run", [invoke, astream])
def test_a_refusal_is_no_answer_in_a_schema_and_ends_the_agent(run: Run, gemini: Emulator) -> None:
    model = robust_on(gemini, on_blocked="message")
    agent: Any = create_agent(model, response_format=Advice)

    with gemini.fault(model=TUNED, blocked=True), pytest.raises(ContentBlockedError):
        run(agent, asked(), FEW_STEPS)


def test_a_call_that_somebody_else_runs_is_forced_on_nobody(gemini: Emulator) -> None:
    """Only an agent that waits for an answer in a schema tells its model to call any tool."""
    elsewhere = StructuredTool(name="show", description="Shows it.", args_schema=Advice)
    model = robust_on(gemini).bind_tools([elsewhere])

    with gemini.script('{"umbrella": true}', model=TUNED):
        answer = model.invoke("Do I need an umbrella?")

    assert (answer.text, answer.tool_calls) == ('{"umbrella": true}', [])


# Company


@both_ways
@in_both_states
def test_it_goes_with_the_middleware_that_langchain_brings(
    is_down: bool, run: Run, robust: FallbackChatModel, base: str, gemini: Emulator
) -> None:
    company: list[Any] = [
        ModelCallLimitMiddleware(run_limit=5),
        ToolCallLimitMiddleware(run_limit=5),
        PIIMiddleware("email"),
        ContextEditingMiddleware(),
        ModelRetryMiddleware(initial_delay=0, jitter=False),
        LLMToolSelectorMiddleware(model=robust, max_tools=1),
    ]
    agent = create_agent(robust, [weather, ask_somebody], middleware=company)
    break_if(gemini, is_down=is_down)

    selected: Any = {"tools": ["weather"]}  # asked of the base model: the tuned one misses it
    said = [selected, OSLO, selected] if is_down else [selected, selected]
    with scripted(gemini), gemini.script(*said, when="umbrella", model=f"models/{base}"):
        state = run(agent, asked())

    assert_valid(state["messages"])
    assert state["messages"][-1].text == ADVICE
    expected = "base_fallback" if is_down else "tuned"
    assert [answered_by(message) for message in answers(state)] == [expected] * 2


@both_ways
@in_both_states
def test_a_trace_shows_every_attempt_of_every_turn_and_tokens_are_counted_once(
    is_down: bool, run: Run, robust: FallbackChatModel, base: str, gemini: Emulator
) -> None:
    tracer = RunTrees()
    agent = create_agent(robust, [weather])
    break_if(gemini, is_down=is_down)

    with scripted(gemini), get_usage_metadata_callback() as usage:
        state = run(agent, asked(), {"callbacks": [tracer]})

    failed = [("chain", TUNED, True, [])] * 2 if is_down else []
    called = (
        "llm",
        "FallbackChatModel",
        False,
        [*failed, ("chain", base if is_down else TUNED, False, [])],
    )
    (tree,) = tracer.trees
    assert list(models_in(tree)) == [called, called]
    (name,) = usage.usage_metadata
    counted = [m.usage_metadata["total_tokens"] for m in answers(state) if m.usage_metadata]
    assert name == (base if is_down else TUNED)
    assert usage.usage_metadata[name]["total_tokens"] == sum(counted)


def models_in(tree: Any) -> Iterator[Any]:
    """The runs of models in a run tree."""
    kind, *_, children = tree
    if kind == "llm":
        yield tree
    else:
        for child in children:
            yield from models_in(child)


def test_the_answer_of_an_agent_says_who_gave_it(
    robust: FallbackChatModel, gemini: Emulator
) -> None:
    with gemini.fault(model=TUNED, status=503):
        state = create_agent(robust).invoke({"messages": [HumanMessage("7")]})

    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    assert last.response_metadata["tuned_gemini"]["reason"] == "overloaded"
