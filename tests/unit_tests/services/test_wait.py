"""The rules of waiting, with a service that is told what to answer and a clock that is turned."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.errors import (
    ParameterError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
    WaitCancelledError,
    WaitTimeoutError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import TunedModels
from langchain_tuned_gemini.services.wait import Progress, await_until_active, wait_until_active
from langchain_tuned_gemini.tuned_models.tuned_model import (
    TunedModel,
    TunedModelState,
    TuningSnapshot,
)

NAME = "tunedModels/sql-expert-v1"


def model(raw_state: str = "CREATING", **told) -> TunedModel:
    return TunedModel(NAME, TunedModelState.parse(raw_state), raw_state, **told)


CREATING, ACTIVE, FAILED = model(), model("ACTIVE"), model("FAILED")
OUTAGE = ServiceError("503", status=503)
UNREACHABLE = ServiceUnreachableError("http://127.0.0.1:1", "refused")


class Script:
    """A service that gives one answer after the other, and the last one for ever.

    It is also the clock, and the sleep that turns it: nothing here takes time.
    """

    def __init__(self, *answers: TunedModel | Exception, request_takes: float = 0.0) -> None:
        self._answers = list(answers)
        self._request_takes = request_takes
        self.now = 0.0
        self.asked: list[TunedModelName] = []
        self.pauses: list[float] = []

    def get(self, name: str | TunedModelName) -> TunedModel:
        self.asked.append(TunedModelName.parse(name))
        self.now += self._request_takes
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        return self.get(name)

    def list(self) -> TunedModels:
        raise AssertionError

    async def alist(self) -> TunedModels:
        raise AssertionError

    def delete(self, name) -> None:
        raise AssertionError

    async def adelete(self, name) -> None:
        raise AssertionError

    def create(self, *_, **__):
        raise AssertionError

    async def acreate(self, *_, **__):
        raise AssertionError

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


Wait = Callable[..., Awaitable[TunedModel]]


async def _wait(script: Script, name=NAME, **options) -> TunedModel:
    return wait_until_active(
        script, name, clock=script.clock, sleep=script.sleep, chance=lambda: 0.0, **options
    )


async def _await(script: Script, name=NAME, **options) -> TunedModel:
    return await await_until_active(
        script, name, clock=script.clock, sleep=script.asleep, chance=lambda: 0.0, **options
    )


@pytest.fixture(params=[_wait, _await], ids=["sync", "async"])
def wait(request) -> Wait:
    return request.param


async def test_the_wait_ends_when_the_model_is_active(wait: Wait):
    script = Script(CREATING, CREATING, ACTIVE)

    assert await wait(script) is not None

    assert script.asked == [TunedModelName.parse(NAME)] * 3
    assert script.pauses == [1.0, 1.5]


@pytest.mark.parametrize(
    "raw_state", ["FAILED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"]
)
async def test_a_failed_model_ends_the_wait_with_its_reason(wait: Wait, raw_state: str):
    script = Script(CREATING, model(raw_state, error="The dataset has 1 row."))

    with pytest.raises(
        TunedModelFailedError, match=r"The dataset has 1 row.*(tune|start) it again"
    ) as raised:
        await wait(script)

    assert raised.value.platform_reason == "The dataset has 1 row."
    assert raised.value.name == NAME
    assert not raised.value.is_retryable


async def test_a_model_that_is_deleted_meanwhile_ends_the_wait(wait: Wait):
    script = Script(CREATING, TunedModelNotFoundError.of(NAME))

    with pytest.raises(TunedModelNotFoundError, match=NAME):
        await wait(script)


@pytest.mark.parametrize("raw_state", ["JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED"])
async def test_a_tuning_job_that_has_succeeded_ends_the_wait(wait: Wait, raw_state: str):
    assert (await wait(Script(CREATING, model(raw_state)))).raw_state == raw_state


WAITED_FOR = [
    f"JOB_STATE_{word}"
    for word in ("UNSPECIFIED", "QUEUED", "PENDING", "RUNNING", "UPDATING", "PAUSED", "CANCELLING")
]


async def test_a_tuning_job_that_may_go_on_is_waited_for(wait: Wait):
    script = Script(*map(model, WAITED_FOR), model("JOB_STATE_SUCCEEDED"))

    assert (await wait(script)).state is TunedModelState.ACTIVE

    assert len(script.asked) == 8


async def test_what_a_tuning_job_is_at_shows_in_the_progress_and_in_the_error(wait: Wait):
    told = {"detail": "TUNING_JOB_STATE_WAITING_FOR_QUOTA", "completed_steps": 3}
    script = Script(model("JOB_STATE_RUNNING", total_steps=12, **told))
    seen: list[Progress] = []

    with pytest.raises(WaitTimeoutError, match=r"CREATING \(waiting for quota, 25%\) after"):
        await wait(script, timeout=0.0, on_progress=seen.append)

    assert [(progress.doing, progress.percent) for progress in seen] == [("waiting for quota", 25)]


async def test_a_state_never_seen_before_is_waited_for(wait: Wait):
    script = Script(model("DEPLOYING"), model("STATE_UNSPECIFIED"), ACTIVE)

    assert (await wait(script)).state is TunedModelState.ACTIVE


async def test_a_model_that_stays_creating_raises_with_the_time_waited(wait: Wait):
    script = Script(CREATING)

    with pytest.raises(WaitTimeoutError, match=r"still CREATING after 60\.0 s.*timeout") as raised:
        await wait(script, timeout=60.0)

    assert raised.value.waited == 60.0
    assert raised.value.state is TunedModelState.CREATING
    assert isinstance(raised.value, TimeoutError)
    assert isinstance(raised.value, TunedModelNotReadyError)


async def test_the_model_is_looked_at_once_more_at_the_deadline(wait: Wait):
    script = Script(CREATING, CREATING, ACTIVE)

    assert (await wait(script, timeout=2.0)).state is TunedModelState.ACTIVE

    assert script.pauses == [1.0, 1.0]


async def test_a_timeout_of_zero_looks_once(wait: Wait):
    script = Script(CREATING)

    with pytest.raises(WaitTimeoutError):
        await wait(script, timeout=0.0)

    assert len(script.asked) == 1
    assert script.pauses == []


async def test_an_outage_does_not_end_the_wait_and_shows_in_the_progress(wait: Wait):
    script = Script(CREATING, OUTAGE, UNREACHABLE, ACTIVE)
    seen: list[Progress] = []

    await wait(script, on_progress=seen.append)

    assert [progress.problem for progress in seen] == [None, OUTAGE, UNREACHABLE, None]
    assert [progress.model for progress in seen] == [CREATING, CREATING, CREATING, ACTIVE]
    assert [progress.waited for progress in seen] == [0.0, 1.0, 2.5, 4.75]


async def test_an_outage_until_the_deadline_is_the_cause_of_the_timeout(wait: Wait):
    script = Script(CREATING, OUTAGE)

    with pytest.raises(WaitTimeoutError, match="The last question failed: 503") as raised:
        await wait(script, timeout=120.0)

    assert raised.value.__cause__ is OUTAGE


async def test_an_overloaded_service_may_take_long_to_answer_for_the_first_time(wait: Wait):
    script = Script(*[OUTAGE] * 20, ACTIVE)

    assert (await wait(script)).state is TunedModelState.ACTIVE


async def test_an_address_that_never_answers_ends_the_wait_after_half_a_minute(wait: Wait):
    script = Script(UNREACHABLE)

    with pytest.raises(ServiceUnreachableError):
        await wait(script, timeout=3600.0)

    assert 30.0 <= script.now <= 60.0


async def test_an_address_that_has_answered_before_is_waited_for(wait: Wait):
    script = Script(CREATING, *[UNREACHABLE] * 20, ACTIVE)

    assert (await wait(script)).state is TunedModelState.ACTIVE


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_ends_the_wait_at_once(wait: Wait, status: int):
    script = Script(ServiceError("no", status=status))

    with pytest.raises(ServiceError, match="no"):
        await wait(script)

    assert script.pauses == []


async def test_steps_known_from_the_creation_turn_into_percent(wait: Wait):
    told = model(snapshots=(TuningSnapshot(step=19, epoch=2, mean_loss=3.5),))
    script = Script(CREATING, told, ACTIVE)
    seen: list[Progress] = []

    await wait(script, model(total_steps=38), on_progress=seen.append)

    assert [progress.percent for progress in seen] == [0.0, 50.0, 100.0]
    assert [progress.loss for progress in seen] == [None, 3.5, None]


async def test_without_a_number_of_steps_there_is_no_percentage(wait: Wait):
    seen: list[Progress] = []

    await wait(Script(OUTAGE, CREATING, ACTIVE), on_progress=seen.append)

    assert [progress.percent for progress in seen] == [None, None, 100.0]


async def test_what_on_progress_raises_ends_the_wait(wait: Wait):
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await wait(Script(CREATING), on_progress=stop)


@pytest.mark.parametrize("parameter", ["timeout", "poll_interval"])
@pytest.mark.parametrize("seconds", [-1.0, nan])
async def test_seconds_that_make_no_sense_are_refused(wait: Wait, parameter: str, seconds: float):
    script = Script(ACTIVE)

    with pytest.raises(ParameterError, match="must be seconds"):
        await wait(script, **{parameter: seconds})

    assert script.asked == []


async def test_a_pause_of_nothing_is_refused(wait: Wait):
    with pytest.raises(ParameterError, match="more than 0"):
        await wait(Script(ACTIVE), poll_interval=0.0)


async def test_a_bad_name_is_refused_before_anything_is_asked(wait: Wait):
    script = Script(ACTIVE)

    with pytest.raises(TunedModelNameError):
        await wait(script, "tunedModels/a#x")

    assert script.asked == []


def test_setting_the_event_ends_the_wait_promptly():
    script, cancel = Script(CREATING), threading.Event()

    def change_my_mind(progress: Progress) -> None:
        cancel.set()

    with pytest.raises(WaitCancelledError, match=r"cancelled.*wait again") as raised:
        wait_until_active(
            script, NAME, cancel=cancel, on_progress=change_my_mind, poll_interval=3000.0
        )

    assert raised.value.state is TunedModelState.CREATING
    assert raised.value.waited < 60.0
    assert len(script.asked) == 1


def test_a_model_that_is_active_is_returned_even_if_the_wait_was_cancelled():
    cancel = threading.Event()
    cancel.set()

    assert wait_until_active(Script(ACTIVE), NAME, cancel=cancel) == ACTIVE


async def test_cancelling_the_task_ends_the_wait_at_once():
    script, started = Script(CREATING), asyncio.Event()
    task = asyncio.create_task(
        await_until_active(script, NAME, on_progress=lambda _: started.set(), poll_interval=3000.0)
    )
    await started.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(script.asked) == 1


@given(
    timeout=st.floats(0.0, 1e5),
    poll_interval=st.floats(0.01, 100.0),
    request_takes=st.floats(0.0, 20.0),
    chances=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=20),
)
def test_no_pause_passes_the_deadline_or_the_cap(timeout, poll_interval, request_takes, chances):
    script = Script(CREATING, request_takes=request_takes)
    ends: list[float] = []

    def sleep(seconds: float) -> None:
        script.sleep(seconds)
        ends.append(script.now)

    with pytest.raises(WaitTimeoutError) as raised:
        wait_until_active(
            script,
            NAME,
            timeout=timeout,
            poll_interval=poll_interval,
            clock=script.clock,
            sleep=sleep,
            chance=_endless(chances).__next__,
        )

    assert all(end <= timeout * (1 + 1e-9) for end in ends)
    assert all(0.0 < pause <= max(poll_interval, 30.0) for pause in script.pauses)
    assert timeout <= raised.value.waited <= timeout * (1 + 1e-9) + request_takes


def _endless(values: list[float]) -> Iterator[float]:
    while True:
        yield from values


@given(chances=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=20))
def test_the_pauses_grow_to_half_a_minute_whatever_chance_takes_off(chances):
    script = Script(*[CREATING] * 30, ACTIVE)

    wait_until_active(
        script,
        NAME,
        timeout=inf,
        clock=script.clock,
        sleep=script.sleep,
        chance=_endless(chances).__next__,
    )

    # Half more than before, less a quarter at the most: each is longer until the cap is reached.
    assert all(later > earlier for earlier, later in pairwise(script.pauses[:9]))
    assert all(30.0 * 0.75 <= pause <= 30.0 for pause in script.pauses[10:])
