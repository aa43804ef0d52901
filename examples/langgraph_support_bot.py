"""A support bot as a graph: a tuned model sorts messages, and a human is asked for emergencies.

The tuned model was trained on five labels. A guard takes nothing else for an answer, and for the
base model the examples are chosen so that each likely label is among them.

On Google: python examples/langgraph_support_bot.py tunedModels/... or projects/.../endpoints/...
"""

from __future__ import annotations

from typing import Any, Literal

from _local import DATA, tuned_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from langchain_tuned_gemini import OneOf

TRAIN = DATA / "support_tickets_train.jsonl"
REPLIES = {
    "billing": "We check your bill and write to you within a day.",
    "damage": "Thank you! Please take another bike, this ride is free.",
    "lock": "We open the lock from here. Please try again in a minute.",
    "account": "You can change that in the app, under Settings.",
}


class Support(MessagesState):
    """A conversation, and what it is about."""

    label: str
    model: str


def graph_of(model: BaseChatModel) -> Any:
    """Sorts a message, and answers it or asks a human to."""

    def sort(state: Support) -> dict[str, str]:
        answer = model.invoke([state["messages"][-1]])
        said = answer.response_metadata["tuned_gemini"]
        return {"label": answer.text.strip(), "model": said["model"]}

    def reply(state: Support) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(REPLIES[state["label"]])]}

    def ask_human(state: Support) -> dict[str, list[AIMessage]]:
        told = interrupt(state["messages"][-1].text)
        return {"messages": [AIMessage(told)]}

    def who_answers(state: Support) -> Literal["ask_human", "reply"]:
        return "ask_human" if state["label"] == "emergency" else "reply"

    graph = StateGraph(Support)
    graph.add_node("sort", sort)
    graph.add_node("reply", reply)
    graph.add_node("ask_human", ask_human)
    graph.add_edge(START, "sort")
    graph.add_conditional_edges("sort", who_answers)
    graph.add_edge("reply", END)
    graph.add_edge("ask_human", END)
    return graph.compile(checkpointer=InMemorySaver())


def main() -> None:
    """Two messages while the tuned model answers, and the same two while it is down."""
    with tuned_model("tunedModels/support-sorter", TRAIN) as tuned:
        robust = tuned.with_few_shot_fallback(
            "gemini-3.5-flash", examples=TRAIN, guards=[OneOf([*REPLIES, "emergency"])]
        )
        bot = graph_of(robust)

        for is_down in (False, True):
            if is_down:
                robust.circuit.force_open()
            for text in (
                "The lock of my bike does not open!",
                "My friend is bleeding!",
            ):
                thread = {"configurable": {"thread_id": f"{text} {is_down}"}}
                state = bot.invoke({"messages": [("user", text)]}, thread)
                if "__interrupt__" in state:  # the graph waits, for days if need be
                    state = bot.invoke(Command(resume="Help is on its way."), thread)
                print(f"{text}\n  {state['label']}, says {state['model']}")
                print(f"  {state['messages'][-1].text}")
        robust.circuit.reset()


if __name__ == "__main__":
    main()
