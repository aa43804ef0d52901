"""Which of Google's two services a tuned model belongs to.

A third one begins here. What differs between them stands in: `names/tuned_model_name.py` (how its
names read), `services/` (a service; `by_access.py` says who gets which), `transport/access.py` (the
right to call), `tuned_models/base_models.py` (ends and sources), `dataset/platform_limits.py`,
`chat_models/google.py`, `library/` (`creation_plan`, `tuning_settings`, `library_model`), and
`cli/target.py`.
"""

from typing import Literal, TypeAlias

Platform: TypeAlias = Literal["developer", "vertex"]
"""The Gemini Developer API, or Vertex AI."""
