"""The control plane of Vertex AI, where new tuned models are made.

* `service`: the `TunedModelService`.
* `flows`, `api`: operations that say what they want, and what carries it out.
* `records`: what the platform's records say.
* `reading`, `creating`, `deleting`, `operations`: the operations.
* `files`: training files.
"""

from langchain_tuned_gemini.services.vertex.service import VertexService

__all__ = ["VertexService"]
