"""Feedback, files and check-ins: from an envelope through the steps into the store, and read."""

import json
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient

from api.app import exception_handlers
from clickhouse.client import Warehouse
from clickhouse.tables import encode, times
from ingest.errors.sentry import split_envelope
from processors.columns import SentChunk
from processors.errors.grouping.groups import group_of
from processors.errors.masking.mask import mask
from processors.errors.steps import Meaning, steps
from schemas.errors.grouping import GroupingConfig
from schemas.kinds import KINDS
from schemas.projects import ProjectContext
from sluice.systems import queries
from tests.unit.ingest.errors.server import envelope

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
STEPS = steps(lambda: lambda _: Meaning(mask, partial(group_of, config=GroupingConfig())))
NOW_US = 1_780_002_000_000_000
SECOND_US = 1_000_000
RANGE = {"date_from": "2026-01-01", "date_to": "2026-12-31"}


@pytest.fixture
def client(warehouse: Warehouse, project: ProjectContext) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        queries(),
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse, "database": None}),
        exception_handlers=exception_handlers(),
    )
    with TestClient(app) as opened:
        yield opened


def store(
    warehouse: Warehouse,
    project: ProjectContext,
    *items: tuple[Mapping[str, Any], bytes],
    at_us: int = NOW_US,
    event_id: str = "",
) -> str:
    """Stores the items of an envelope as the stream does; returns the id of the envelope."""
    event_id = event_id or uuid.uuid4().hex
    for made in split_envelope(envelope(*items, event_id=event_id), {}, 1 << 24).items:
        chunk = SentChunk(project.project_id, at_us, made.bodies, made.ids)
        columns = STEPS[made.kind.name].build([chunk])
        assert not columns.dead
        for table in made.kind.tables:
            _insert(warehouse, project, table.name, table.id_column, (columns, at_us))
    return event_id


def _insert(
    warehouse: Warehouse, project: ProjectContext, name: str, id_column: str, made: Any
) -> None:
    columns, at_us = made
    count = len(columns.ids)
    arrays = {
        **columns.tables[name].arrays,
        "project_id": pa.array([project.project_id] * count),
        id_column: pa.array(columns.ids),
        "received_at": times([at_us] * count),
        "log_id": pa.array(["log"] * count),
        "log_partition": pa.array([0] * count, pa.uint16()),
        "log_offset": pa.array(range(count), pa.uint64()),
    }
    batch = pa.record_batch(list(arrays.values()), names=list(arrays))
    warehouse.insert_now(name, encode(batch), uuid.uuid4().hex)


def said(message: str, **fields: Any) -> tuple[Mapping[str, Any], bytes]:
    body = {"timestamp": NOW_US / 1e6, "contexts": {"feedback": {"message": message, **fields}}}
    return {"type": "feedback"}, json.dumps(body).encode()


def ran(run: str, status: str, **fields: Any) -> tuple[Mapping[str, Any], bytes]:
    body = {"monitor_slug": "backup", "check_in_id": run, "status": status, **fields}
    return {"type": "check_in"}, json.dumps(body).encode()


def file(name: str, body: bytes) -> tuple[Mapping[str, Any], bytes]:
    return {"type": "attachment", "length": len(body), "filename": name}, body


def test_feedback_is_found_by_what_it_says_and_in_pages(
    warehouse: Warehouse, project: ProjectContext, client: TestClient[Litestar]
) -> None:
    for number in range(3):
        store(warehouse, project, said(f"Cart {number} is EMPTY", name="Ann"))
    about = store(warehouse, project, said("Slow", associated_event_id="ab" * 16))

    found = client.get("/feedback", params={"q": "is empty", "limit": "2"}).json()
    rest = client.get("/feedback", params={"q": "ann", "limit": "2", "cursor": found["nextCursor"]})

    texts = {one["message"] for one in (*found["feedback"], *rest.json()["feedback"])}
    assert (len(found["feedback"]), texts) == (
        2,
        {f"Cart {number} is EMPTY" for number in range(3)},
    )
    (one,) = client.get("/feedback", params={"event_id": "ab" * 16}).json()["feedback"]
    assert (one["id"], one["issueId"]) == (about, None)


