"""Endpoints, models with their versions, and the operations that take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, VertexModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
MODEL = f"{AT}/models/15"


def message(response: httpx.Response, code: int = 400) -> str:
    assert response.status_code == code
    text: str = response.json()["error"]["message"]
    return text


@pytest.fixture
def versions(gemini: Emulator) -> list[VertexModel]:
    """Three versions of one model, each with an endpoint."""
    return [
        gemini.add_vertex_model(f"{AT}/endpoints/{n}", model="15", display_name="sql")
        for n in (1, 2, 3)
    ]


def test_an_endpoint_shows_what_is_deployed_to_it(api: httpx.Client, tuned: VertexModel) -> None:
    endpoint = api.get(f"/v1/{ENDPOINT}").json()

    (deployed,) = endpoint["deployedModels"]
    assert f"{deployed['model']}@{deployed['modelVersionId']}" == tuned.model
    assert deployed["checkpointId"] == "3"
    assert endpoint["trafficSplit"] == {deployed["id"]: 100}
    assert endpoint["displayName"] == "sql"


def test_endpoints_are_listed_newest_first_and_filtered(
    gemini: Emulator, api: httpx.Client, clock: Any
) -> None:
    for number in range(3):
        clock.now += 1
        gemini.add_vertex_model(f"{AT}/endpoints/{number}", display_name=f"d{number}")

    def ids(**query: Any) -> list[str]:
        listed = api.get(f"/v1/{AT}/endpoints", params=query).json()
        return [e["name"].rpartition("/")[2] for e in listed.get("endpoints", [])]

    assert ids() == ["2", "1", "0"]
    assert ids(filter="endpoint=1") == ["1"]
    assert ids(filter='displayName!="d1"') == ["2", "0"]
    assert ids(filter="endpoint=9") == []


@pytest.mark.parametrize(
    ("deployed_id", "problem"),
    [("", "a numeric id"), ("sql", "a numeric id"), ("123", "no deployed model 123")],
)
def test_a_deployed_model_that_is_not_there_is_not_undeployed(
    api: httpx.Client, tuned: VertexModel, deployed_id: str, problem: str
) -> None:
    response = api.post(f"/v1/{ENDPOINT}:undeployModel", json={"deployedModelId": deployed_id})

    assert "Field: deployed_model_id;" in message(response)
    assert problem in message(response)


def test_an_endpoint_is_deleted_once_it_is_empty(
    gemini: Emulator, api: httpx.Client, tuned: VertexModel, undeploy: Any
) -> None:
    refused = api.delete(f"/v1/{ENDPOINT}")
    undeploy(gemini, ENDPOINT)
    empty = api.get(f"/v1/{ENDPOINT}").json()
    deleted = api.delete(f"/v1/{ENDPOINT}").json()

    assert "has deployed or being-deployed DeployedModel(s)" in message(refused)
    assert refused.json()["error"]["status"] == "FAILED_PRECONDITION"
    assert "deployedModels" not in empty
    assert "trafficSplit" not in empty
    assert deleted["done"]
    assert api.get(f"/v1/{ENDPOINT}").status_code == 404


def test_a_model_is_deleted_once_it_is_deployed_nowhere(
    gemini: Emulator, api: httpx.Client, versions: list[VertexModel], undeploy: Any
) -> None:
    for version in versions:
        refused = api.delete(f"/v1/{MODEL}")
        assert version.endpoint in message(refused)
        undeploy(gemini, version.endpoint)

    assert "has a version" in message(api.delete(f"/v1/{MODEL}@1"))
    assert api.delete(f"/v1/{MODEL}").status_code == 200
    assert api.get(f"/v1/{MODEL}").status_code == 404


def test_the_job_of_a_deleted_model_stays(
    gemini: Emulator, api: httpx.Client, tuned: VertexModel, undeploy: Any
) -> None:
    for endpoint in tuned.checkpoints:
        undeploy(gemini, endpoint)
        api.delete(f"/v1/{endpoint}").raise_for_status()
    api.delete(f"/v1/{tuned.model.partition('@')[0]}").raise_for_status()

    job = api.get(f"/v1/{tuned.job}").json()

    assert job["state"] == "JOB_STATE_SUCCEEDED"
    assert job["tunedModel"]["model"] == tuned.model
    assert api.delete(f"/v1/{tuned.job}").status_code == 404  # no such method
    assert "models" not in api.get(f"/v1/{AT}/models").json()


def test_versions_have_numbers_and_the_first_is_the_default(
    api: httpx.Client, versions: list[VertexModel]
) -> None:
    listed = api.get(f"/v1/{MODEL}:listVersions", params={"pageSize": 2}).json()
    rest = api.get(
        f"/v1/{MODEL}:listVersions", params={"pageSize": 2, "pageToken": listed["nextPageToken"]}
    ).json()

    names = [model["name"] for model in (*listed["models"], *rest["models"])]
    assert names == [version.model for version in versions] == [f"{MODEL}@{n}" for n in (1, 2, 3)]
    assert api.get(f"/v1/{MODEL}").json()["versionId"] == "1"
    assert api.get(f"/v1/{MODEL}@2").json()["versionId"] == "2"
    assert message(api.get(f"/v1/{MODEL}@4"), 404) == f"Model `{MODEL}@4` not found."
    (only,) = api.get(f"/v1/{AT}/models").json()["models"]
    assert only["versionId"] == "1"


def test_a_version_shows_its_own_endpoints(api: httpx.Client, versions: list[VertexModel]) -> None:
    model = api.get(f"/v1/{MODEL}@2").json()

    assert [ref["endpoint"] for ref in model["deployedModels"]] == [versions[1].endpoint]


def test_aliases_move_from_version_to_version(
    api: httpx.Client, versions: list[VertexModel]
) -> None:
    def merge(version: int, *aliases: str) -> httpx.Response:
        body = {"versionAliases": list(aliases)}
        return api.post(f"/v1/{MODEL}@{version}:mergeVersionAliases", json=body)

    def aliases() -> list[list[str]]:
        models = api.get(f"/v1/{MODEL}:listVersions").json()["models"]
        return [model.get("versionAliases", []) for model in models]

    merge(2, "production")
    merge(3, "production", "default").raise_for_status()
    assert aliases() == [[], [], ["default", "production"]]
    assert api.get(f"/v1/{MODEL}@production").json()["versionId"] == "3"
    assert api.get(f"/v1/{MODEL}").json()["versionId"] == "3"
    merge(3, "-production").raise_for_status()
    assert aliases() == [[], [], ["default"]]
    for wrong in ("7", "-default", "", "A B"):
        assert "version_aliases" in message(merge(1, wrong))


def test_a_version_is_deleted_unless_it_is_deployed_default_or_the_only_one(
    gemini: Emulator, api: httpx.Client, versions: list[VertexModel], undeploy: Any
) -> None:
    def delete(version: int) -> httpx.Response:
        return api.delete(f"/v1/{MODEL}@{version}:deleteVersion")

    assert versions[1].endpoint in message(delete(2))
    undeploy(gemini, versions[1].endpoint)
    assert delete(2).json()["done"]
    for version in (versions[0], versions[2]):
        undeploy(gemini, version.endpoint)
    assert "default version" in message(delete(1))
    assert delete(2).status_code == 404
    assert delete(3).json()["done"]
    assert "only version" in message(delete(1))
    assert "explicitly" in message(api.delete(f"/v1/{MODEL}:deleteVersion"))


def test_a_name_is_of_all_versions_and_the_rest_of_one(
    api: httpx.Client, versions: list[VertexModel]
) -> None:
    body = {"displayName": "new", "description": "better", "labels": {"a": "b"}}

    api.patch(f"/v1/{MODEL}@2", json=body).raise_for_status()

    shown = [api.get(f"/v1/{MODEL}@{version}").json() for version in (1, 2)]
    assert [model["displayName"] for model in shown] == ["new", "new"]
    assert [model["description"] for model in shown] == ["better", "better"]
    assert shown[1]["labels"] == {"a": "b"}
    assert shown[0]["labels"]["tune-type"] == "sft"


@pytest.mark.parametrize(
    ("mask", "body", "field"),
    [
        ("name", {}, "update_mask"),
        ("display_name,etag", {}, "update_mask"),
        ("", {"displayName": "x" * 129}, "display_name"),
        ("", {"defaultCheckpointId": "9"}, "default_checkpoint_id"),
    ],
)
def test_what_can_not_be_changed_is_refused(
    api: httpx.Client, tuned: VertexModel, mask: str, body: dict[str, str], field: str
) -> None:
    response = api.patch(f"/v1/{tuned.model}", params={"updateMask": mask}, json=body)

    assert f"Field: {field};" in message(response)


def test_a_mask_limits_a_change(api: httpx.Client, tuned: VertexModel) -> None:
    body = {"displayName": "new", "description": "new"}

    model = api.patch(f"/v1/{tuned.model}", params={"updateMask": "display_name"}, json=body).json()

    assert (model["displayName"], model.get("description")) == ("new", None)


def test_the_endpoint_of_a_job_is_that_of_its_default_checkpoint(
    api: httpx.Client, tuned: VertexModel
) -> None:
    api.patch(f"/v1/{tuned.model}", json={"defaultCheckpointId": "1"}).raise_for_status()

    job = api.get(f"/v1/{tuned.job}").json()

    assert job["tunedModel"]["endpoint"] == tuned.checkpoints[0] != tuned.endpoint


class TestOperationsOfTenSeconds:
    @pytest.fixture
    def gemini(self, clock: Any) -> Iterator[Emulator]:
        with Emulator(clock=clock, operation_duration=10) as emulator:
            emulator.add_vertex_model(ENDPOINT, model="15")
            yield emulator

    def test_an_operation_takes_its_time(self, api: httpx.Client, clock: Any) -> None:
        (deployed,) = api.get(f"/v1/{ENDPOINT}").json()["deployedModels"]
        body = {"deployedModelId": deployed["id"]}
        started = api.post(f"/v1/{ENDPOINT}:undeployModel", json=body).json()

        clock.now += 9.9
        waiting = api.get(f"/v1beta1/{started['name']}").json()
        refused = api.delete(f"/v1/{MODEL}")
        clock.now += 0.1
        done = api.post(f"/v1beta1/{started['name']}:wait").json()

        assert "done" not in started
        assert "done" not in waiting
        assert ENDPOINT in message(refused)
        assert done["done"]
        assert done["response"]["@type"].endswith("v1beta1.UndeployModelResponse")
        assert "deployedModels" not in api.get(f"/v1/{ENDPOINT}").json()
        metadata = done["metadata"]["genericMetadata"]
        assert metadata["createTime"] < metadata["updateTime"]

    def test_what_is_being_deleted_is_there_until_it_is_not(
        self, gemini: Emulator, api: httpx.Client, clock: Any, undeploy: Any
    ) -> None:
        undeploy(gemini, ENDPOINT)
        clock.now += 10
        first = api.delete(f"/v1/{MODEL}").json()
        second = api.delete(f"/v1/{MODEL}").json()
        there = api.get(f"/v1/{MODEL}").status_code
        clock.now += 10
        gone = api.get(f"/v1/{MODEL}").status_code
        operations = [api.get(f"/v1/{name['name']}").json()["done"] for name in (first, second)]

        assert (there, gone, operations) == (200, 404, [True, True])


def test_an_operation_that_is_none_is_not_found(api: httpx.Client) -> None:
    assert api.get(f"/v1/{AT}/operations/1").status_code == 404
    assert api.get(f"/v1/{ENDPOINT}/operations/1").status_code == 404
