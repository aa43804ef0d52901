"""A local Gemini tuning API on a real socket: for tests, demos and continuous integration.

Needs the extra `emulator`: `pip install "langchain-tuned-gemini[emulator]"`.

Its parts import only those before them:

    http                     requests, replies and errors on the wire
    armed_rules              what a test wants of some calls
    model                    what a model says: prompts, examples, functions, schemas
    state                    what is kept of tuned models and jobs, and how tuning goes on
    generation               generateContent, on both services
    developer · vertex       the other methods of each service
    routes                   which URL is which method
    faults                   what a test lets go wrong
    app                      from a request to its answer
    emulator                 the class for users
"""

try:
    import starlette  # noqa: F401 (only to say at once what is missing)
    import uvicorn  # noqa: F401
except ImportError as error:
    from langchain_tuned_gemini.errors import MissingExtraError

    raise MissingExtraError("The emulator", extra="emulator") from error

from langchain_tuned_gemini.emulator.emulator import Emulator
from langchain_tuned_gemini.emulator.faults.fault import ArmedFault, Fault
from langchain_tuned_gemini.emulator.http.requests import RecordedRequest
from langchain_tuned_gemini.emulator.model.answers import ArmedScript, FunctionCall, ModelAnswer
from langchain_tuned_gemini.emulator.model.base_models import ServedModel
from langchain_tuned_gemini.emulator.state.progression import Progression, after, immediate, manual
from langchain_tuned_gemini.emulator.state.tuned_model import Hyperparameters
from langchain_tuned_gemini.emulator.vertex.tuning_job_admin import VertexModel

__all__ = [
    "ArmedFault",
    "ArmedScript",
    "Emulator",
    "Fault",
    "FunctionCall",
    "Hyperparameters",
    "ModelAnswer",
    "Progression",
    "RecordedRequest",
    "ServedModel",
    "VertexModel",
    "after",
    "immediate",
    "manual",
]
