"""Lists of tuned models: pages, tokens, filters."""

from __future__ import annotations

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

MODEL = "tunedModels/sql-expert-v1"


def error(response: httpx.Response) -> tuple[int, str]:
    body = response.json()["error"]
    return body["code"], body["status"]


def test_a_list_has_ten_on_a_page_oldest_first(api: httpx.Client, gemini: Emulator) -> None:
    for number in range(24):
        gemini.add_tuned_model(f"tunedModels/m{number}", create_time=1_600_000_000 - number)

    pages, token = [], ""
    while True:
        page = api.get("/v1beta/tunedModels", params={"pageToken": token}).json()
        pages.append([model["name"] for model in page["tunedModels"]])
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert [len(page) for page in pages] == [10, 10, 5]
    assert pages[0][0] == "tunedModels/m23"
    assert pages[-1][-1] == MODEL
    assert len({name for page in pages for name in page}) == 25


def test_a_model_deleted_between_two_pages_shifts_nothing(
    api: httpx.Client, gemini: Emulator
) -> None:
    for number in range(4):
        gemini.add_tuned_model(f"tunedModels/m{number}", create_time=1_600_000_000 + number)
    first = api.get("/v1beta/tunedModels?page_size=2").json()

    gemini.delete_tuned_model("tunedModels/m1")
    token = first["nextPageToken"]
    second = api.get("/v1beta/tunedModels", params={"pageSize": 2, "pageToken": token}).json()

    assert [m["name"] for m in second["tunedModels"]] == ["tunedModels/m2", "tunedModels/m3"]


def test_a_page_has_at_most_a_thousand(api: httpx.Client, gemini: Emulator) -> None:
    for number in range(1001):
        gemini.add_tuned_model(f"tunedModels/m{number}")

    page = api.get("/v1beta/tunedModels?pageSize=5000").json()

    assert len(page["tunedModels"]) == 1000
    assert page["nextPageToken"]


def test_an_empty_list_is_an_empty_object(api: httpx.Client, gemini: Emulator) -> None:
    gemini.delete_tuned_model(MODEL)

    assert api.get("/v1beta/tunedModels").json() == {}


@pytest.mark.parametrize(
    "query", ["pageToken=nonsense", "pageToken=WzFd", "pageSize=-1", "pageSize=many"]
)
def test_a_bad_page_is_refused(api: httpx.Client, query: str) -> None:
    assert error(api.get(f"/v1beta/tunedModels?{query}")) == (400, "INVALID_ARGUMENT")


def test_a_token_goes_with_the_filter_it_was_given_for(api: httpx.Client, gemini: Emulator) -> None:
    gemini.add_tuned_model("tunedModels/other")
    token = api.get("/v1beta/tunedModels?pageSize=1").json()["nextPageToken"]

    response = api.get("/v1beta/tunedModels", params={"pageToken": token, "filter": "owner:me"})

    assert error(response) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("", {"mine", "shared"}),
        ("owner:me", {"mine", "shared"}),
        ("readers:me", set()),
        ("writers:me", set()),
        ("readers:everyone", {"shared"}),
        ("sql", {"mine"}),
        ("SQL owner:me", {"mine"}),
        ("expert weather", set()),
        ("weather", {"shared"}),
    ],
)
def test_a_filter_searches_texts_and_roles(
    api: httpx.Client, gemini: Emulator, filter_: str, expected: set[str]
) -> None:
    gemini.delete_tuned_model(MODEL)
    gemini.add_tuned_model("tunedModels/mine", display_name="SQL Expert")
    gemini.add_tuned_model("tunedModels/shared", description="Knows the weather")
    gemini.add_tuned_model("tunedModels/theirs", owner="you@example.com")
    everyone = {"granteeType": "EVERYONE", "role": "READER"}
    api.post("/v1beta/tunedModels/shared/permissions", json=everyone)

    page = api.get("/v1beta/tunedModels", params={"filter": filter_}).json()

    names = {model["name"].removeprefix("tunedModels/") for model in page.get("tunedModels", [])}
    assert names == expected
