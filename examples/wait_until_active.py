"""Tuning a model and waiting until it can serve, with progress."""

from __future__ import annotations

from pathlib import Path

from langchain_tuned_gemini import (
    ChatTunedGemini,
    GenerativeAIService,
    Progress,
    TunedModelFailedError,
    wait_until_active,
)
from langchain_tuned_gemini.emulator import Emulator, after

TRAIN = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"


def show(progress: Progress) -> None:
    """Prints one look at the model."""
    if progress.model is None:
        print(f"no answer yet: {progress.problem}")
        return
    percent = "" if progress.percent is None else f" {progress.percent:3.0f} %"
    loss = "" if progress.loss is None else f" loss {progress.loss:.2f}"
    print(f"{progress.waited:4.1f} s {progress.model.raw_state}{percent}{loss}")


def main() -> None:
    """Tunes one model that becomes ACTIVE and one that fails."""
    with Emulator(progression=after(1.0), fails=["sql-expert-broken"]) as gemini:
        # google-genai drops the training examples, so creating takes the older SDK.
        service = GenerativeAIService("any-key", gemini.base_url)
        for model_id in ("sql-expert-v1", "sql-expert-broken"):
            created = service.create(
                TRAIN,
                base_model="models/gemini-1.5-flash-001-tuning",
                model_id=model_id,
            )
            try:
                wait_until_active(service, created, timeout=60, poll_interval=0.2, on_progress=show)
            except TunedModelFailedError as error:
                print(error)
            else:
                model = ChatTunedGemini(
                    model=created.name, api_key="any-key", base_url=gemini.base_url
                )
                print(model.invoke("How many bikes do we have?").text)


if __name__ == "__main__":
    main()
