"""One chain that keeps answering while its tuned model is overloaded, and says who answered."""

from __future__ import annotations

from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator

TRAIN = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"
MODEL = "tunedModels/sql-expert-v1"


def main() -> None:
    """Asks the same question of a healthy and of an overloaded tuned model."""
    with Emulator() as gemini:
        gemini.add_tuned_model(MODEL, examples=TRAIN)
        tuned = ChatTunedGemini(model=MODEL, api_key="any-key", base_url=gemini.base_url)

        robust = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=TRAIN, k=8)
        ask = ChatPromptTemplate.from_template("{question}") | robust
        question = {"question": "How many cargo bikes do we have?"}

        for status in (None, 503, 429):
            if status:
                gemini.fault(model=MODEL, status=status)
            message = ask.invoke(question)
            said = message.response_metadata["tuned_gemini"]
            print(f"{StrOutputParser().invoke(message)}")
            print(f"  answered by {said['model']}, reason: {said['reason']}")
            for attempt in said["attempts"]:
                print(f"  {attempt['model']}: {attempt['outcome']} {attempt['status'] or ''}")


if __name__ == "__main__":
    main()
