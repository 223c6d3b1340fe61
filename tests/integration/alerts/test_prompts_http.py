"""Prompts that are kept, over HTTP: who may do what, which version is answered, and caches."""

import base64
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from api.llm.prompts import CACHED
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.llm import prompts as kept
from controlplane.person_texts import erase_all_texts
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.projects import ProjectId
from sluice.erasing import TEXTS
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import make_app, open_client

HOSTILE = "<script>alert('x')</script>\" ` {{a}} {{ b.c }} {{a}} \\ é"
TEXT = {"name": "support", "prompt": "Be kind to {{name}}."}
CHAT = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]


@pytest.fixture(scope="module", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('prompts') / 'control.db'}"


class World(NamedTuple):
    """A project with an admin, and an API key."""

    admin: httpx.AsyncClient
    key: httpx.AsyncClient

    async def keep(self, **changes: Any) -> dict[str, Any]:
        made = await self.admin.post("/dashboard/api/prompts", json=TEXT | changes)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def fetch(self, query: str = "", **headers: str) -> httpx.Response:
        return await self.key.get(f"/v1/prompts/support{query}", headers=headers)


@pytest.fixture
async def world(database: Database, warehouse: Warehouse) -> AsyncIterator[World]:
    app = make_app(database, warehouse)
    async with open_client(app) as admin, open_client(app) as key:
        await signed_in(admin, f"ann-{uuid.uuid4().hex}", project="Shop")
        made = await admin.post("/dashboard/api/api-keys", json={"name": "gateway"})
        key.headers["Authorization"] = f"Bearer {made.json()['apiKey']}"
        yield World(admin, key)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "auto:x"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "prompt"),
        ({"prompt": CHAT * 26}, "prompt"),
        ({"prompt": "x" * 40_000}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"config": {"a": "x" * 10_000}}, "config"),
        ({"message": "x" * 501}, "message"),
        ({"labels": ["latest"]}, "labels"),
        ({"labels": ["Big"]}, "labels"),
        ({"labels": [f"l{n}" for n in range(21)]}, "labels"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_prompt_is_rejected_with_its_field(
    world: World, change: dict[str, Any], field: str
) -> None:
    answer = await world.admin.post("/dashboard/api/prompts", json=TEXT | change)

    assert answer.status_code == 400, answer.text
    assert field in answer.json()["error"]


async def test_versions_are_numbered_and_labels_move(world: World) -> None:
    first = await world.keep(labels=["production"], message="The first", config={"model": "m"})
    second = await world.keep(prompt=CHAT, labels=["staging"])

    assert (first["version"], first["labels"]) == (1, ["production", "latest"])
    assert (second["version"], second["type"]) == (2, "chat")
    assert (await world.fetch()).json() == first | {"labels": ["production"]}
    assert first["config"] == {"model": "m"}
    assert (await world.fetch("?label=latest")).json()["prompt"] == CHAT
    assert (await world.fetch("?label=staging")).json()["version"] == 2
    assert (await world.fetch("?version=1")).json()["variables"] == ["name"]

    label = "/dashboard/api/prompts/support/labels/production"
    moved = await world.admin.put(label, json={"version": 2})
    assert moved.json()["labels"] == ["production", "staging", "latest"]
    assert (await world.fetch()).json()["version"] == 2
    assert (await world.admin.delete(label)).status_code == 200
    assert (await world.admin.delete(label)).status_code == 404

    listed = (await world.key.get("/v1/prompts")).json()["prompts"]
    assert [(one["name"], one["latest"], one["labels"]) for one in listed] == [
        ("support", 2, {"latest": 2, "staging": 2})
    ]
    versions = (await world.key.get("/v1/prompts/support/versions")).json()["versions"]
    assert [(one["version"], one["message"]) for one in versions] == [(2, ""), (1, "The first")]
    assert versions[0]["author"].startswith("ann-")


async def test_without_a_label_the_newest_is_answered_until_one_is_in_production(
    world: World,
) -> None:
    await world.keep()
    await world.keep(prompt="Be short.")

    assert (await world.fetch()).json()["version"] == 2
    await world.keep(labels=["production"])
    await world.keep()
    assert (await world.fetch()).json()["version"] == 3


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("support?version=9", 404),
        ("support?version=1001", 400),
        ("support?version=0", 400),
        ("support?version=x", 400),
        ("support?version=1&label=latest", 400),
        ("support?label=none", 404),
        ("support?label=", 400),
        ("support?colour=red", 400),
        ("nothing", 404),
        ("a%00b", 404),
        ("nothing/versions", 404),
    ],
)
async def test_what_is_not_there_is_not_found(world: World, path: str, status: int) -> None:
    await world.keep()

    assert (await world.key.get(f"/v1/prompts/{path}")).status_code == status


async def test_no_cache_answers_with_the_prompt_of_another_project(world: World) -> None:
    await world.keep()
    answers = [
        await world.fetch(),
        await world.admin.get("/dashboard/api/prompts/support"),
    ]

    for answer in answers:
        told_by = {one.strip().lower() for one in answer.headers["vary"].split(",")}
        assert {"authorization", "x-api-key", "cookie", "x-project-id"} <= told_by


