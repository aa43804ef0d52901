"""A tuned model in a chain, on the local emulator: what a first program looks like.

On Google, leave out the emulator, `api_key` (it comes from GOOGLE_API_KEY) and `base_url`.
"""

from __future__ import annotations

from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator

TRAIN = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"


def main() -> None:
    """Asks a tuned model one question."""
    with Emulator() as gemini:
        gemini.add_tuned_model("tunedModels/sql-expert-v1", examples=TRAIN)

        model = ChatTunedGemini(
            model="tunedModels/sql-expert-v1",
            task="strict",
            api_key="any-key",
            base_url=gemini.base_url,
        )
        chain = ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()

        print(chain.invoke({"question": "How many electric bikes do we have?"}))


if __name__ == "__main__":
    main()
