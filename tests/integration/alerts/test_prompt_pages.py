"""The pages of prompts: what is kept beside what was seen, two versions, forms, texts as texts."""

import time
from typing import Any

from clickhouse.client import Warehouse
from schemas.projects import ProjectId
from tests.integration.alerts.test_prompts_http import HOSTILE, World, url, world
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.prompt_rows import store_templates
from tests.integration.queries.rows import make_trace
from tests.integration.queries.score_rows import SECOND_US

__all__ = ("url", "world")


def calls(warehouse: Warehouse, world: World, *rows: dict[str, Any]) -> list[str]:
    """Stores calls of now, and what their prompts say."""
    now_us = time.time_ns() // 1000
    project_id = ProjectId(world.admin.headers["X-Project-Id"])
    usual = {"timestamp_us": now_us - SECOND_US, "received_at_us": now_us}
    made = [
        make_trace(project_id, f"{now_us:x}-{number}", **usual | row)
        for number, row in enumerate(rows)
    ]
    store_traces(warehouse, made)
    store_templates(warehouse, [row for row in made if row.prompt_text])
    return [row.trace_id for row in made]


def pages_of(world: World) -> str:
    return f"/p/{world.admin.headers['X-Project-Id']}/llm/prompts"


async def test_kept_and_seen_prompts_are_listed_and_open(
    world: World, warehouse: Warehouse
) -> None:
    await world.keep(labels=["production"])
    found = {"prompt": "auto:aa", "prompt_version": "11", "prompt_text": f"You are {HOSTILE}"}
    calls(
        warehouse, world, found, {"prompt": "support", "prompt_version": "1", "latency_ms": 812.0}
    )

    listed = (await world.admin.get(pages_of(world))).text
    assert "support" in listed
    assert "1 kept" in listed
    assert "<script>alert" not in listed
    opened = await world.admin.get(f"{pages_of(world)}?name=auto:aa")
    assert opened.status_code == 200
    assert "&lt;script&gt;alert" in opened.text
    assert "<script>alert" not in opened.text
    kept = (await world.admin.get(f"{pages_of(world)}?name=support&measure=latency")).text
    assert "Be kind to {{name}}." in kept
    assert "812 ms" in kept
    assert "prompt%3Asupport" in kept


async def test_two_versions_stand_beside_each_other_with_what_changed(
    world: World, warehouse: Warehouse
) -> None:
    await world.keep(prompt="Be kind to people.")
    await world.keep(prompt="Be kind to animals.")
    version = {"prompt": "support", "prompt_version": "3x", "prompt_text": "Be quick."}
    calls(warehouse, world, version)

    page = (await world.admin.get(f"{pages_of(world)}?name=support&left=1&right=2")).text
    assert "<del> people</del><ins> animals</ins>" in page
    other = (await world.admin.get(f"{pages_of(world)}?name=support&left=2&right=3x")).text
    assert "quick" in other
    none = await world.admin.get(f"{pages_of(world)}?name=support&left=9&right=2")
    assert "Choose two versions." in none.text
    bad = await world.admin.get(f"{pages_of(world)}?name=support&measure=colour")
    assert bad.status_code == 400


async def test_forms_keep_label_and_remove(world: World) -> None:
    pages = pages_of(world)
    form = {"name": "greeting", "prompt": HOSTILE, "labels": "production, staging", "message": "x"}

    wrong = await world.admin.post(pages, data=form | {"config": "[1]"})
    unnamed = await world.admin.post(pages, data=form | {"name": HOSTILE})
    made = await world.admin.post(pages, data=form | {"config": '{"a": 1}'})
    chat = '[{"role": "system", "content": "Be kind."}]'
    await world.admin.post(pages, data=form | {"prompt": chat, "labels": ""})

    assert (wrong.status_code, unnamed.status_code, made.status_code) == (400, 400, 303)
    assert 'id="w-f-config"' in wrong.text
    assert "<script>alert" not in wrong.text + unnamed.text
    first = (await world.key.get("/v1/prompts/greeting")).json()
    assert (first["version"], first["prompt"], first["config"]) == (1, HOSTILE, {"a": 1})
    second = (await world.key.get("/v1/prompts/greeting?label=latest")).json()
    assert (second["type"], second["version"]) == ("chat", 2)

    label = {"name": "greeting", "label": "production", "version": "2"}
    assert (await world.admin.post(f"{pages}/label", data=label)).status_code == 303
    assert (await world.key.get("/v1/prompts/greeting")).json()["version"] == 2
    for bad in ({"version": "9"}, {"version": "x"}, {"label": "Big"}, {"name": "no"}):
        assert (await world.admin.post(f"{pages}/label", data=label | bad)).status_code == 400
    gone = await world.admin.post(f"{pages}/label", data=label | {"version": ""})
    assert gone.status_code == 303
    named = {"name": "greeting", "confirm": "greet"}
    assert (await world.admin.post(f"{pages}/remove", data=named)).status_code == 400
    named["confirm"] = "greeting"
    assert (await world.admin.post(f"{pages}/remove", data=named)).status_code == 303
    assert (await world.key.get("/v1/prompts/greeting")).status_code == 404
