"""Sharing a tuned model, and giving it away."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

MODEL = "tunedModels/sql-expert-v1"
PATH = f"/v1beta/{MODEL}/permissions"
READER = {"granteeType": "USER", "emailAddress": "you@example.com", "role": "READER"}


def test_a_new_model_belongs_to_its_creator(api: httpx.Client) -> None:
    (owner,) = api.get(PATH).json()["permissions"]

    assert owner["role"] == "OWNER"
    assert owner["granteeType"] == "USER"


@pytest.mark.parametrize(
    "body",
    [READER, {"grantee_type": 1, "email_address": "you@example.com", "role": 3}],
    ids=["names", "numbers"],
)
def test_a_permission_is_created_read_changed_and_deleted(
    api: httpx.Client, body: dict[str, Any]
) -> None:
    created = api.post(PATH, json=body).json()
    name = created["name"]
    patched = api.patch(f"/v1beta/{name}?updateMask=role", json={"role": "WRITER"}).json()
    read = api.get(f"/v1beta/{name}").json()
    deleted = api.delete(f"/v1beta/{name}")

    assert created == {**READER, "name": name}
    assert patched == read == {**created, "role": "WRITER"}
    assert deleted.json() == {}
    assert api.get(f"/v1beta/{name}").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"role": "OWNER"},
        {"role": "KING"},
        {"granteeType": "GRANTEE_TYPE_UNSPECIFIED"},
        {"granteeType": "EVERYONE"},
        {"emailAddress": ""},
    ],
    ids=str,
)
def test_a_permission_that_makes_no_sense_is_refused(
    api: httpx.Client, change: dict[str, Any]
) -> None:
    assert api.post(PATH, json=READER | change).status_code == 400


def test_a_second_permission_for_one_grantee_is_a_conflict(api: httpx.Client) -> None:
    api.post(PATH, json=READER)

    assert api.post(PATH, json=READER).status_code == 409


def test_only_the_role_can_be_changed(api: httpx.Client) -> None:
    name = api.post(PATH, json=READER).json()["name"]

    response = api.patch(f"/v1beta/{name}?updateMask=emailAddress", json=READER)

    assert response.status_code == 400


def test_permissions_are_listed_in_pages(api: httpx.Client) -> None:
    for number in range(4):
        api.post(PATH, json=READER | {"emailAddress": f"u{number}@example.com"})

    first = api.get(f"{PATH}?pageSize=3").json()
    token = first["nextPageToken"]
    second = api.get(PATH, params={"pageSize": 3, "pageToken": token}).json()

    names = {p["name"] for p in first["permissions"] + second["permissions"]}
    assert (len(first["permissions"]), len(names)) == (3, 5)
    assert "nextPageToken" not in second


def test_a_shared_model_of_somebody_else_answers(gemini: Emulator, api: httpx.Client) -> None:
    name = "tunedModels/theirs"
    gemini.add_tuned_model(name, examples=[("a", "b")], owner="you@example.com")
    body = {"contents": [{"parts": [{"text": "a"}]}]}
    before = api.post(f"/v1beta/{name}:generateContent", json=body)

    everyone = {"granteeType": "EVERYONE", "role": "READER"}
    api.post(f"/v1beta/{name}/permissions", json=everyone)
    after = api.post(f"/v1beta/{name}:generateContent", json=body)

    assert (before.status_code, after.status_code) == (403, 200)


def test_after_a_transfer_the_owner_is_a_writer_and_cant_transfer_again(
    api: httpx.Client,
) -> None:
    path = f"/v1beta/{MODEL}:transferOwnership"
    first = api.post(path, json={"emailAddress": "you@example.com"})
    second = api.post(path, json={"emailAddress": "you@example.com"})

    roles = {p["emailAddress"]: p["role"] for p in api.get(PATH).json()["permissions"]}
    assert first.json() == {}
    assert roles == {"you@example.com": "OWNER", "me@example.com": "WRITER"}
    assert second.status_code == 403
    message = "You need to be the owner of the resource to transfer ownership"
    assert second.json()["error"]["message"] == message
    listed = api.get("/v1beta/tunedModels", params={"filter": "writers:me"}).json()
    assert [m["name"] for m in listed["tunedModels"]] == [MODEL]


def test_a_transfer_needs_an_address(api: httpx.Client) -> None:
    assert api.post(f"/v1beta/{MODEL}:transferOwnership", json={}).status_code == 400
