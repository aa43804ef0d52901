"""LangChain's own integration tests for chat models, on the emulator, none of them excepted.

Each model runs them beside bare `ChatGoogleGenerativeAI`, and claims no less than that does. The
tests download an image, a recording and a document; here small ones are handed to them.
"""

from __future__ import annotations

import base64
import gc
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import pytest
from google.oauth2.credentials import Credentials
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests.chat_models import ChatModelTests
from pydantic import ValidationError
from vcr import VCR
from vcr.request import Request

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator, ModelAnswer
from tests.conftest import Deployed

JOKE = '{"setup": "Why do cats purr?", "punchline": "They run on batteries."}'
EXAMPLES = [("Tell me a joke about cats.", JOKE), ("Hello", "Hello to you."), ("hi", "I hear you.")]
BASE = "gemini-3.5-flash"

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF")
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA=="
FILES = {
    "https://raw.githubusercontent.com/langchain-ai/docs/4d11d08b6b0e210bd456943f7a22febbd168b543/src/images/agentic-rag-output.png": PNG,
    "https://upload.wikimedia.org/wikipedia/commons/6/6a/Northern_Flicker_202280456.wav": WAV,
    "https://www.w3.org/WAI/ER/tests/xhtml/testfiles/resources/pdf/dummy.pdf": PDF,
}


class Downloads:
    """A cassette that nobody has recorded: what the tests download."""

    @classmethod
    def load_cassette(cls, *_: Any, **__: Any) -> tuple[list[Request], list[dict[str, Any]]]:
        status = {"code": 200, "message": "OK"}
        return [Request("GET", url, None, {}) for url in FILES], [
            {"status": status, "headers": {}, "body": {"string": base64.b64decode(file)}}
            for file in FILES.values()
        ]

    @staticmethod
    def save_cassette(*_: Any, **__: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def downloads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No request leaves this machine."""
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "tests")  # or the suite warns
    vcr = VCR(record_mode="none", ignore_localhost=True)
    vcr.register_persister(Downloads)
    with vcr.use_cassette("downloads", allow_playback_repeats=True):
        yield


@pytest.fixture
def vcr_config() -> dict[str, Any]:
    """Lets `test_stream_time` stream from the emulator, which is as quick as a cassette."""
    return {"record_mode": "none", "ignore_localhost": True}


@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")
class Suite(ChatModelIntegrationTests):
    """The tests, with all that is claimed for `ChatGoogleGenerativeAI`.

    What it can't do is not claimed: it refuses an image in Anthropic's form, and a call that names
    another model.
    """

    platform: ClassVar[str]
    deployed: ClassVar[Deployed]

    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_video_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_model_override = False
    supports_anthropic_inputs = False
    enable_vcr_tests = True

    @property
    def supported_usage_metadata_details(self) -> Any:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._answer(ModelAnswer(text="42", thought_tokens=90), stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._answer(
            ModelAnswer(text="42", prompt_tokens=5000, cached_tokens=4096), stream=stream
        )

    def _answer(self, scripted: ModelAnswer, *, stream: bool) -> AIMessage:
        model = self.chat_model_class(**self.chat_model_params)
        with self.deployed.emulator.script(scripted):
            if not stream:
                return model.invoke("6 * 7")
            first, *others = model.stream("6 * 7")
            return sum(others, cast("AIMessageChunk", first))

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def served(cls) -> Iterator[Emulator]:
        with Emulator() as gemini:
            cls.deployed = Deployed.add(gemini, cls.platform, EXAMPLES, model_id="jokes")
            yield gemini

    @classmethod
    def asked(cls) -> set[str | None]:
        """The models that were called."""
        requests = cls.deployed.emulator.requests
        return {r.model for r in requests if r.call in ("generateContent", "streamGenerateContent")}


class OnDeveloper:
    platform = "developer"


class OnVertex:
    platform = "vertex"


@pytest.mark.filterwarnings(
    # It leaves its connections to the garbage collector, which is to come before the next class.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
class Upstream(Suite):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def collected(cls, served: Emulator) -> Iterator[None]:
        yield
        gc.collect()

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatGoogleGenerativeAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        place: dict[str, Any] = {"api_key": "key"}
        if self.platform == "vertex":
            place = {"project": "acme", "location": "global", "credentials": Credentials("token")}
        return {"model": BASE, "base_url": self.deployed.emulator.base_url, **place}


class Tuned(Suite):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatTunedGemini

    @property
    def chat_model_params(self) -> dict[str, Any]:
        deployed = self.deployed
        return {"model": deployed.name, "api_key": "key", "base_url": deployed.emulator.base_url}


@pytest.mark.filterwarnings("ignore:.*no effect on FallbackChatModel")
class Fallback(Suite):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return FallbackChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        robust = self.deployed.chat().with_few_shot_fallback(BASE, examples=EXAMPLES)
        return {"models": robust.models}

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def only_the_tuned_model_answers(cls, served: Emulator) -> Iterator[None]:
        yield
        assert cls.asked() == {cls.deployed.name}


class FallbackWhileDown(Fallback):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def only_the_tuned_model_answers(cls, served: Emulator) -> Iterator[None]:
        with served.fault(model=cls.deployed.name, status=503) as fault:
            yield
        assert fault.hits > 0
        assert cls.asked() == {cls.deployed.name, f"models/{BASE}"}


class TestUpstream(OnDeveloper, Upstream):
    pass


class TestUpstreamOnVertex(OnVertex, Upstream):
    pass


class TestChatTunedGemini(OnDeveloper, Tuned):
    pass


class TestChatTunedGeminiOnVertex(OnVertex, Tuned):
    """Here with a schema that is sent; above the model's own JSON is read, as is the default."""

    structured_output_kwargs: ClassVar = {"method": "json_schema"}


class TestFallback(OnDeveloper, Fallback):
    pass


class TestFallbackOnVertex(OnVertex, Fallback):
    pass


class TestFallbackWhileDown(OnDeveloper, FallbackWhileDown):
    pass


class TestFallbackWhileDownOnVertex(OnVertex, FallbackWhileDown):
    pass


# Every test that the suite skips, it skips for one of these.
CLAIMS = [
    name
    for name, value in vars(ChatModelTests).items()
    if isinstance(value, property)
    and name.startswith(("has_", "supports_", "supported_", "returns_", "enable_"))
]


@pytest.mark.parametrize(
    "suite",
    [
        TestChatTunedGemini,
        TestChatTunedGeminiOnVertex,
        TestFallback,
        TestFallbackOnVertex,
        TestFallbackWhileDown,
        TestFallbackWhileDownOnVertex,
    ],
)
def test_no_less_is_claimed_than_for_upstream(suite: type[Suite]) -> None:
    claimed = {name: getattr(suite(), name) for name in CLAIMS}

    assert claimed == {name: getattr(TestUpstream(), name) for name in CLAIMS}
    assert claimed["has_tool_choice"]
    assert claimed["has_structured_output"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_upstream_can_not_do_what_is_not_claimed_for_it(emulator: Emulator) -> None:
    model = ChatGoogleGenerativeAI(model=BASE, api_key="key", base_url=emulator.base_url)
    source = {"type": "base64", "media_type": "image/png", "data": PNG}

    with pytest.raises(ValidationError, match="model"):
        model.invoke("Hello", model="gemini-2.5-flash")
    with pytest.raises(ValueError, match="Unrecognized message part type: image"):
        model.invoke([HumanMessage([{"type": "image", "source": source}])])

    assert emulator.requests == []
