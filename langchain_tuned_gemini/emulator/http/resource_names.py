"""Resource names of Vertex AI, `projects/P/locations/L/<kind>/ID`, and its hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from langchain_tuned_gemini.tuned_models.locations import GLOBAL, MULTI_REGIONS, REGIONS

LOCATION_OF_HOST = {
    "aiplatform.googleapis.com": GLOBAL,
    **{f"aiplatform.{place}.rep.googleapis.com": place for place in MULTI_REGIONS},
    **{f"{region}-aiplatform.googleapis.com": region for region in REGIONS},
}
"""Which location each of Google's hosts serves, as google-genai 3.6.1 builds their names."""

_RESOURCE = re.compile(
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
    r"(?:/(?P<kind>[^/]+)(?:/(?P<id>[^/@]+)(?:@(?P<version>[^/]+))?(?:/(?P<rest>.+))?)?)?"
)
_PUBLISHED = re.compile(r"(?:.*/)?publishers/(?P<publisher>[^/]+)/models/(?P<id>[^/]+)")


@dataclass(frozen=True, slots=True)
class ResourceName:
    """A name in its parts; those that a name does not have are empty.

    Attributes:
        project: The project's id or number.
        kind: The collection: `endpoints`, `tuningJobs`, `models`.
        version: Of a model: what follows `@`, a number or an alias.
        rest: What stands below the resource, such as `operations/1`.
    """

    project: str
    location: str
    kind: str = ""
    id: str = ""
    version: str = ""
    rest: str = ""

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads a name; a ValueError for what is none."""
        match = _RESOURCE.fullmatch(name)
        if match is None:
            msg = f"not a resource name of Vertex AI: {name!r}"
            raise ValueError(msg)
        return cls(**match.groupdict(default=""))

    @property
    def parent(self) -> str:
        """`projects/P/locations/L`."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def resource(self) -> str:
        """The resource without its version and without what stands below it."""
        return f"{self.parent}/{self.kind}/{self.id}"


def location_in(name: str) -> str | None:
    """The location in a name; None for one that has none."""
    return ResourceName.parse(name).location if name.startswith("projects/") else None


def published(name: str) -> tuple[str, str] | None:
    """Publisher and id of a base model's name, with or without a project before it."""
    match = _PUBLISHED.fullmatch(name)
    return None if match is None else (match["publisher"], match["id"])


def model_of(name: str) -> str | None:
    """The model, endpoint or tuning job that a URL is about, if it is about one.

    A model of Google's has the name that the emulator knows it by on both platforms.
    """
    base = published(name)
    if base is not None:
        publisher, model_id = base
        return f"models/{model_id}" if publisher == "google" else name
    if not name.startswith("projects/"):
        return None
    parsed = ResourceName.parse(name)
    return parsed.resource if parsed.id and parsed.kind != "operations" else None


def last_part(name: str | None) -> str:
    """The id at the end of a name; an id alone is one."""
    return (name or "").rpartition("/")[2]
