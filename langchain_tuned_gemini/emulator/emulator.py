"""A local Gemini tuning API on a real socket."""

from __future__ import annotations

import re
import time
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from langchain_tuned_gemini.emulator.app import App
from langchain_tuned_gemini.emulator.armed_rules import ArmedRules
from langchain_tuned_gemini.emulator.developer import tuned_model_admin
from langchain_tuned_gemini.emulator.faults.fault import Fault
from langchain_tuned_gemini.emulator.http.server import LOOPBACK, Connections, Server
from langchain_tuned_gemini.emulator.model.answers import ArmedScript, Script, Scripted, as_answer
from langchain_tuned_gemini.emulator.model.base_models import KNOWN, ServedModel
from langchain_tuned_gemini.emulator.routes import GOOGLES_HOSTS
from langchain_tuned_gemini.emulator.state.progression import Progression, immediate
from langchain_tuned_gemini.emulator.state.store import Options, Store
from langchain_tuned_gemini.emulator.vertex import tuning_job_admin
from langchain_tuned_gemini.emulator.vertex.cloud_storage import read_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import ModuleType

    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.http.requests import RecordedRequest

P = ParamSpec("P")
R = TypeVar("R")


def _locked(change: Callable[Concatenate[Store, P], R]) -> Callable[Concatenate[Emulator, P], R]:
    """A method with the parameters of a function that changes the store."""

    @wraps(change)
    def locked(emulator: Emulator, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with emulator._store.lock:
            return change(emulator._store, *args, **kwargs)

    return locked


class Emulator:
    """Tuned Gemini models on both of Google's services, for tests, demos and CI.

    One base URL serves the Gemini Developer API and Vertex AI, told apart by the path, or by
    the host where Google's names lead here. Google's own SDKs talk to it unchanged.

    A tuned model in it answers with the output of its nearest training example; a base model
    with that of the nearest few-shot example in its prompt, and without any it says that it
    knows nothing. Functions that a question names are called, with arguments from its text, and
    what they return is told; an answer in JSON is an instance of its schema. What else a model
    shall answer, a test says by `script`. It is not a language model.

    Example:
        >>> import httpx
        >>> with Emulator() as gemini:
        ...     dogs = [("List all dogs", "SELECT * FROM dogs")]
        ...     gemini.add_tuned_model("tunedModels/dogs", examples=dogs)
        ...     url = f"{gemini.base_url}/v1beta/tunedModels/dogs:generateContent?key=any"
        ...     question = {"contents": [{"parts": [{"text": "list the dogs"}]}]}
        ...     answer = httpx.post(url, json=question).json()
        ...     with gemini.fault(model="tunedModels/dogs", status=503):
        ...         refusal = httpx.post(url, json=question)
        >>> answer["candidates"][0]["content"]["parts"][0]["text"]
        'SELECT * FROM dogs'
        >>> refusal.status_code, len(gemini.requests)
        (503, 2)

    Args:
        port: The TCP port on 127.0.0.1; 0 takes a free one.
        progression: How created models become ACTIVE and tuning jobs SUCCEEDED:
            `immediate()` (the default), `manual()` or `after(seconds)`.
        fails: Ids or display names of models whose creation ends FAILED.
        files: Training data for tuning jobs: what `add_file` takes, by `gs://` URI.
        clock: Returns seconds since the epoch; tests set the time with it.
        answer_while_creating: HTTP status of generate calls to a CREATING model. No
            public source shows it: 400 FAILED_PRECONDITION is a guess.
        answer_while_failed: The same for a FAILED model, a guess too.
        answer_when_missing: HTTP status of generate calls to a model that does not
            exist. Google seems to answer 403 for whatever it will not reveal
            (deprecated-generative-ai-js issue 240); 404 is what get answers.
        answer_while_undeployed: The same for a call to an endpoint of Vertex AI that has no
            deployed model. No public source shows it: 400 is a guess.
        operation_duration: Seconds that undeploying, deleting and cancelling take on Vertex
            AI; 0 does them before the answer.
        project_numbers: The number of a project by its id. Vertex AI shows numbers in its
            names, whatever it is asked by; here a project is shown as it is asked, unless
            it has a number here. Both then mean the same project.
        latency: Seconds that a model thinks before each answer.
        rejected_keys: API keys that get Google's "API key not valid". Every other
            key, and every bearer token, is accepted.
        hosts: Host names to answer to besides loopback. Google's are there by default,
            for clients whose transport is routed to the emulator; those of Vertex AI serve
            the location in them only.

    Attributes:
        fault: Arms a [`Fault`][langchain_tuned_gemini.emulator.Fault]: takes its fields as
            keyword arguments, and returns an
            [`ArmedFault`][langchain_tuned_gemini.emulator.ArmedFault], which is a context
            manager and has `remove()`, `calls` and `hits`. Of several that fit a call, the last
            one hits it.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        progression: Progression | None = None,
        fails: Collection[str] = (),
        files: Mapping[str, Examples] | None = None,
        clock: Callable[[], float] = time.time,
        answer_while_creating: int = 400,
        answer_while_failed: int = 400,
        answer_when_missing: int = 404,
        answer_while_undeployed: int = 400,
        operation_duration: float = 0,
        project_numbers: Mapping[str, str] | None = None,
        latency: float = 0,
        rejected_keys: Collection[str] = (),
        hosts: Collection[str] | None = None,
    ) -> None:
        """Nothing listens before `start`, or `with`."""
        options = Options(
            progression=immediate() if progression is None else progression,
            clock=clock,
            fails=frozenset(fails),
            answer_while_creating=answer_while_creating,
            answer_while_failed=answer_while_failed,
            answer_when_missing=answer_when_missing,
            answer_while_undeployed=answer_while_undeployed,
            operation_duration=operation_duration,
            project_numbers=dict(project_numbers or {}),
            latency=latency,
            rejected_keys=frozenset(rejected_keys),
            hosts=frozenset(GOOGLES_HOSTS if hosts is None else hosts),
        )
        self._store = Store(options, {model.name: model for model in KNOWN})
        self._faults: ArmedRules[Fault] = ArmedRules()
        self._connections = Connections()
        self._app = App(self._store, self._faults, self._connections)
        self._server = Server(self._app, self._connections, port)
        self.fault = _composed(Fault, self._faults.arm)
        self._store.vertex.files.update(read_files(files or {}))

    def start(self) -> None:
        """Listens; does nothing if it runs already.

        Raises:
            OSError: The port is taken.
        """
        self._server.start()

    def stop(self) -> None:
        """Stops listening and drops every connection; does nothing if it is stopped.

        The models stay, and `start` serves them again.
        """
        self._server.stop()

    def __enter__(self) -> Self:
        """Starts."""
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stops."""
        self.stop()

    @property
    def base_url(self) -> str:
        """Where it listens, `http://127.0.0.1:53187`.

        Raises:
            RuntimeError: It does not run.
        """
        port = self._server.port
        if port is None:
            msg = "the emulator is not running: use `with Emulator() as gemini`, or start()"
            raise RuntimeError(msg)
        return f"http://{LOOPBACK}:{port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests that arrived so far, oldest first; never with credentials."""
        return list(self._app.requests)

    @property
    def connections(self) -> int:
        """The number of TCP connections that were accepted so far."""
        return self._connections.accepted

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._faults.clear()

    def script(
        self,
        *answers: Scripted,
        model: str | None = None,
        when: str | re.Pattern[str] | None = None,
        nth: int = 1,
        times: int | None = None,
    ) -> ArmedScript:
        """Lets models answer what a test says, on both services, streamed or not.

        One answer is given to every call that it is for. Of several each is given once, in
        their order; then the script is over. Calls that no script is for, or that come after
        its end, are answered by the emulator's own rules. Of several scripts that are for a
        call, the last one answers it. A call that a fault answers is not counted.

        What a script does not change: requests that Google refuses are refused (400 for a
        function call in the history without its response, for one), and `stopSequences` and
        `maxOutputTokens` cut the text.

        Args:
            *answers: Each a text; a `FunctionCall`; a list of these, for calls at once; a dict,
                for JSON; or a `ModelAnswer`, for a finish reason, thoughts, or counts of tokens.
            model: Only calls of this model, named as a fault's is; of all by default.
            when: Only calls whose last message has this text in it, in capitals or not, or
                where this pattern finds something. That message is what the user said, or the
                JSON of what functions returned.
            nth: Only from the nth such call on, counted from 1 since the script was armed.
            times: How many calls are answered; several answers go round until then. By default
                all calls for one answer, and each answer once for several.

        Returns:
            The script, armed: a context manager, which ends it, with `remove()`, `calls` (how
            many it was for) and `hits` (how many it answered).

        Raises:
            TypeError: An answer is of another type.
            ValueError: There is no answer, or a number is less than 1.

        Example:
            An agent that calls a tool and then answers, without a rule of the emulator's:

            >>> import httpx
            >>> from langchain_tuned_gemini.emulator import FunctionCall
            >>> def text_of(answer):
            ...     return answer.json()["candidates"][0]["content"]["parts"][0].get("text")
            >>> rain = FunctionCall("weather", {"city": "Oslo"})
            >>> question = {"contents": [{"parts": [{"text": "Umbrella?"}]}]}
            >>> with Emulator() as gemini:
            ...     base = f"{gemini.base_url}/v1beta/models/gemini-2.5-flash"
            ...     url = f"{base}:generateContent?key=any"
            ...     with gemini.script(rain, "Take one.") as script:
            ...         first, second = (httpx.post(url, json=question) for _ in range(2))
            ...     with gemini.script("Hello!", when="umbrella", model="gemini-2.5-flash"):
            ...         third = httpx.post(url, json=question)
            >>> first.json()["candidates"][0]["content"]["parts"]
            [{'functionCall': {'name': 'weather', 'args': {'city': 'Oslo'}}}]
            >>> text_of(second), text_of(third), script.hits
            ('Take one.', 'Hello!', 2)
        """
        said = tuple(map(as_answer, answers))
        script = Script(answers=said, model=model, when=when, nth=nth, times=times)
        return self._store.scripts.arm(script)

    def clear_scripts(self) -> None:
        """Ends all scripts."""
        self._store.scripts.clear()

    def add_base_model(self, model: ServedModel | str) -> None:
        """Lets the emulator know one more base model, or know one differently.

        Args:
            model: The model, or its name, `models/ID`, for one with the usual limits.
        """
        added = ServedModel(name=model) if isinstance(model, str) else model
        with self._store.lock:
            self._store.base_models[added.name] = added

    add_tuned_model = _locked(tuned_model_admin.add_tuned_model)
    add_vertex_model = _locked(tuning_job_admin.add_vertex_model)

    def add_file(self, uri: str, content: Examples) -> None:
        """Puts training data where a tuning job of Vertex AI finds it.

        Args:
            uri: `gs://bucket/object`.
            content: A local JSONL file's path, or its rows, in Vertex AI's format,
                `{"contents": [...]}`, or as `add_tuned_model` takes them.
        """
        added = read_files({uri: content})
        with self._store.lock:
            self._store.vertex.files.update(added)

    def set_state(self, name: str, state: str, *, error: tuple[int, str] | None = None) -> None:
        """Puts a tuned model, or the tuning job of one, into a state now.

        Args:
            name: `tunedModels/ID`; on Vertex AI the job, or the endpoint or model that it has.
            state: `CREATING`, `ACTIVE` or `FAILED`; on Vertex AI any `JOB_STATE_…`, or a
                `TUNING_JOB_STATE_…`, which makes the job RUNNING. Model and endpoint are
                there only while the job is SUCCEEDED or PARTIALLY_SUCCEEDED.
            error: Code and message of what went wrong, for FAILED and CANCELLED.
        """
        with self._store.lock:
            _admin(name).set_state(self._store, name, state, error)

    def advance(self, name: str, steps: int | None = None) -> None:
        """Makes a model in the making go on by so many tuning steps, or to its end.

        Raises:
            LookupError: There is no such model.
            ValueError: Its tuning has ended.
        """
        with self._store.lock:
            _admin(name).advance(self._store, name, steps)

    def delete_tuned_model(self, name: str) -> None:
        """Removes a tuned model as if somebody else had deleted it.

        On Vertex AI its endpoints go, too; its job stays.
        """
        with self._store.lock:
            _admin(name).delete(self._store, name)


def _admin(name: str) -> ModuleType:
    return tuning_job_admin if name.startswith("projects/") else tuned_model_admin


def _composed(make: Callable[P, Fault], use: Callable[[Fault], R]) -> Callable[P, R]:
    """`use` with the parameters of `make`: the fields of a fault are listed once."""

    @wraps(make)
    def composed(*args: P.args, **kwargs: P.kwargs) -> R:
        return use(make(*args, **kwargs))

    return composed
