"""Datasets over HTTP: who may do what, versions, copies of calls, and what tenants see."""

import uuid
from typing import Any

import pytest

from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.datasets.conftest import ITEMS, World
from tests.integration.issues.app import open_client
from tests.integration.queries.rows import make_trace

HOSTILE = "<script>alert('x')</script>\" `"


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("", {"name": "a b"}, "name"),
        ("", {"name": "a", "colour": 1}, "colour"),
        ("", {"name": "a", "metadata": []}, "metadata"),
        ("/d/items", [{"id": "x"}], "input"),
        ("/d/items", [{"input": 1}, {"input": 1, "id": "a/b"}], "[1].id"),
        ("/d/items", [{"input": 1}] * 1001, "1000 items"),
        ("/d/items", "text", "Invalid body"),
        ("/d/runs", {"name": ""}, "name"),
    ],
)
async def test_what_breaks_a_rule_is_rejected_with_its_field(
    world: World, path: str, body: Any, says: str
) -> None:
    await world.dataset()

    answer = await world.key.post(f"/v1/datasets{path}", json=body)

    assert answer.status_code == 400
    assert says in answer.json()["error"]


async def test_members_and_keys_write_and_a_token_reads(world: World, database: Database) -> None:
    path = await world.dataset()
    own = path.replace("/v1", "/dashboard/api")
    described = await world.member.patch(own, json={"description": HOSTILE})
    assert described.json()["description"] == HOSTILE
    changed = await world.member.patch(f"{own}/items/q0", json={"expected_output": None})
    assert (changed.json()["expected_output"], changed.json()["version"]) == (None, 2)
    draft = TokenDraft("CI", "read")
    token = await create_token(database, TokenOwner(world.project_id), draft)

    async with open_client(world.app) as client:
        assert (await client.get("/v1/datasets")).status_code == 401
        client.headers["Authorization"] = f"Bearer {token.plain}"
        listed = (await client.get(f"/api/v1/projects/{world.project_id}/datasets")).json()
        item = await client.get(f"/api/v1/projects/{world.project_id}/datasets/d/items/q1")

    assert [(one["name"], one["items"]) for one in listed["datasets"]] == [("d", 4)]
    assert item.json()["input"] == ITEMS[1]["input"]
    assert (await world.key.delete(path)).json() == {"success": True}
    assert (await world.key.get(path)).json() == {"error": "Dataset not found"}


async def test_a_dataset_is_read_as_of_a_version_or_a_time(world: World) -> None:
    path = await world.dataset()
    await world.key.patch(f"{path}/items/q0", json={"archived": True})

    first = await world.ask(f"{path}/items", as_of="1", limit=3)
    rest = await world.ask(f"{path}/items", as_of="1", cursor=first["next_cursor"])
    now = await world.ask(f"{path}/items", as_of="2100-01-01")

    assert [one["id"] for one in (*first["items"], *rest["items"])] == ["q0", "q1", "q2", "q3"]
    assert [one["id"] for one in now["items"]] == ["q1", "q2", "q3"]
    assert (await world.ask(f"{path}/items", as_of="2001-01-01"))["items"] == []
    assert len((await world.ask(f"{path}/items", archived="1"))["items"]) == 4
    assert [one["changed"] for one in (await world.ask(f"{path}/versions"))["versions"]] == [1, 4]
    for wrong, status in (("yesterdayish", 400), ("9", 404)):
        answer = await world.key.get(f"{path}/items", params={"as_of": wrong})
        assert answer.status_code == status


async def test_a_dataset_of_another_project_is_not_there(world: World) -> None:
    path = await world.dataset()

    async with open_client(world.app) as other:
        await signed_in(other, f"eve-{world.project_id}", project="Other")
        own = path.replace("/v1", "/dashboard/api")
        for way, end in (
            *(("GET", one) for one in ("", "/items", "/items/q0", "/versions", "/runs")),
            *(("PATCH", ""), ("DELETE", ""), ("PATCH", "/items/q0"), ("POST", "/from-calls")),
        ):
            answer = await other.request(way, f"{own}{end}", json={})
            assert (way, end, answer.status_code) == (way, end, 404)
        written = await other.post(f"{own}/items", json=ITEMS)
        assert written.status_code == 404
        assert (await other.get("/dashboard/api/datasets")).json() == {"datasets": []}


async def test_calls_become_items_once_with_what_they_were_asked_and_answered(
    world: World,
) -> None:
    path = await world.dataset(items=[])
    body = '{"model":"m","temperature":0,"messages":[{"role":"user","content":"Hi"}]}'
    world.store(
        *(
            make_trace(
                world.project_id,
                f"0000000{n}-0000-4000-8000-000000000000",
                request_body=body,
                output_text=HOSTILE,
                model_requested="gpt-4o" if n < 3 else "other",
            )
            for n in range(5)
        ),
        make_trace(world.project_id, "big", request_body='{"prompt":"%s"}' % ("x" * (257 << 10))),
    )

    made = await world.key.post(f"{path}/from-calls?model=gpt-4o&limit=10")
    again = await world.key.post(f"{path}/from-calls?model=gpt-4o&limit=2")
    wrong = await world.key.post(f"{path}/from-calls?modle=gpt-4o")

    assert made.status_code == 201
    assert (made.json()["changed"], made.json()["left_out"]) == (3, 1)
    assert (again.json()["changed"], again.json()["version"]) == (0, 1)
    assert "did you mean 'model'" in wrong.text
    item = (await world.ask(f"{path}/items"))["items"][0]
    assert item["input"] == {"messages": [{"role": "user", "content": "Hi"}]}
    assert (item["expected_output"], item["metadata"]) == (HOSTILE, {"model": "gpt-4o"})
    assert item["trace_id"] == item["id"]


async def test_a_call_nested_too_deep_is_left_out_and_keeps_no_other_from_it(world: World) -> None:
    path = await world.dataset(items=[])
    deep = str(uuid.uuid4())
    for trace_id, body in (
        (deep, b"[" * 990 + b"]" * 990),
        (str(uuid.uuid4()), b'{"prompt":"Hi"}'),
    ):
        world.store(make_trace(world.project_id, trace_id, request_body=body))

    made = await world.key.post(f"{path}/from-calls")
    page = await world.member.get(f"/p/{world.project_id}/llm/add-to-dataset?trace={deep}")

    assert (made.status_code, page.status_code) == (201, 400)
    assert (made.json()["changed"], made.json()["left_out"]) == (1, 1)