def test_a_run_is_what_was_said_last_of_it_whatever_came_first(
    warehouse: Warehouse, project: ProjectContext, client: TestClient[Litestar]
) -> None:
    first, late, alone = (uuid.uuid4().hex for _ in range(3))
    daily = {"schedule": {"type": "interval", "value": 1, "unit": "day"}}
    store(warehouse, project, ran(first, "in_progress", monitor_config=daily))
    store(warehouse, project, ran(first, "error", duration=7.5), at_us=NOW_US + SECOND_US)
    store(warehouse, project, ran(late, "ok"), at_us=NOW_US + 2 * SECOND_US)
    store(warehouse, project, ran(late, "in_progress"), at_us=NOW_US + 5 * SECOND_US)
    store(warehouse, project, ran(alone, "in_progress"), at_us=NOW_US + 9 * SECOND_US)

    runs = client.get("/check-ins", params=RANGE).json()["checkIns"]
    (job,) = client.get("/check-ins/monitors", params=RANGE).json()["monitors"]

    assert [(one["id"], one["status"], one["durationMs"]) for one in runs] == [
        (alone, "in_progress", None), (late, "ok", 3000.0), (first, "error", 7500.0),
    ]  # fmt: skip
    assert (job["runs"], job["ok"], job["failed"]) == (3, 1, 1)
    assert (job["lastStatus"], job["schedule"]) == ("in_progress", "every day")
    assert (job["lastDurationMs"], job["config"]) == (None, daily)


def test_an_end_without_an_id_is_that_of_the_beginning_right_before_it(
    warehouse: Warehouse, project: ProjectContext, client: TestClient[Litestar]
) -> None:
    named = uuid.uuid4().hex
    for seconds, run, status, place in (
        (0, "", "in_progress", "production"),
        (1, named, "in_progress", "production"),
        (2, "", "in_progress", "staging"),
        (4, "", "ok", "production"),
        (5, "", "error", "production"),
        (6, "", "in_progress", "production"),
        (9, "", "in_progress", "production"),
        (11, "", "error", "production"),
    ):
        sent = ran(run, status, environment=place)
        store(warehouse, project, sent, at_us=NOW_US + seconds * SECOND_US)

    asked = RANGE | {"environment": "production"}
    runs = client.get("/check-ins", params=asked).json()["checkIns"]

    assert [(one["status"], one["durationMs"]) for one in runs] == [
        ("error", 2000.0), ("in_progress", None), ("error", None), ("in_progress", None),
        ("ok", 4000.0),
    ]  # fmt: skip


def test_a_file_is_downloaded_and_never_shown(
    warehouse: Warehouse, project: ProjectContext, client: TestClient[Litestar]
) -> None:
    name = '../../a "b"\r\nX: é.html'
    event_id = store(warehouse, project, file(name, b"<script>\0\xff"), file("b.txt", PNG))

    files = client.get("/attachments", params={"event_id": event_id}).json()["attachments"]
    page, picture = sorted(files, key=lambda one: one["size"])
    answer = client.get(f"/attachments/{page['id']}")

    assert answer.content == b"<script>\0\xff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="a _b_X_ _.html"')
    assert "X" not in answer.headers
    assert (page["picture"], picture["picture"], picture["size"]) == (None, "png", len(PNG))
    assert client.get(f"/attachments/{picture['id']}").content == PNG


def test_none_of_it_is_another_projects(
    warehouse: Warehouse, client: TestClient[Litestar], project: ProjectContext
) -> None:
    other = ProjectContext(type(project.project_id)(uuid.uuid4().hex))
    event_id = store(warehouse, other, said("secret"), file("a", b"x"))
    store(warehouse, other, ran(uuid.uuid4().hex, "ok"))
    found = warehouse.query_now(
        "SELECT attachment_id FROM attachments WHERE event_id = {id:String} LIMIT 1",
        {"id": event_id},
        {},
    )

    assert client.get("/feedback").json()["feedback"] == []
    assert client.get("/check-ins", params=RANGE).json()["checkIns"] == []
    assert client.get("/attachments", params={"event_id": event_id}).json()["attachments"] == []
    assert client.get(f"/attachments/{found.rows[0][0]}").status_code == 404


def test_each_kind_has_a_step() -> None:
    assert set(STEPS) == {kind.name for kind in KINDS if kind.topic in ("raw.errors", "raw.logs")}
