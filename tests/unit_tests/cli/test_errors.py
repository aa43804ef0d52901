"""What the command line makes of errors."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from langchain_tuned_gemini import (
    AliasName,
    LossyConversionError,
    ModelLibrary,
    Records,
    TunedModel,
    TunedModelName,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
    TunedModelState,
    TuningDataset,
    VertexService,
    wait_until_active,
)
from langchain_tuned_gemini.chat_models.base_model_names import check_base
from langchain_tuned_gemini.cli.errors import (
    IN_PYTHON_AND_HERE,
    CommandError,
    ExitCode,
    exit_code_of,
    exit_code_table,
    for_the_command_line,
    meaning_of_call,
    sentence_for,
)
from langchain_tuned_gemini.errors import (
    AllModelsFailedError,
    AnswerRefusedError,
    DeletionIncompleteError,
    MissingExtraError,
    ServiceError,
    TunedGeminiError,
)
from langchain_tuned_gemini.library import (
    NewVersion,
    TuningPlan,
    TuningSettings,
    VersionName,
    create_version,
    creation_plan,
)
from langchain_tuned_gemini.provenance import AttemptRecord
from langchain_tuned_gemini.services.vertex.api import translated

CREATING = TunedModel("tunedModels/x", TunedModelState.CREATING, raw_state="CREATING")


class Creating:
    def get(self, name: object) -> TunedModel:
        return CREATING


def parse(name: str, **place: str) -> Callable[[], object]:
    return lambda: TunedModelName.parse(name, **place)


def conversation() -> TuningDataset:
    turns = [{"role": r, "content": r} for r in ("system", "user", "assistant")]
    return TuningDataset.of([{"messages": turns}])


def refused() -> None:
    raise AnswerRefusedError("too long", name="m", guard="g", answer=None)  # type: ignore[arg-type]


def no_credentials() -> None:
    import google.auth.exceptions

    with translated("Reading a model", "https://us-central1-aiplatform.googleapis.com"):
        raise google.auth.exceptions.DefaultCredentialsError("none were found")


def raise_not_ready() -> None:
    raise TunedModelNotReadyError.of(CREATING)


def vertex() -> VertexService:
    return VertexService("acme", "us-central1", api_key="not-a-real-key")


NEXT = VersionName("x", "v2")


def another_is_creating() -> None:
    plan = TuningPlan(
        NEXT,
        "vertex",
        "gemini-3.5-flash",
        TuningSettings(),
        None,
        "gs://a/b",
        is_merged=False,
        report=None,
        running=("x-v1",),
        prices=None,
    )
    create_version(ModelLibrary(vertex()), plan, vertex())


SPEAK_PYTHON = [
    lambda: wait_until_active(Creating(), "tunedModels/x", timeout=0),  # type: ignore[arg-type]
    raise_not_ready,
    refused,
    lambda: conversation().rows("csv"),
    no_credentials,
    another_is_creating,
    lambda: vertex().create([("1", "2")], base_model="gemini-3.5-flash"),
    lambda: creation_plan._origin(NewVersion(platform="vertex"), None, "x"),
    lambda: creation_plan._origin(NewVersion(), None, "x"),
    lambda: creation_plan._examples(NewVersion(), None, NEXT, "vertex"),
    lambda: Records("nowhere.toml").load().target(AliasName("x", "production")),
    parse("42", location="us-central1"),
    parse("42", project="acme"),
    parse("42", project="acme", location="global"),
    parse("models/gemini-2.5-flash"),
    lambda: TuningDataset.read(io.StringIO("question,answer\n1,2\n")),
    lambda: check_base(""),
    lambda: check_base("tunedModels/x"),
    parse("x"),
]


@pytest.mark.parametrize(
    ("raises", "in_python"),
    list(zip(SPEAK_PYTHON, [phrase for phrase, _ in IN_PYTHON_AND_HERE], strict=True)),
)
def test_advice_in_python_becomes_advice_for_the_command_line(
    raises: Callable[[], object], in_python: str, no_environment: None
) -> None:
    with pytest.raises(TunedGeminiError) as raised:
        raises()

    assert in_python in str(raised.value)
    told = sentence_for(raised.value) or ""
    assert told
    assert in_python not in told
    assert "=..." not in told
    assert told == for_the_command_line(str(raised.value))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TunedModelNotFoundError.of("tunedModels/x"), ExitCode.NEVER),
        (TunedModelNotReadyError.of(CREATING), ExitCode.NOT_YET),
        (MissingExtraError("x", extra="cli"), ExitCode.USAGE),
        (ServiceError("no"), ExitCode.FAILED),
        (
            DeletionIncompleteError(ServiceError("no"), name="m", done=[], left=["m"]),
            ExitCode.PARTLY,
        ),
        (CommandError("no", ExitCode.NOT_YET), ExitCode.NOT_YET),
        (LossyConversionError(conversation().losses("csv").problems), ExitCode.USAGE),
        (OSError("disk"), ExitCode.FAILED),
    ],
)
def test_an_error_has_an_exit_code(error: Exception, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_a_bug_has_no_sentence() -> None:
    assert sentence_for(KeyError("a bug")) is None
    assert meaning_of_call(KeyError("a bug")) is None


def test_a_file_that_cannot_be_written_has_one() -> None:
    assert sentence_for(PermissionError(13, "Permission denied", "a.txt")) == (
        "a.txt: Permission denied."
    )


def test_a_call_that_failed_says_what_it_means_and_no_secret() -> None:
    told = meaning_of_call(ConnectionRefusedError(111, "Connection refused")) or ""

    assert told.startswith("The model did not answer (connection): Connection refused. Check")
    assert "AIzaSyDoNotShow" not in (sentence_for(ServiceError("key AIzaSyDoNotShowThis.")) or "")


def test_a_group_names_what_each_model_raised() -> None:
    attempts = [
        AttemptRecord("tunedModels/x", "tuned", "error", "connection", "ConnectionRefusedError")
    ]
    error = AllModelsFailedError(attempts, [ConnectionRefusedError(111, "Connection refused")])

    told = (sentence_for(error) or "").splitlines()

    assert told[0].startswith("No model could answer. tunedModels/x: connection")
    assert "Connection refused" in told[1]


def test_every_exit_code_has_its_line_in_the_table() -> None:
    table = exit_code_table().splitlines()

    assert len(table) == 2 + len(ExitCode)
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)
