"""What an exception of a model call means: why it failed, and whether another model may answer.

Nothing is caught that is not in the tables of this package. A bug, a cancellation, an interrupt
of LangGraph or an error that nobody foresaw has no meaning here, so it is raised untouched.

* `reasons`: the table of reasons: what happens by default, and what a circuit breaker counts.
* `known_errors`: which exception, status or word of the server is which reason.
* `answers`: what a server said in an error, about waiting above all.
* `classification`: puts the three together.
"""

from langchain_tuned_gemini.failures.classification import Failure, classify, sentence_in
from langchain_tuned_gemini.failures.reasons import Counts, Handling, Reason, failure_table

__all__ = ["Counts", "Failure", "Handling", "Reason", "classify", "failure_table", "sentence_in"]
