"""The tuned models of all targets at once; a target that fails does not hide the others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.cli.command import leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.target import Target

if TYPE_CHECKING:
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.library import LibraryModel

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What the targets have answered.

    Attributes:
        targets: Those that were asked.
        models: The tuned models of those that have answered, each once.
        failed: The others, each with why.
        not_asked: Where nobody has looked, in a sentence; may be empty.
    """

    targets: Sequence[Target]
    models: list[LibraryModel]
    failed: dict[Target, TunedGeminiError]
    not_asked: str

    def tell_the_rest(self, context: CommandContext) -> None:
        """Says what the models that were shown are not all of; ends the command if some lack."""
        from langchain_tuned_gemini.cli.errors import sentence_for

        for target, error in self.failed.items():
            context.out.warn(f"{target} is not in it: {sentence_for(error)}")
        if self.not_asked:
            context.out.say(self.not_asked)
        if self.failed:
            leave(ExitCode.PARTLY if len(self.failed) < len(self.targets) else ExitCode.FAILED)


def everywhere(context: CommandContext, **selection: Any) -> Everywhere:
    """Asks all targets for their tuned models.

    Args:
        context: Where to look.
        **selection: Which of them, as `ModelLibrary.list` takes it.

    Raises:
        TunedGeminiError: There is one target only, and it did not answer.
    """
    from langchain_tuned_gemini.errors import TunedGeminiError

    targets = context.targets()
    with ThreadPoolExecutor(min(len(targets), _AT_ONCE)) as pool:
        answers = list(pool.map(partial(_listed, context, selection), targets))
    failed = {
        p: a for p, a in zip(targets, answers, strict=True) if isinstance(a, TunedGeminiError)
    }
    if failed and len(targets) == 1:
        raise failed[targets[0]]
    listed = [answer for answer in answers if not isinstance(answer, TunedGeminiError)]
    # A project has an id and a number, so two targets may be one.
    models = {model.name: model for answer in listed for model in answer}
    return Everywhere(targets, list(models.values()), failed, context.target.not_asked(targets))


def _listed(
    context: CommandContext, selection: dict[str, Any], target: Target
) -> list[LibraryModel] | TunedGeminiError:
    from langchain_tuned_gemini.errors import TunedGeminiError

    try:
        return context.library_at([target]).list(**selection)
    except TunedGeminiError as error:
        return error
