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
    CommandError,
    ExitCode,
    exit_code_of,
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

    async def aget(self, name: object) -> TunedModel:
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


PYTHON_AND_COMMAND_LINE = [
    (
        lambda: wait_until_active(Creating(), "tunedModels/x", timeout=0),
        "Wait longer with a larger timeout, or add a fallback with with_few_shot_fallback(...).",
        "Wait longer with --timeout SECONDS.",
    ),
    (
        raise_not_ready,
        "Call wait_until_active() first, or add a fallback with with_few_shot_fallback(...).",
        "Wait for it, with tuned-gemini wait, or let a base model stand in: --fallback BASE --examples FILE.",
    ),
    (
        refused,
        "Ask again, or add a fallback with with_few_shot_fallback(...).",
        "Ask again, or let a base model stand in: --fallback BASE --examples FILE.",
    ),
    (
        lambda: conversation().rows("csv"),
        "To leave that out, say lossy=True to `rows`, `lines` or `write`.",
        "To leave that out, add --lossy.",
    ),
    (
        no_credentials,
        "Pass credentials=... or api_key=..., or run: gcloud auth application-default login",
        "Run: gcloud auth application-default login",
    ),
    (
        another_is_creating,
        "Wait for it, or say that another one is wanted beside it: alongside=True.",
        "Wait for it, with tuned-gemini wait, or add --alongside.",
    ),
    (
        lambda: vertex().create([("1", "2")], base_model="gemini-3.5-flash"),
        "Pass their gs:// URI, or say where to put them: VertexService(upload='gs://bucket/folder').",
        "Say where to put them: --upload-to gs://BUCKET/FOLDER.",
    ),
    (
        lambda: creation_plan._origin(NewVersion(platform="vertex"), None, "x"),
        "Say which one: base_model=...",
        "Pass --base-model.",
    ),
    (
        lambda: creation_plan._origin(NewVersion(), None, "x"),
        "Say which one: platform=...",
        "Pass --platform.",
    ),
    (
        lambda: creation_plan._examples(NewVersion(), None, NEXT, "vertex"),
        "Pass at least one file.",
        "Pass --data FILE.",
    ),
    (
        lambda: Records("nowhere.toml").load().target(AliasName("x", "production")),
        "Say where it is, in TUNED_MODELS or with records=..., or go to its directory. The first promotion makes one.",
        "Say where it is, in TUNED_MODELS or with --records, or go to its directory. The first promotion makes one.",
    ),
    (
        parse("42", location="us-central1"),
        "Pass project=..., set GOOGLE_CLOUD_PROJECT, or write the full name: projects/P/locations/L/endpoints/E.",
        "Pass --project, set GOOGLE_CLOUD_PROJECT, or write the full name: projects/P/locations/L/endpoints/E.",
    ),
    (
        parse("42", project="acme"),
        "Pass location=..., set GOOGLE_CLOUD_LOCATION, or write the full name: projects/P/locations/L/endpoints/E.",
        "Pass --location, set GOOGLE_CLOUD_LOCATION, or write the full name: projects/P/locations/L/endpoints/E.",
    ),
    (
        parse("42", project="acme", location="global"),
        "Pass that one, for example location='us-central1'.",
        "Pass that one, for example --location us-central1.",
    ),
    (
        parse("projects/acme/locations/us-central1/endpoints/42", location="europe-west4"),
        "Leave location='europe-west4' out.",
        "Leave --location europe-west4 out.",
    ),
    (
        parse("models/gemini-2.5-flash"),
        "Use ChatGoogleGenerativeAI for it, or pass it as the fallback: model.with_few_shot_fallback(base, examples=...).",
        "It may stand in for one: --fallback.",
    ),
    (
        lambda: TuningDataset.read(io.StringIO("question,answer\n1,2\n")),
        'If the fields have other names, say which: columns={"text_input": ..., "output": ...}.',
        "If the fields have other names, say which: --column text_input=COLUMN --column output=COLUMN.",
    ),
    (
        lambda: check_base(""),
        'Name one: with_few_shot_fallback("gemini-3.5-flash", examples=...).',
        "Name one: --fallback gemini-3.5-flash.",
    ),
    (
        lambda: check_base("tunedModels/x"),
        'Name one: with_few_shot_fallback("gemini-3.5-flash", examples=...). Another tuned model that is to stand in is passed as a model: with_few_shot_fallback(ChatTunedGemini(model=...), ...).',
        "Name one: --fallback gemini-3.5-flash.",
    ),
    (
        parse("x"),
        "Without that Google looks for a base model; for one, use ChatGoogleGenerativeAI.",
        "",
    ),
]


@pytest.mark.parametrize(("raises", "in_python", "for_command_line"), PYTHON_AND_COMMAND_LINE)
def test_an_error_advises_what_can_be_done_at_the_command_line(
    raises: Callable[[], object], in_python: str, for_command_line: str, no_environment: None
) -> None:
    with pytest.raises(TunedGeminiError) as raised:
        raises()

    assert in_python in str(raised.value)
    text = sentence_for(raised.value) or ""
    assert text == raised.value.for_command_line
    assert text.endswith(for_command_line)
    assert in_python not in text


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
