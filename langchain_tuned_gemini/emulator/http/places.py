"""Where Vertex AI is: its locations and the host names that lead to them."""

from __future__ import annotations

from langchain_tuned_gemini.tuned_models.locations import GLOBAL, MULTI_REGIONS, REGIONS

LOCATION_OF_HOST = {
    "aiplatform.googleapis.com": GLOBAL,
    **{f"aiplatform.{place}.rep.googleapis.com": place for place in MULTI_REGIONS},
    **{f"{region}-aiplatform.googleapis.com": region for region in REGIONS},
}
"""Which location each of Google's hosts serves, as google-genai 3.6.1 builds their names."""

LOCATIONS = frozenset(LOCATION_OF_HOST.values())
"""Every location there is; in any other one, no URL means anything."""
