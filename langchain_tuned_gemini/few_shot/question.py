"""The question of a conversation: the text by which examples are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import isfunction
from typing import TypeAlias

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.runtime.error_origins import user_code

Question: TypeAlias = Callable[[Sequence[BaseMessage]], str] | str | None
"""Where the question of a conversation stands: a text after which it begins in the last human
message, such as `"Question:"` below a context; or a function that finds it in the messages.
None is the whole message."""


def question_of(messages: Sequence[BaseMessage], question: Question = None) -> str:
    r"""The question of a conversation: by default the last human message that has any text.

    A picture without words, sent after the question, does not replace it; nor do the answers of
    tools that were called for it.

    Args:
        messages: The conversation.
        question: A text after which the question begins, where the rest of the message is
            something else; a message without it is all question. Or a function of the messages.

    Raises:
        ParameterError: If the function gave no text.
        UserCodeError: If it raised.

    Example:
        >>> asked = HumanMessage("Context: two pages ...\nQuestion: Who?")
        >>> question_of([asked], "Question:")
        'Who?'
    """
    if callable(question):
        with user_code("the query function of the examples' prompt"):
            found = question(messages)
        if not isinstance(found, str):
            raise ParameterError(
                "query is a function of the messages that gives the question as a text, not "
                f"{type(found).__name__}."
            )
        return found
    texts = (message.text for message in reversed(messages) if isinstance(message, HumanMessage))
    text = next((str(text) for text in texts if text.strip()), "")
    return text.rpartition(question)[2].strip() if question else text


def name_of_question(question: Question) -> str | None:
    """Where the question stands, in words; a function's by the name that it is imported by.

    One without such a name shows its address: what it finds depends on more than its code.
    """
    if not callable(question):
        return question
    if not isfunction(question) or "<" in question.__qualname__:
        return object.__repr__(question)
    return f"{question.__module__}:{question.__qualname__}"


def as_messages(model_input: LanguageModelInput) -> list[BaseMessage]:
    """The messages in whatever a chat model takes.

    Raises:
        ParameterError: If it is no text, prompt value or list of messages.
    """
    if isinstance(model_input, str):
        return [HumanMessage(model_input)]
    if isinstance(model_input, PromptValue | Sequence):
        return convert_to_messages(model_input)
    raise ParameterError(
        "A few-shot prompt takes what a chat model takes: a text, a prompt value or a list of "
        f"messages, not {type(model_input).__name__}."
    )
