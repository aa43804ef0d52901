"""google-generativeai over REST, unmodified, against the emulator.

The library is the only one that speaks the whole tuning API. It is slow to import and
warns about its own end, so it stays in this module.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, FunctionCall, ServedModel, after, manual

if TYPE_CHECKING:
    from collections.abc import Iterator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai: Any = pytest.importorskip("google.generativeai")
    exceptions: Any = pytest.importorskip("google.api_core.exceptions")

pytestmark = pytest.mark.filterwarnings("ignore")

MODEL = "tunedModels/sql-expert-v1"
BASE = "models/gemini-1.5-flash-001-tuning"
ROWS = [{"text_input": str(i), "output": str(i + 1)} for i in range(15)]


def configure(gemini: Emulator) -> None:
    genai.configure(api_key="k", transport="rest", client_options={"api_endpoint": gemini.base_url})


@pytest.fixture(autouse=True)
def configured(gemini: Emulator) -> None:
    configure(gemini)


def create(**options: Any) -> Any:
    return genai.create_tuned_model(
        source_model=BASE, training_data=ROWS, batch_size=2, epoch_count=5, **options
    )


def test_a_creation_ends_with_the_model_and_its_snapshots() -> None:
    operation = create(id="next-number", display_name="Next number")

    model = operation.result(timeout=5)

    assert operation.metadata.total_steps == 38
    assert model.name == "tunedModels/next-number"
    assert model.state.name == "ACTIVE"
    assert model.display_name == "Next number"
    assert model.tuning_task.hyperparameters.batch_size == 2
    assert [snapshot["step"] for snapshot in model.tuning_task.snapshots] == list(range(1, 39))


class Ticking:
    """A clock that goes on a second at every look."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def slow() -> Iterator[Emulator]:
    with Emulator(progression=after(20), clock=Ticking(), fails=["doomed"]) as emulator:
        configure(emulator)
        yield emulator


def test_a_creation_shows_its_progress(slow: Emulator) -> None:
    operation = create(id="slow")

    progress = [
        metadata.completed_steps
        for metadata in operation.wait_bar(interval=0, disable=True, timeout=5)
    ]

    assert len(progress) >= 5
    assert progress == sorted(progress)
    assert operation.result().name == "tunedModels/slow"


def test_a_creation_that_fails_raises_in_its_result(slow: Emulator) -> None:
    operation = create(id="doomed")

    with pytest.raises(exceptions.GoogleAPICallError, match="Tuning the model failed"):
        for _ in operation.wait_bar(interval=0, disable=True, timeout=5):
            pass


def test_an_id_that_is_taken_is_a_conflict() -> None:
    with pytest.raises(exceptions.Conflict):
        create(id="sql-expert-v1")


def test_a_model_is_tuned_from_a_tuned_model(gemini: Emulator) -> None:
    gemini.add_base_model(ServedModel(name=BASE, tunable=True, tunable_again=True))

    operation = genai.create_tuned_model(source_model=MODEL, training_data=ROWS, id="second")

    assert operation.result(timeout=5).source_model == MODEL


def test_operations_are_read_and_listed() -> None:
    with Emulator(progression=manual()) as gemini:
        configure(gemini)
        created = create(id="slow")
        operation = genai.get_operation(created.operation.name)
        gemini.advance("tunedModels/slow", steps=7)
        operation.update()

        assert operation.metadata.completed_steps == 7
        assert not operation.done()


def test_a_model_is_read_with_all_that_it_has(gemini: Emulator) -> None:
    model = genai.get_tuned_model(MODEL)

    assert model.state.name == "ACTIVE"
    assert model.base_model == BASE
    assert (model.temperature, model.top_k) == (1, 64)
    assert model.create_time.isoformat() == "2023-11-14T22:13:20.250000+00:00"


def test_models_are_listed_over_all_pages(gemini: Emulator) -> None:
    for number in range(60):
        gemini.add_tuned_model(f"tunedModels/m{number}")

    names = [model.name for model in genai.list_tuned_models()]

    assert len(names) == len(set(names)) == 61


def test_a_model_is_changed_by_its_mask_and_the_whole_of_it(gemini: Emulator) -> None:
    genai.update_tuned_model(MODEL, {"description": "Knows SQL", "temperature": 0.25})

    model = genai.get_tuned_model(MODEL)
    (patch,) = [request for request in gemini.requests if request.call == "patch"]
    assert (model.description, model.temperature) == ("Knows SQL", 0.25)
    assert set(patch.query["updateMask"].split(",")) == {"description", "temperature"}
    assert patch.body["state"] == 2


def test_a_deleted_model_is_not_found() -> None:
    genai.delete_tuned_model(MODEL)

    with pytest.raises(exceptions.NotFound, match=f"Tuned model {MODEL} does not exist"):
        genai.get_tuned_model(MODEL)


def test_a_model_is_shared_and_given_away() -> None:
    permissions = genai.get_tuned_model(MODEL).permissions
    reader = permissions.create("READER", "USER", "you@example.com")
    reader.update({"role": "WRITER"})
    roles = {p.email_address: p.role.name for p in permissions}
    reader.delete()
    permissions.transfer_ownership("heir@example.com")
    given_away = {p.email_address: p.role.name for p in permissions}

    assert roles == {"me@example.com": "OWNER", "you@example.com": "WRITER"}
    assert given_away == {"heir@example.com": "OWNER", "me@example.com": "WRITER"}


def test_a_tuned_model_generates() -> None:
    answer = genai.GenerativeModel(MODEL).generate_content("List all dogs")

    assert answer.text == "SELECT * FROM dogs"
    assert answer.candidates[0].finish_reason.name == "STOP"
    assert answer.usage_metadata.candidates_token_count == 5


def test_a_tuned_model_streams() -> None:
    chunks = list(genai.GenerativeModel(MODEL).generate_content("List all dogs", stream=True))

    assert [chunk.text for chunk in chunks] == ["SELECT ", "* ", "FROM ", "dogs"]


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequest"), (403, "Forbidden"), (404, "NotFound"), (429, "TooManyRequests")],
)
def test_errors_have_their_classes(gemini: Emulator, status: int, name: str) -> None:
    gemini.fault(status=status)

    with pytest.raises(getattr(exceptions, name)):
        genai.GenerativeModel(MODEL).generate_content("List all dogs")


def test_base_models_are_listed() -> None:
    tunable = [
        model.name
        for model in genai.list_models()
        if "createTunedModel" in model.supported_generation_methods
    ]

    assert tunable == [BASE]


def test_tokens_of_a_base_model_are_counted() -> None:
    assert genai.GenerativeModel("gemini-3.5-flash").count_tokens("x" * 41).total_tokens == 11


def get_weather(city: str, days: int) -> str:
    """Tells the weather."""
    return f"It rains in {city} for {days:.0f} days."  # a Struct has floats only


def test_functions_are_called_and_answered_by_the_library_itself() -> None:
    model = genai.GenerativeModel("gemini-2.5-flash", tools=[get_weather])
    chat = model.start_chat(enable_automatic_function_calling=True)

    answer = chat.send_message("What is the weather in Oslo for 3 days?")

    assert answer.text == "It rains in Oslo for 3 days."


def test_arguments_of_a_call_stay_what_they_are(gemini: Emulator) -> None:
    model = genai.GenerativeModel("gemini-2.5-flash", tools=[get_weather])

    with gemini.script(FunctionCall("get_weather", {"state": "ACTIVE", "days": 3})):
        (part,) = model.generate_content("Hi").candidates[0].content.parts

    assert dict(part.function_call.args) == {"state": "ACTIVE", "days": 3}
