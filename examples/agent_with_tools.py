"""An agent with tools and a memory, whose tuned model goes down in the middle of a conversation.

The base model takes over where the tuned one stopped: the same tools, the same history, and the
agent's code knows nothing of it.

On Google: python examples/agent_with_tools.py tunedModels/... or projects/.../endpoints/...
"""

from __future__ import annotations

from typing import Any, Literal

from _local import DATA, tuned_model
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

TRAIN = DATA / "rental_questions_train.jsonl"


@tool
def free_bikes(station: str) -> str:
    """Tell how many bikes are free at a station."""
    return f"There are 4 free bikes at {station}."


@tool
def report_damage(bike: int, part: Literal["wheel", "brakes", "light", "saddle"]) -> str:
    """Tell the workshop that a bike is damaged."""
    return f"The workshop knows about the {part} of bike {bike}."


def ask(agent: Any, question: str) -> None:
    """Shows what every node of the agent adds to the conversation, and which model it was."""
    print(f"> {question}")
    thread = {"configurable": {"thread_id": "a customer"}}
    for update in agent.stream({"messages": [("user", question)]}, thread, stream_mode="updates"):
        for message in (message for node in update.values() for message in node["messages"]):
            if isinstance(message, AIMessage):
                calls = ", ".join(f"{call['name']}{call['args']}" for call in message.tool_calls)
                model = message.response_metadata["tuned_gemini"]["model"]
                print(f"  {model}: {calls or message.text}")
            else:
                print(f"  {message.name} says: {message.text}")


def main() -> None:
    """Talks to the agent; the tuned model is down for the second question."""
    with tuned_model("tunedModels/rental-expert", TRAIN) as tuned:
        robust = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=TRAIN)
        agent = create_agent(robust, [free_bikes, report_damage], checkpointer=InMemorySaver())

        ask(agent, "How many free bikes are there at Harbour?")
        robust.circuit.force_open()  # as if the tuned model were down
        ask(agent, "Please report the damage of bike 31: the wheel is bent.")
        robust.circuit.reset()
        ask(agent, "Do I pay for a flat tyre?")


if __name__ == "__main__":
    main()
