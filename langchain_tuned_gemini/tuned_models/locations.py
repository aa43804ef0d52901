"""Where Vertex AI is, and where a base model is asked that stands in for a tuned one.

Three kinds of place answer for base models: a region; a multi-region, `us` or `eu`, which keeps a
request within that jurisdiction; and `global`, where nobody knows in which country a request is
processed. https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/locations
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

# The `endpoints` of Google's discovery document, aiplatform v1, revision 20261106.
# fmt: off
REGIONS: Final = (
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2",
    "asia-northeast3", "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2",
    "asia-southeast3", "australia-southeast1", "australia-southeast2", "europe-central2",
    "europe-north1", "europe-north2", "europe-southwest1", "europe-west1", "europe-west10",
    "europe-west12", "europe-west15", "europe-west2", "europe-west3", "europe-west4",
    "europe-west6", "europe-west8", "europe-west9", "me-central1", "me-central2", "me-west1",
    "northamerica-northeast1", "northamerica-northeast2", "southamerica-east1",
    "southamerica-west1", "us-central1", "us-central2", "us-east1", "us-east4", "us-east5",
    "us-east7", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4", "us-west8",
)
# fmt: on
MULTI_REGIONS: Final = ("us", "eu")
GLOBAL: Final = "global"
LOCATIONS: Final = (*REGIONS, *MULTI_REGIONS, GLOBAL)

_NOT_IN_THE_EU: Final = frozenset({"europe-west2", "europe-west6"})
"""London and Zurich."""


def location_beside(own: str) -> str:
    """The location that does not fail together with a tuned model's own, in its jurisdiction.

    Regions of Europe stay what they are: they may be bound to their country, and `eu` is not.

    Example:
        >>> location_beside("us-central1"), location_beside("europe-west4")
        ('us', 'europe-west4')
    """
    return "us" if own.startswith("us-") else own


def elsewhere(own: str) -> str:
    """A location that does not fail together with a region, in as near a jurisdiction as there is.

    Example:
        >>> elsewhere("europe-west4"), elsewhere("europe-west2"), elsewhere("asia-east1")
        ('eu', 'global', 'global')
    """
    if own.startswith("europe-") and own not in _NOT_IN_THE_EU:
        return "eu"
    return "us" if own.startswith("us-") else GLOBAL


def doubt_about(location: str) -> str:
    """Says of a location that is not in the table which one may be meant; else nothing.

    Example:
        >>> doubt_about("us-centrl1"), doubt_about("eu")
        ("Vertex AI has no location 'us-centrl1' that is known here (is it 'us-central1'?)", '')
    """
    if location in LOCATIONS:
        return ""
    near = get_close_matches(location, LOCATIONS, n=1)
    hint = f" (is it {near[0]!r}?)" if near else ""
    return f"Vertex AI has no location {location!r} that is known here{hint}"
