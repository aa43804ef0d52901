"""What the examples in the prompt cost, in tokens as the emulator counts them.

The questions and examples are those of `examples/data`, so that everybody measures the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.results import record
from langchain_tuned_gemini import (
    ChatTunedGemini,
    FewShotPrompt,
    FixedExampleSelector,
    LexicalExampleSelector,
    TuningDataset,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.emulator.model.prompts import estimate_tokens

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"
TUNED, BASE = "tunedModels/text-to-sql", "gemini-3.5-flash"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the prompts of some questions cost.

    Attributes:
        tokens: How many tokens they have, on average.
        prefix: With how many the same ones they all begin: what can be cached.
    """

    tokens: float
    prefix: int


def measure() -> dict[str, Cost]:
    """Asks all held back questions in each way."""
    examples = TuningDataset.read(DATA / "text_to_sql_train.jsonl")
    questions = [e.text_input for e in TuningDataset.read(DATA / "text_to_sql_test.jsonl")]
    ways: dict[str, FewShotPrompt | None] = {
        "the tuned model": None,
        "the base model, 4 selected examples": FewShotPrompt(examples, k=4),
        "the base model, 8 selected examples": FewShotPrompt(LexicalExampleSelector(examples)),
        "the base model, 8 fixed examples": FewShotPrompt(FixedExampleSelector(examples)),
        f"the base model, all {len(examples)}": FewShotPrompt(
            FixedExampleSelector(examples, k=len(examples))
        ),
    }
    return {name: _cost(examples, questions, prompt) for name, prompt in ways.items()}


def _cost(examples: TuningDataset, questions: Sequence[str], prompt: FewShotPrompt | None) -> Cost:
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=examples)
        model = ChatTunedGemini(model=TUNED, api_key="any-key", base_url=gemini.base_url)
        robust = model.with_few_shot_fallback(BASE, examples=prompt or examples)
        if prompt is not None:
            gemini.fault(model=TUNED, status=503)
        answers = [robust.invoke(question) for question in questions]
        asked = BASE if prompt is not None else TUNED
        bodies = [
            r.body
            for r in gemini.requests
            if r.call == "generateContent" and asked in (r.model or "")
        ]
    counted = [a.usage_metadata["input_tokens"] for a in answers if a.usage_metadata]
    return Cost(fmean(counted), _shared_prefix([_texts(body) for body in bodies]))


def _texts(body: Any) -> list[str]:
    """The texts of a prompt, from its beginning on."""
    contents = [body.get("systemInstruction") or {"parts": []}, *body["contents"]]
    return ["".join(part.get("text", "") for part in content["parts"]) for content in contents]


def _shared_prefix(prompts: Sequence[Sequence[str]]) -> int:
    """With how many tokens of the same texts all prompts begin."""
    tokens = 0
    for texts in zip(*prompts, strict=False):
        if len(set(texts)) > 1:
            break
        tokens += estimate_tokens(texts[0])
    return tokens


def main() -> None:
    """Measures, prints and records."""
    logging.getLogger("langchain_tuned_gemini").setLevel(
        logging.ERROR
    )  # the tuned model is to fail
    costs = measure()
    for name, cost in costs.items():
        print(f"{name:40} {cost.tokens:8,.0f} tokens, {cost.prefix:6,} the same in each prompt")
    record("few_shot_cost", {name: asdict(cost) for name, cost in costs.items()})


if __name__ == "__main__":
    main()
