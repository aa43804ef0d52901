"""`tuned-gemini doctor`."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError

import pytest

from langchain_tuned_gemini.cli import diagnosis
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.integration_tests.cli.terminal import AT, LOCATION, PROJECT, rows

ON_VERTEX = ["--project", PROJECT, "--location", LOCATION]
KEY = "AIzaSyDoNotShowThisToAnybodyAtAll"


@pytest.fixture(scope="module")
def gemini():
    """Two platforms with a failed model and a base that was retired."""
    with Emulator(rejected_keys=["wrong-key"]) as emulator:
        emulator.add_tuned_model("tunedModels/fine")
        emulator.add_tuned_model("tunedModels/broken", state="FAILED")
        emulator.add_vertex_model(f"{AT}/tuningJobs/7", base_model="gemini-2.5-flash")
        yield emulator


def found(done) -> dict[str, list[tuple[str, str]]]:
    """What was found, by what it is about."""
    told: dict[str, list[tuple[str, str]]] = {}
    for level, about, text in rows(done.out):
        told.setdefault(about, []).append((level, text))
    return told


def test_a_sound_set_up_has_no_problem(run) -> None:
    done = run("doctor", "tunedModels/fine")

    told = found(done)
    assert done.code == ExitCode.OK
    assert told["versions"][0][0] == "ok"
    assert "google-genai" in told["versions"][0][1]
    assert told["models (developer)"] == [
        ("ok", "2 tuned models can be seen, 1 of them ACTIVE."),
        ("note", "1 will never answer. To delete them: tuned-gemini delete --failed"),
    ]
    assert told["tunedModels/fine"][0][1].startswith("ready: ")


def test_a_retired_base_is_a_problem(run) -> None:
    done = run("doctor", *ON_VERTEX, "--json")

    (base,) = (f for f in json.loads(done.out) if f["about"] == "base model")
    assert done.code == ExitCode.FAILED
    assert base["level"] == "problem"
    assert "gemini-2.5-flash was retired on Vertex AI on 2026-10-20" in base["told"]
    assert "From it come 1 ACTIVE tuned model" in base["told"]


def test_rights_that_lack_are_named_with_what_they_are_for(run, gemini) -> None:
    with gemini.fault(method="endpoints.list", status=403):
        told = found(run("doctor", *ON_VERTEX))

    assert told["aiplatform.tuningJobs.list"] == [("ok", "allowed.")]
    ((level, text),) = told["aiplatform.endpoints.list"]
    assert level == "note"
    assert text.startswith("forbidden to this account; needed for telling deleted models")


@pytest.mark.parametrize(
    ("environment", "level", "words"),
    [
        ({"GOOGLE_API_KEY": KEY}, "ok", f"GOOGLE_API_KEY is set ({len(KEY)} characters)."),
        ({"GOOGLE_API_KEY": f"{KEY} "}, "problem", "has spaces"),
        ({"GOOGLE_API_KEY": f"'{KEY}'"}, "problem", "quotes"),
        ({"GOOGLE_API_KEY": KEY, "GEMINI_API_KEY": "other"}, "note", "GEMINI_API_KEY says"),
    ],
)
def test_a_key_is_looked_at_and_never_shown(run, monkeypatch, environment, level, words) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    done = run("doctor")

    ((seen, text),) = found(done)["API key"]
    assert (seen, words in text) == (level, True)
    for secret in (KEY, KEY[:8]):
        assert secret not in done.out + done.err


def test_a_key_that_google_rejects_is_a_problem(run, monkeypatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "wrong-key")

    done = run("doctor")

    ((level, text),) = found(done)["models (developer)"]
    assert (done.code, level) == (ExitCode.FAILED, "problem")
    assert "Check the API key" in text
    assert "wrong-key" not in done.out


@pytest.mark.parametrize(
    ("arguments", "about", "told"),
    [
        (["--project", "acme", "--location", "global"], "location", "--location us-central1"),
        (["--project", "acme"], "not asked", "Vertex AI (--location)"),
        (["tunedModels/gone"], "tunedModels/gone", "deleted: "),
        (["tunedModels/broken"], "tunedModels/broken", "failed: "),
        (["no name"], "no name", "not a tuned model's full name"),
        (["--base-url", "http://127.0.0.1:1"], "models (developer)", "Connection refused"),
    ],
)
def test_what_is_wrong_says_what_to_do(run, arguments, about, told) -> None:
    done = run("doctor", *arguments)

    assert told in found(done)[about][-1][1]
    assert "Traceback" not in done.err


def test_nothing_set_up_is_a_problem(run, monkeypatch) -> None:
    monkeypatch.delenv("TUNED_GEMINI_BASE_URL")

    done = run("doctor")

    assert done.code == ExitCode.FAILED
    assert "GOOGLE_API_KEY" in found(done)["set-up"][0][1]


def test_no_credentials_of_google_cloud_say_how_to_get_them(run, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    done = run("doctor", *ON_VERTEX)

    ((level, text),) = found(done)["Vertex AI"]
    assert level == "problem"
    assert "none.json was not found" in text
    assert "gcloud auth application-default login" in text
    assert "credentials=..." not in text


def test_a_proxy_is_named_without_its_password(run, monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:8080")

    ((level, text),) = found(run("doctor"))["network"]

    assert level == "note"
    assert "http://[hidden]@proxy.example:8080" in text
    assert "secret" not in text


def test_records_are_read(run, monkeypatch, tmp_path) -> None:
    path = tmp_path / "tuned-models.toml"
    monkeypatch.setenv("TUNED_MODELS", str(path))
    path.write_text("[x.versions.v1]\nmodel = 'tunedModels/fine'\n", encoding="utf-8")
    fine = found(run("doctor"))["records"]
    path.write_text("[x", encoding="utf-8")

    wrong = run("doctor")

    assert fine == [("ok", f"{path}: 1 version, 0 aliases.")]
    assert ("problem", "records") in {(level, about) for level, about, _ in rows(wrong.out)}
    assert wrong.code == ExitCode.FAILED


def installation(monkeypatch: pytest.MonkeyPatch, *requirements: str) -> dict[str, tuple[str, str]]:
    """What is found of a package that asks for these: levels and words, by what they are about."""
    monkeypatch.setattr(diagnosis, "requires", lambda _: requirements)
    return {finding.about: (finding.level, finding.told) for finding in diagnosis._installation()}


def test_packages_that_will_not_do_are_told(monkeypatch) -> None:
    there = installation(
        monkeypatch, "httpx<0.1", "nobody-has-this>=1", 'pytest>=1; extra == "x"', "rich"
    )

    problems = {about for about, (level, _) in there.items() if level == "problem"}
    assert problems == {"httpx", "nobody-has-this"}
    assert 'pip install "httpx<0.1"' in there["httpx"][1]
    assert "is not installed" in there["nobody-has-this"][1]


def test_a_copy_without_metadata_is_told(monkeypatch) -> None:
    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(diagnosis, "version", version)

    there = installation(monkeypatch, "httpx")

    assert there["versions"][1].startswith("Python 3.")
    assert there["installation"][0] == "note"


def test_extras_are_told_with_what_is_missing(monkeypatch) -> None:
    there = installation(
        monkeypatch, 'pytest>=1; extra == "emulator"', 'nobody-has-this; extra == "json"', "httpx"
    )

    assert there["extra emulator"][0] == "ok"
    assert there["extra json"][0] == "note"
    assert there["extra json"][1].endswith('pip install "langchain-tuned-gemini[json]"')
    assert "extra dev" not in there


RECORDS = """
[numbers]
fallback = {{ base_model = "{base}"{location} }}

