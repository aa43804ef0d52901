"""A base model in several locations of Vertex AI: where the first one does not answer, the next.

The sync and the async methods of a chat model loop over the same turns:

```python
for turn in places.turns():
    with turn:
        return turn.model._generate(...)  # async: `await turn.model._agenerate(...)`
```
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType
from typing import Final, Self

import httpx
from langchain_core.language_models import BaseChatModel

from langchain_tuned_gemini.errors import BaseModelNotFoundError, ParameterError
from langchain_tuned_gemini.failures import Reason, read_failure
from langchain_tuned_gemini.tuned_models.base_models import Retirement, served_in
from langchain_tuned_gemini.tuned_models.locations import LOCATIONS

logger = logging.getLogger("langchain_tuned_gemini")

_LOOK_AGAIN: Final = 600.0
"""For how many seconds a location that did not answer is asked last."""

_ELSEWHERE: Final = frozenset(
    {Reason.GONE, Reason.PERMISSION, Reason.CONNECTION, Reason.OVERLOADED, Reason.QUOTA}
)
"""After what the next location may answer; a policy may forbid a location with a 403."""

_LASTING: Final = frozenset({Reason.GONE, Reason.PERMISSION})

_UNREACHABLE: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
"""What a network without a route to a host looks like."""

_REGION: Final = re.compile(
    r"(africa|asia|australia|europe|me|northamerica|southamerica|us)"
    r"-(north|south|east|west|central)+[1-9][0-9]?",
    re.ASCII,
)

_Key = tuple[str | None, str, str]
_silent_since: dict[_Key, float] = {}
"""When a location did not answer for a model: what one chat model has found out, all know."""


@dataclass(frozen=True, slots=True)
class Place:
    """A location, and the model as it is asked there.

    Attributes:
        location: The location; empty on the Developer API, which has none.
        model: The model.
    """

    location: str
    model: BaseChatModel


class Places:
    """The locations in which a base model may be asked.

    Args:
        name: The base model's name.
        places: The locations, in the order in which they are asked.
        parent: Whose places they are: an address, and a project in it.
        retirement: Says whether the base model is retired.
        clock: The time in seconds.
    """

    def __init__(
        self,
        name: str,
        places: Sequence[Place],
        *,
        parent: tuple[str | None, str],
        retirement: Callable[[], Retirement | None],
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self._places = places
        self._parent = parent
        self._retirement = retirement
        self._clock = clock

    def turns(self) -> Iterator[Turn]:
        """Yields where to ask next, until there was an answer, or an error was raised."""
        places = sorted(self._places, key=self._is_silent)
        for number, place in enumerate(places, 1):
            yield Turn(self, place, places[number:])

    def told(self) -> list[str]:
        """The locations, as they are asked now."""
        return [place.location for place in sorted(self._places, key=self._is_silent)]

    def _key(self, place: Place) -> _Key:
        address, project = self._parent
        return address, f"projects/{project}/locations/{place.location}", self.name

    def _is_silent(self, place: Place) -> bool:
        since = _silent_since.get(self._key(place))
        return since is not None and self._clock() - since < _LOOK_AGAIN

    def _answers(self, place: Place) -> None:
        if _silent_since:
            _silent_since.pop(self._key(place), None)

    def _remember(self, place: Place, reason: Reason, following: Sequence[Place]) -> None:
        """Remembers that a location does not answer, and says so the first time."""
        if self._key(place) not in _silent_since:
            logger.warning(
                "%s does not answer in %s (%s): it is asked in %s from now on.",
                self.name,
                place.location,
                reason,
                following[0].location,
            )
        _silent_since[self._key(place)] = self._clock()

    def not_found(self) -> BaseModelNotFoundError:
        """The error for a model that no location knows."""
        asked = [place.location for place in self._places]
        return BaseModelNotFoundError.of(
            self.name, asked, served_in=served_in(self.name), retirement=self._retirement()
        )


class Turn:
    """One location's turn, as a context manager: it ends a failure if another one follows.

    Args:
        places: The locations that it is one of.
        place: The one that is asked.
        following: Those that may be asked after it.
    """

    def __init__(self, places: Places, place: Place, following: Sequence[Place]) -> None:
        self.model = place.model
        self.has_begun = False
        """Whether a part of its answer was handed out, so that no other one may follow."""
        self._places = places
        self._place = place
        self._following = following

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            self._places._answers(self._place)
        if not isinstance(error, Exception) or self.has_begun:
            return False
        failure = read_failure(error)
        reason = failure.reason if failure else None
        is_unreachable = isinstance(error, _UNREACHABLE)
        if reason is None or not (reason in _ELSEWHERE or is_unreachable):
            return False
        if not self._following:
            if reason is Reason.GONE and self._place.location:
                raise self._places.not_found() from error
            return False
        if is_unreachable or reason in _LASTING:
            self._places._remember(self._place, reason, self._following)
        return True


def check_location(location: str) -> None:
    """Refuses a location that can't be; one that may be newer than this table is told.

    Raises:
        ParameterError: With the one that was meant.

    Warns:
        UserWarning: It looks like a region and is not in the table.
    """
    if location in LOCATIONS:
        return
    near = get_close_matches(location, LOCATIONS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " Pass a region, 'us', 'eu' or 'global'."
    told = f"Vertex AI has no location {location!r} that is known here.{hint}"
    if not _REGION.fullmatch(location):  # it becomes a part of the host's name, too
        raise ParameterError(told)
    warnings.warn(told, UserWarning, stacklevel=4)
