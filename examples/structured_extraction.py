"""Records from free text: a tuned model that answers in JSON, checked against a schema.

An answer that does not fit the schema is no answer: the base model gives one in the tuned model's
place, and the reason is `bad_output`.

On Google: python examples/structured_extraction.py tunedModels/... or projects/.../endpoints/...
"""

from __future__ import annotations

from _local import DATA, tuned_model
from pydantic import BaseModel, Field

TRAIN = DATA / "repair_reports_train.jsonl"
REPORTS = [
    "The saddle of bike 12 is loose!",
    "Bike 44 has a flat tyre, at the back.",
    "There are no brakes at all on number 7.",
]


class Repair(BaseModel):
    """What the workshop wants to know of a broken bike."""

    bike: int = Field(gt=0, description="the number on its frame")
    part: str
    can_be_ridden: bool


def main() -> None:
    """Reads all reports at once, by the tuned model and then, as if it were down, by the base."""
    with tuned_model("tunedModels/repair-clerk", TRAIN) as tuned:
        robust = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=TRAIN, k=4)
        extract = robust.with_structured_output(Repair, include_raw=True)

        for is_down in (False, True):
            if is_down:
                robust.circuit.force_open()
            for answer in extract.batch(REPORTS, {"max_concurrency": 8}):
                said = answer["raw"].response_metadata["tuned_gemini"]
                print(f"{answer['parsed']!r}  from {said['model']}, reason: {said['reason']}")
        robust.circuit.reset()


if __name__ == "__main__":
    main()
