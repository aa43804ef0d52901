"""How many frames of the package a call takes: what a reader has to follow, and what it costs."""

from __future__ import annotations

from benchmarks.frames import EXAMPLES, TUNED, measure
from langchain_tuned_gemini.emulator import Emulator


def test_a_call_takes_no_more_frames_than_it_did() -> None:
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=EXAMPLES)

        trips = measure(gemini.base_url, lambda: gemini.fault(model=TUNED, status=503))

    frames = {kind: trip["frames"] for kind, trip in trips.items()}
    assert frames["invoke"] <= 140
    assert frames["ainvoke"] <= 140
    assert frames["chunk"] <= 10
    assert frames["achunk"] <= 12
    assert frames["503"] <= 700
    assert frames["a503"] <= 700
