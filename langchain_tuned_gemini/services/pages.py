"""A list that arrives in pages, protected against services that page badly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from langchain_tuned_gemini.errors import ServiceError

_T = TypeVar("_T")

PAGE_SIZE = 100
"""How many models are asked for at once. The default is 10 and the most is 1,000, but a model's
record holds a snapshot for each step, so that 1,000 of them may be tens of megabytes.
https://ai.google.dev/api/tuning#method:-tunedmodels.list
"""


class Pages(Generic[_T]):
    """Collects pages until the last one; each name once, in the order of arrival.

    A model may stand on two pages when the list changes between them. A page token that comes
    a second time would make the list endless, so it is an error: a list that is quietly cut
    short would look complete.

    Example:
        >>> pages = Pages[int]()
        >>> pages.add([("a", 1), ("b", 2)], next_token="2")
        True
        >>> pages.add([("b", 2), ("c", 3)], next_token=None)
        False
        >>> pages.items
        [1, 2, 3]
    """

    def __init__(self) -> None:
        self._items: dict[str, _T] = {}
        self._tokens: set[str] = set()

    def add(self, page: Iterable[tuple[str, _T]], next_token: str | None) -> bool:
        """Takes a page in, and says whether there is another one.

        Raises:
            ServiceError: If the service names a page that was already seen.
        """
        for name, item in page:
            self._items.setdefault(name, item)
        if not next_token:
            return False
        if next_token in self._tokens:
            raise ServiceError(
                "The service sends the same page of tuned models again and again, so the list "
                "would never end. Try again; if that does not help, this is the service's bug.",
                is_retryable=True,
            )
        self._tokens.add(next_token)
        return True

    @property
    def items(self) -> list[_T]:
        """The items that have arrived."""
        return list(self._items.values())