async def test_an_answer_that_a_program_has_is_not_sent_again(world: World) -> None:
    await world.keep()

    first = await world.fetch()
    again = await world.fetch(**{"If-None-Match": f'"other", W/{first.headers["etag"]}'})

    assert first.headers["cache-control"] == CACHED
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == CACHED
    await world.keep(prompt="Be short.")
    changed = await world.fetch(**{"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)


async def test_a_prompt_is_removed_whole(world: World) -> None:
    await world.keep(labels=["production"])
    await world.fetch()

    assert (await world.admin.delete("/dashboard/api/prompts/support")).status_code == 200
    assert (await world.fetch()).status_code == 404
    assert (await world.keep())["version"] == 1


async def test_what_prompts_say_comes_back_as_it_was_sent(world: World) -> None:
    await world.keep(name="a b", prompt=HOSTILE, message=HOSTILE, config={HOSTILE: [HOSTILE]})

    found = (await world.key.get(f"/v1/prompts/{quote('a b')}")).json()

    assert (found["prompt"], found["message"]) == (HOSTILE, HOSTILE)
    assert found["config"] == {HOSTILE: [HOSTILE]}
    assert found["variables"] == ["a", "b.c"]


async def test_langfuse_sdks_fetch_with_their_credentials(world: World) -> None:
    await world.keep(prompt=CHAT, labels=["production"], message="Say why")
    plain = world.key.headers["Authorization"].removeprefix("Bearer ")
    basic = base64.b64encode(f"pk-lf-1:{plain}".encode()).decode()
    path = "/api/public/v2/prompts/support"

    found = await world.key.get(
        f"{path}?label=production", headers={"Authorization": f"Basic {basic}"}
    )

    assert found.json() == {
        "name": "support",
        "version": 1,
        "type": "chat",
        "prompt": CHAT,
        "config": {},
        "labels": ["production", "latest"],
        "tags": [],
        "commitMessage": "Say why",
        "resolutionGraph": None,
    }
    assert (await world.admin.get(path)).status_code == 401
    wrong = await world.key.get(path, headers={"Authorization": "Basic eDp5"})
    assert wrong.status_code == 401


async def test_a_key_reads_and_changes_nothing_and_a_token_of_an_admin_does(
    world: World, database: Database
) -> None:
    project_id = ProjectId(world.admin.headers["X-Project-Id"])
    owner = TokenOwner(project_id=project_id)
    read, admin = [
        await create_token(database, owner, TokenDraft("CI", one)) for one in ("read", "admin")
    ]
    reader, writer = ({"Authorization": f"Bearer {one.plain}"} for one in (read, admin))
    path = f"/api/v1/projects/{project_id}/prompts"

    assert (await world.key.post("/v1/prompts", json=TEXT)).status_code in (404, 405)
    assert (await world.key.post(path, json=TEXT)).status_code == 401
    assert (await world.key.post(path, json=TEXT, headers=reader)).status_code == 403
    made = await world.key.post(path, json=TEXT, headers=writer)
    assert (made.status_code, made.json()["author"]) == (201, "CI")
    label = f"{path}/support/labels/staging"
    assert (await world.key.put(label, json={"version": 1}, headers=reader)).status_code == 403
    assert (await world.key.put(label, json={"version": 1}, headers=writer)).status_code == 200
    assert (await world.key.put(label, json={"version": 2}, headers=writer)).status_code == 404
    assert (await world.key.get(f"{path}/support", headers=reader)).json()["version"] == 1
    assert (await world.key.delete(label, headers=writer)).status_code == 200
    assert (await world.key.delete(f"{path}/support", headers=reader)).status_code == 403
    assert (await world.key.delete(f"{path}/support", headers=writer)).status_code == 200


async def test_prompts_and_versions_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_PROMPTS", 1)
    monkeypatch.setattr(kept, "MAX_VERSIONS", 2)
    await world.keep()
    await world.keep()

    third = await world.admin.post("/dashboard/api/prompts", json=TEXT)
    other = await world.admin.post("/dashboard/api/prompts", json=TEXT | {"name": "other"})

    assert (third.status_code, other.status_code) == (409, 409)


async def test_a_person_who_is_erased_made_no_version_and_stands_in_none(
    world: World, database: Database
) -> None:
    made = await world.keep()
    project_id, person = ProjectId(world.admin.headers["X-Project-Id"]), made["author"]
    said = [{"role": "system", "content": f"Serve {person}, not jo{person}."}]
    form = {"prompt": said, "config": {"for": person}, "message": f"As {person} asks"}
    await world.admin.post("/dashboard/api/prompts", json=TEXT | form)

    for _ in range(2):
        await erase_all_texts(database, TEXTS, project_id, person)
    await erase_all_texts(database, TEXTS, project_id, "content")  # a key of ours, if a person too

    (second, first) = (await world.key.get("/v1/prompts/support/versions")).json()["versions"]
    assert {first["author"], second["author"]} == {"[erased]"}
    assert second["message"] == "As [erased] asks"
    found = (await world.key.get("/v1/prompts/support?version=2")).json()
    assert found["prompt"][0]["content"] == f"Serve [erased], not jo{person}."
    assert found["config"] == {"for": "[erased]"}
