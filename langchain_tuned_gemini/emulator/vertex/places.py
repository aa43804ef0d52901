"""Where Vertex AI is: its locations and the host names that lead to them."""

from __future__ import annotations

# The `endpoints` of Google's discovery document, aiplatform v1, revision 20261106.
# fmt: off
_REGIONS = (
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
_CONTINENTS = ("us", "eu")
_GLOBAL = "global"

LOCATION_OF_HOST = {
    "aiplatform.googleapis.com": _GLOBAL,
    **{f"aiplatform.{place}.rep.googleapis.com": place for place in _CONTINENTS},
    **{f"{region}-aiplatform.googleapis.com": region for region in _REGIONS},
}
"""Which location each of Google's hosts serves, as google-genai 3.6.1 builds their names."""

LOCATIONS = frozenset(LOCATION_OF_HOST.values())
"""Every location there is; in any other one, no URL means anything."""
