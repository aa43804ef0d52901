"""The tuned models of all places at once; a place that fails does not hide the others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.cli.command import leave
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.place import Place
from langchain_tuned_gemini.cli.session import Session

if TYPE_CHECKING:
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.library import LibraryModel

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What the places have answered.

    Attributes:
        places: Those that were asked.
        models: The tuned models of those that have answered, each once.
        failed: The others, each with why.
        not_asked: Where nobody has looked, in a sentence; may be empty.
    """

    places: Sequence[Place]
    models: list[LibraryModel]
    failed: dict[Place, TunedGeminiError]
    not_asked: str

    def tell_the_rest(self, session: Session) -> None:
        """Says what the models that were shown are not all of; ends the command if some lack."""
        from langchain_tuned_gemini.cli.errors import sentence_for

        for place, error in self.failed.items():
            session.out.warn(f"{place} is not in it: {sentence_for(error)}")
        if self.not_asked:
            session.out.say(self.not_asked)
        if self.failed:
            leave(ExitCode.PARTLY if len(self.failed) < len(self.places) else ExitCode.FAILED)


def everywhere(session: Session, **selection: Any) -> Everywhere:
    """Asks all places for their tuned models.

    Args:
        session: Where to look.
        **selection: Which of them, as `ModelLibrary.list` takes it.

    Raises:
        TunedGeminiError: There is one place only, and it did not answer.
    """
    from langchain_tuned_gemini.errors import TunedGeminiError

    places = session.places()
    with ThreadPoolExecutor(min(len(places), _AT_ONCE)) as pool:
        answers = list(pool.map(partial(_listed, session, selection), places))
    failed = {p: a for p, a in zip(places, answers, strict=True) if isinstance(a, TunedGeminiError)}
    if failed and len(places) == 1:
        raise failed[places[0]]
    listed = [answer for answer in answers if not isinstance(answer, TunedGeminiError)]
    # A project has an id and a number, so two places may be one.
    models = {model.name: model for answer in listed for model in answer}
    return Everywhere(places, list(models.values()), failed, session.place.not_asked(places))


def _listed(
    session: Session, selection: dict[str, Any], place: Place
) -> list[LibraryModel] | TunedGeminiError:
    from langchain_tuned_gemini.errors import TunedGeminiError

    try:
        return session.library_at([place]).list(**selection)
    except TunedGeminiError as error:
        return error
