"""The control plane of Vertex AI, where new tuned models are made.

* `service`: the `TunedModelService`.
* `api`: requests that flows yield, and what sends them.
* `resources`: what the platform's records say.
* `resolution`, `existence`: what a name stands for, and what there is of it.
* `tuning_jobs`, `training_files`, `removal`: what makes models, and what deletes them.
"""

from langchain_tuned_gemini.services.vertex.service import VertexService

__all__ = ["VertexService"]
