"""What comes from the environment goes to Google and to this machine, and nowhere else."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from langchain_core.load import dumpd, load
from pydantic import SecretStr

from langchain_tuned_gemini import ChatTunedGemini, ParameterError
from langchain_tuned_gemini.secrets.trusted_hosts import check_destination

KEY = "AIza" + "k" * 35
NAME = "tunedModels/x"
ENDPOINT = "projects/acme/locations/us-central1/endpoints/42"
TRUSTED = [
    None,
    "https://generativelanguage.googleapis.com",
    "https://us-central1-aiplatform.googleapis.com/",
    "http://127.0.0.1:8080",
    "http://127.8.9.1:8080",
    "http://localhost:8080",
    "http://[::1]:8080",
    "https://LOCALHOST",
]
UNTRUSTED = [
    "https://gateway.example",
    "http://generativelanguage.googleapis.com",
    "https://googleapis.com",
    "https://evilgoogleapis.com",
    "https://googleapis.com.evil.example",
    "https://generativelanguage.googleapis.com@evil.example",
    "https://evil.example/.googleapis.com",
    "https://evil.example?.googleapis.com",
    "https://evil.example#.googleapis.com",
    "https://evil.example\\.googleapis.com",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://0.0.0.0:8080",
    "http://10.0.0.1",
    "http://[::1",
    "//evil.example",
    "evil.example",
    "",
]


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)


@pytest.mark.parametrize("address", TRUSTED)
def test_google_and_this_machine_get_the_key(address: str | None) -> None:
    check_destination(address)


@pytest.mark.parametrize("address", UNTRUSTED)
def test_nobody_else_gets_it(address: str) -> None:
    with pytest.raises(ParameterError, match="pass them along"):
        check_destination(address)


def loaded(document: dict[str, Any], **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # langchain-core marks load() as beta
        return load(
            document,
            allowed_objects=[ChatTunedGemini],
            valid_namespaces=["langchain_tuned_gemini"],
            **settings,
        )


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize("keeps_the_key", [True, False])
@pytest.mark.parametrize("name", [NAME, ENDPOINT])
def test_a_model_that_is_loaded_does_not_send_the_key_where_its_json_says(
    name: str, keeps_the_key: bool
) -> None:
    """Nor the application default credentials, which a model of Vertex AI would take."""
    document: Any = dumpd(ChatTunedGemini(model=name, api_key=KEY))
    document["kwargs"]["base_url"] = "https://evil.example"
    if not keeps_the_key:
        del document["kwargs"]["google_api_key"]

    with pytest.raises(ParameterError, match=r"evil\.example"):
        loaded(document)


@pytest.mark.usefixtures("_environment")
def test_a_model_that_is_loaded_takes_its_key_from_the_environment() -> None:
    twin = loaded(dumpd(ChatTunedGemini(model=NAME, api_key="another key")))

    assert twin.google_api_key.get_secret_value() == KEY


def test_a_key_that_is_handed_to_load_is_one_that_was_passed() -> None:
    model = ChatTunedGemini(model=NAME, api_key=KEY, base_url="https://gateway.example")

    twin = loaded(dumpd(model), secrets_map={"GOOGLE_API_KEY": "given"})

    assert twin.google_api_key.get_secret_value() == "given"
    assert twin.base_url == "https://gateway.example"


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize(
    "passed",
    [{"api_key": KEY}, {"credentials": AnonymousCredentials()}],
    ids=["key", "credentials"],
)
def test_whoever_writes_the_address_may_pass_along_what_it_gets(passed: dict[str, Any]) -> None:
    model = ChatTunedGemini(model=ENDPOINT, base_url="https://gateway.example", **passed)

    assert model.base_url == "https://gateway.example"


@pytest.mark.usefixtures("no_environment")
def test_without_any_key_the_error_is_about_the_key() -> None:
    with pytest.raises(ParameterError, match="needs an API key"):
        ChatTunedGemini(model=NAME, base_url="https://gateway.example")


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize(
    "passed",
    [
        {"model": NAME, "api_key": "given"},
        {"model": ENDPOINT, "api_key": "given"},
        {"model": ENDPOINT, "credentials": AnonymousCredentials()},
    ],
    ids=str,
)
def test_a_pickle_is_trusted_with_key_and_credentials(passed: dict[str, Any]) -> None:
    model = ChatTunedGemini(base_url="https://gateway.example", **passed)

    twin = pickle.loads(pickle.dumps(model))

    assert twin.base_url == "https://gateway.example"
    assert twin.google_api_key == (SecretStr(KEY) if "api_key" in passed else None)
