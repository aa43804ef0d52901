"""Vertex AI's records, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.vertex import resources
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState
from tests import payloads

AT = "projects/acme/locations/us-central1"
JOB = TunedModelName.parse(f"{AT}/tuningJobs/9")
ENDPOINT = TunedModelName.parse(f"{AT}/endpoints/42")
MODEL = TunedModelName.parse(f"{AT}/models/7")

FIELDS = [
    "baseModel", "checkpointId", "checkpoints", "code", "completedStepCount", "createTime",
    "defaultCheckpointId", "deployedModels", "displayName", "endpoint", "epoch", "epochCount",
    "error", "hyperParameters", "id", "labels", "message", "model", "modelVersionId", "name",
    "preTunedModel", "state", "step", "supervisedTuningDataStats", "supervisedTuningSpec",
    "tunedModel", "tuningDataStats", "tuningJobMetadata", "tuningJobState", "tuningStepCount",
    "google-vertex-llm-tuning-base-model-id", "google-vertex-llm-tuning-job-id",
]  # fmt: skip
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just(str(ENDPOINT))
)
anything = st.recursive(
    values,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    ),
)


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_no_record_can_break_what_reads_it(record: dict[str, Any]) -> None:
    for told in (
        resources.tuning_job(JOB, record),
        resources.model(MODEL, record),
        resources.endpoint(ENDPOINT, record),
    ):
        assert told.state in TunedModelState
        assert told.progress is None or 0 <= told.progress <= 1
    for name in (
        resources.job_in_labels(ENDPOINT, record),
        resources.model_of_job(record),
        *resources.deployed_models(record).values(),
        *resources.endpoints_of_job(record),
        *resources.endpoints_of_model(record),
    ):
        assert name is None or TunedModelName.parse(str(name)) == name


def test_a_job_that_was_tuned_further_has_the_base_of_its_source() -> None:
    record = {"preTunedModel": {"tunedModelName": str(MODEL), "baseModel": "gemini-2.5-flash"}}

    assert resources.tuning_job(JOB, record).base_model == "gemini-2.5-flash"


@pytest.mark.skipif(not payloads.FOLDER.exists(), reason="the real bodies are not here")
@pytest.mark.parametrize(
    ("file", "state"),
    [
        ("vertex_tuningJob_get_PENDING_2025_flash20.json", TunedModelState.CREATING),
        ("vertex_tuningJob_get_SUCCEEDED_2024_flash15.json", TunedModelState.ACTIVE),
    ],
)
def test_real_jobs_are_understood(file: str, state: TunedModelState) -> None:
    record = payloads.real(file)

    job = resources.tuning_job(record["name"], record)

    assert job.state is state
    assert job.base_model.startswith("gemini-")
    assert job.display_name
    assert job.create_time is not None
    assert bool(job.endpoint) is (state is TunedModelState.ACTIVE)
    if state is TunedModelState.ACTIVE:
        assert job.hyperparameters["epochCount"] == 10
        assert resources.model_of_job(record) is not None
        assert [str(name) for name in resources.endpoints_of_job(record)] == [job.endpoint]
