"""What an exception of a model call means: why it failed, and whether another model may answer.

Nothing is caught that is not in the tables of this package. A bug, a cancellation, an interrupt
of LangGraph or an error that nobody foresaw has no meaning here, so it is raised untouched.

* `known_errors`: which exception, status or word of the server is which reason.
* `server_answer`: what a server said in an error, about waiting above all.
* `classification`: puts both together; what a reason leads to stands in `errors.reasons`.
"""

from langchain_tuned_gemini.errors.reasons import Counts, Handling, Reason, failure_table
from langchain_tuned_gemini.failures.classification import (
    Failure,
    classify,
    read_failure,
    sentence_in,
)

__all__ = [
    "Counts",
    "Failure",
    "Handling",
    "Reason",
    "classify",
    "failure_table",
    "read_failure",
    "sentence_in",
]
