"""A chat in the terminal that shows every token as it comes; "/down" and "/up" play an outage.

A stream that breaks off can be begun anew by the base model. The chunk that says so is the sign to
strike out what came before it.

On Google: python examples/streaming_chat.py tunedModels/... or projects/.../endpoints/...
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from _local import DATA, tuned_model
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from langchain_tuned_gemini import AllModelsFailedError, FallbackChatModel

TRAIN = DATA / "text_to_sql_train.jsonl"
LONGEST_HISTORY = 20


def questions(model: FallbackChatModel) -> Iterator[str]:
    """What is typed, or comes through a pipe, one question a line."""
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = sys.stdin.readline()
        match line.strip():
            case "":
                if not line:
                    return
            case "/down":
                model.circuit.force_open()
            case "/up":
                model.circuit.reset()
            case question:
                yield question


def answer(model: FallbackChatModel, history: list[BaseMessage]) -> str:
    """Streams an answer to the terminal; returns what is to be remembered of it."""
    text, said = "", {}
    for chunk in model.stream(history):
        said = chunk.response_metadata.get("tuned_gemini", {})
        if said.get("restarted"):
            print(f"\n  (that broke off: {said['restart_reason']}; once more)")
            text = ""
        text += chunk.text
        print(chunk.text, end="", flush=True)
    print(f"\n  ({said['model']})")
    return text


def main() -> None:
    """Talks until the input ends."""
    history: list[BaseMessage] = []
    with tuned_model("tunedModels/sql-expert", TRAIN) as tuned:
        robust = tuned.with_few_shot_fallback(
            "gemini-3.5-flash", examples=TRAIN, on_broken_stream="restart"
        )
        for question in questions(robust):
            history = [*history[-LONGEST_HISTORY:], HumanMessage(question)]
            try:
                history.append(AIMessage(answer(robust, history)))
            except AllModelsFailedError as error:
                history.pop()  # ask again later
                print(f"  ({error})")


if __name__ == "__main__":
    main()
