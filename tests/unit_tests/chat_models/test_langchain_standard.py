"""LangChain's own tests for chat models, none of them excepted."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel

TUNED = "tunedModels/next-number"
ENDPOINT = "projects/acme/locations/us-central1/endpoints/42"


@pytest.fixture(autouse=True)
def allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets "all", with which `test_serdes` loads, mean our classes, too.

    langchain-core's list of the classes that it means is closed to other packages, so that
    this test could never pass for one. Everyone else names the classes that may be loaded.
    """
    # langchain_core.load.load is a function and a module: `import … as` finds the function.
    module = import_module("langchain_core.load.load")
    monkeypatch.setattr(module, "_default_class_paths_cache", {})
    for kind in (ChatTunedGemini, FallbackChatModel):
        path = tuple(kind.lc_id())
        monkeypatch.setitem(module.ALL_SERIALIZABLE_MAPPINGS, path, path)
    monkeypatch.setenv("GOOGLE_API_KEY", "key")


class TestChatTunedGemini(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatTunedGemini

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": TUNED}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"GOOGLE_API_KEY": "key"}, {"model": TUNED}, {"google_api_key": "key"}


class TestChatTunedGeminiOnVertex(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatTunedGemini

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": ENDPOINT, "api_key": "key"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        place = {"GOOGLE_CLOUD_PROJECT": "acme", "GOOGLE_CLOUD_LOCATION": "us-central1"}
        return place, {"model": "endpoints/42"}, {"model": ENDPOINT}


@pytest.mark.filterwarnings("ignore:.*no effect on FallbackChatModel")
class TestFallbackChatModel(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return FallbackChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        base = ChatGoogleGenerativeAI(model="gemini-2.5-flash", api_key="key")
        return {"models": [ChatTunedGemini(model=TUNED, api_key="key"), base]}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"GOOGLE_API_KEY": "key"}, self.chat_model_params, {}