[numbers.versions.v1]
model = "projects/acme/locations/europe-west4/endpoints/42"

[numbers.aliases]
production = "v1"
"""


@pytest.mark.parametrize(
    ("base", "location", "level", "words"),
    [
        ("gemini-3.5-flash", "", "ok", "answers in europe-west4. An outage of europe-west4 takes"),
        ("gemini-3.5-flash", "", "ok", "fallback_location='eu'"),
        ("gemini-3.5-flash", ', location = "eu"', "ok", "answers in eu."),
        ("gemini-3.9-flash", ', location = "eu"', "problem", "not found on Vertex AI in eu or in"),
        ("gemini-3.5-flash", ', location = "uk"', "problem", "no location 'uk'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Nothing is known of gemini-3.9-flash")
def test_the_base_model_is_asked_where_the_fallback_would(
    run, tmp_path, base, location, level, words
) -> None:
    path = tmp_path / "tuned-models.toml"
    path.write_text(RECORDS.format(base=base, location=location))
    with Emulator() as emulator:
        emulator.add_vertex_model("projects/acme/locations/europe-west4/endpoints/42")
        done = run(
            *("doctor", "numbers@production", "--records", str(path)),
            *("--project", "acme", "--location", "europe-west4", "--base-url", emulator.base_url),
        )

    ((seen, text),) = found(done)["fallback"]
    assert seen == level
    assert words in text


def test_without_a_recorded_fallback_the_base_model_can_be_named(run) -> None:
    nobody = found(run("doctor", "tunedModels/fine"))["fallback"]
    named = found(run("doctor", "tunedModels/fine", "--base", "gemini-3.5-flash"))["fallback"]

    assert nobody[0][0] == "note"
    assert "--base" in nobody[0][1]
    assert named == [("ok", "gemini-3.5-flash answers.")]
