"""Which of Google's two services a tuned model belongs to."""

from typing import Literal

Platform = Literal["developer", "vertex"]
