"""Where the tuned model of an example is: on Google if you name yours, else on an emulator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator

DATA = Path(__file__).parent / "data"


@contextmanager
def tuned_model(name: str, train: Path) -> Iterator[ChatTunedGemini]:
    """The tuned model that the command line names, with the credentials of the environment.

    Without one, an emulated model of this name, which has learnt this tuning set.
    """
    if len(sys.argv) > 1:
        yield ChatTunedGemini(model=sys.argv[1])
        return
    with Emulator() as gemini:
        gemini.add_tuned_model(name, examples=train)
        yield ChatTunedGemini(model=name, api_key="any-key", base_url=gemini.base_url)
