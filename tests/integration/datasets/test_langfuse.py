"""Datasets as Langfuse's SDKs make, fill and fetch them, with an API key as their secret key."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from controlplane.llm import datasets
from tests.integration.datasets.conftest import World

ITEMS = "/api/public/dataset-items"


class Sdk:
    """Asks as the SDKs do."""

    def __init__(self, world: World) -> None:
        plain = world.key.headers["Authorization"].removeprefix("Bearer ")
        basic = base64.b64encode(f"pk-lf-1:{plain}".encode()).decode()
        self._key = world.key
        self._headers = {"Authorization": f"Basic {basic}"}

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self._key.get(path, params=params, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self._key.post(path, json=body, headers=self._headers)

    async def item(self, item_id: str, **body: Any) -> Any:
        made = await self.post(ITEMS, datasetName="d", id=item_id, **body)
        assert made.status_code == 200, made.text
        return made.json()


@pytest.fixture
async def sdk(world: World) -> Sdk:
    sdk = Sdk(world)
    made = await sdk.post("/api/public/v2/datasets", name="d", inputSchema=None)
    assert made.status_code == 200, made.text
    return sdk


async def test_the_project_of_the_key_is_named(world: World, sdk: Sdk) -> None:
    (project,) = (await sdk.get("/api/public/projects"))["data"]

    assert (project["id"], project["name"]) == (world.project_id, "Shop")
    assert (await world.member.get("/api/public/projects")).status_code == 401


async def test_a_dataset_is_made_once_and_changed_when_it_is_sent_again(
    world: World, sdk: Sdk
) -> None:
    again = await sdk.post("/api/public/v2/datasets", name="d", description="new")

    found = await sdk.get("/api/public/v2/datasets/d")
    assert again.json() == found
    assert (found["id"], found["description"], found["metadata"]) == ("d", "new", {})
    assert found["projectId"] == world.project_id
    assert (await sdk.post("/api/public/v2/datasets", name="a b")).status_code == 400


async def test_of_several_who_make_a_dataset_at_once_all_get_it(sdk: Sdk) -> None:
    made = await asyncio.gather(
        *(sdk.post("/api/public/v2/datasets", name="shared") for _ in range(5))
    )

    assert [(one.status_code, one.json()["id"]) for one in made] == [(200, "shared")] * 5


async def test_one_dataset_too_many_is_rejected(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MOST_DATASETS", 1)

    answer = await sdk.post("/api/public/v2/datasets", name="another")

    assert (answer.status_code, "at most 1 datasets" in answer.text) == (409, True)


async def test_items_are_fetched_in_pages_as_they_are_or_were(sdk: Sdk) -> None:
    for number in range(5):
        await sdk.item(f"q{number}", input={"q": number}, expectedOutput=str(number))
    before = (await sdk.item("q4", input={"q": "new"}))["updatedAt"]
    archived = await sdk.item("q0", status="ARCHIVED")

    pages = [await sdk.get(ITEMS, datasetName="d", page=n, limit=3) for n in (1, 2, 3)]
    then = await sdk.get(ITEMS, datasetName="d", version=before)

    assert (archived["status"], archived["expectedOutput"]) == ("ARCHIVED", "0")
    ids = [[one["id"] for one in page["data"]] for page in pages]
    assert ids == [["q1", "q2", "q3"], ["q4"], []]
    assert pages[1]["meta"] == {"page": 2, "limit": 3, "totalItems": 4, "totalPages": 2}
    assert [one["id"] for one in then["data"]] == [f"q{n}" for n in range(5)]
    assert then["data"][4]["input"] == {"q": "new"}


async def test_a_page_has_all_its_items_however_large_they_are(sdk: Sdk) -> None:
    for number in range(40):
        await sdk.item(f"q{number}", input="x" * (250 << 10))

    pages = [await sdk.get(ITEMS, datasetName="d", page=n, limit=36) for n in (1, 2)]

    assert [len(page["data"]) for page in pages] == [36, 4]


async def test_an_item_without_an_input_needs_one_that_is_there(sdk: Sdk) -> None:
    unknown = await sdk.post(ITEMS, datasetName="d", id="none", status="ARCHIVED")
    unnamed = await sdk.post(ITEMS, datasetName="d", expectedOutput="x")

    assert (unknown.status_code, unnamed.status_code) == (404, 400)
    assert "input" in unnamed.json()["error"]


async def test_a_run_is_announced_where_its_item_is(world: World, sdk: Sdk) -> None:
    await sdk.item("q0", input=1)
    about = {"datasetItemId": "q0", "runName": "first", "traceId": "t", "runDescription": "new"}

    made = (await sdk.post("/api/public/dataset-run-items", **about)).json()

    assert (made["datasetRunName"], made["datasetItemId"]) == ("first", "q0")
    (run,) = (await world.ask("/v1/datasets/d/runs"))["runs"]
    assert (run["name"], run["description"], run["calls"]) == ("first", "new", 0)


async def test_a_run_of_no_item_or_of_one_of_several_datasets_is_rejected(
    world: World, sdk: Sdk
) -> None:
    await sdk.item("q0", input=1)
    await world.dataset("other")  # has a q0 as well
    path = "/api/public/dataset-run-items"

    several = await sdk.post(path, datasetItemId="q0", runName="first")
    none = await sdk.post(path, datasetItemId="<none>", runName="first")

    assert (several.status_code, none.status_code) == (409, 404)
    assert "several datasets" in several.json()["error"]
