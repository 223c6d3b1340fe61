"""Metadata keys and values are the senders' own: any text is found again, exactly."""

import uuid
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping
from clickhouse.tags import path_of
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import analyse, store_spans, store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_span, make_trace

ALL = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + DAY_US)
HARD_KEYS = (
    "a.b",
    ".",
    "a..b",
    "^a",
    "@a",
    "a.:Int64",
    "a.:`String`",
    "`; DROP TABLE traces; --",
    "back`tick",
    "back\\slash",
    "quo'te\"s",
    "{project_id:String}",
    "per%cent %s",
    "=2E",
    "ключ 鍵 🙂",
    "nul\0byte",
    "new\nline",
    "UserId",
    "userId",
    "_",
    "tags",
    "x" * 128,
)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("user_id-1", "user_id-1"),
        ("a.b", "a=2Eb"),
        ("a=2Eb", "a=3D2Eb"),
        ("`", "=60"),
        ("é", "=C3=A9"),
        ("", "="),
        ("\ud800", "=ED=A0=80"),
    ],
)
def test_a_path_holds_plain_characters_alone(key: str, path: str) -> None:
    assert path_of(key) == path


def test_different_keys_have_different_paths() -> None:
    assert len({path_of(key) for key in HARD_KEYS}) == len(HARD_KEYS)


@pytest.mark.parametrize("key", HARD_KEYS)
async def test_any_key_is_grouped_by_and_filtered_by(
    warehouse: Warehouse, project: ProjectContext, client: TestClient[Litestar], key: str
) -> None:
    others = {other: f"not {other}" for other in HARD_KEYS if other != key}
    rows = [
        make_trace(project.project_id, "mine", tags=others | {key: "v'`\\"}),
        make_trace(project.project_id, "theirs", tags=others),
    ]
    store_traces(warehouse, rows)

    grouping = Grouping((f"metadata.{key}",), order="key")
    found = await analyse(warehouse, project, ALL, period="day", grouping=grouping)
    listed = client.get("/traces", params={f"metadata.{key}": "v'`\\"}).json()

    assert [list(group.key.values()) for group in found.groups or []] == [["v'`\\"], [None]]
    assert ([row["traceId"] for row in listed["traces"]], listed["total"]) == (["mine"], 1)


@pytest.mark.parametrize(
    "value",
    ["2025-06-01", "2025-6-1", "2025-06-01 10:00:00", "2025-06-01T10:00:00.123Z", "1", "1.50"]
    + ["-0", "1e400", "true", "null", "NaN", "[1]", '{"a": 1}', '"', "\\u0041", "\0", " ", "🙂"],
)
async def test_a_value_is_a_text_whatever_it_looks_like(
    warehouse: Warehouse, project: ProjectContext, value: str
) -> None:
    rows = [make_trace(project.project_id, uuid.uuid4().hex, tags={"k": value})]
    rows.append(make_trace(project.project_id, uuid.uuid4().hex, tags={"k": "plain"}))
    store_traces(warehouse, rows)

    wanted = TraceFilter(from_us=ALL.from_us, to_us=ALL.to_us, metadata=(("k", value),))
    grouping = Grouping(("metadata.k",))
    found = await analyse(warehouse, project, wanted, period="day", grouping=grouping)

    assert [(group.key, group.requests) for group in found.groups or []] == [
        ({"metadata.k": value}, 1)
    ]
    assert found.total_requests == 1


async def test_keys_without_end_stay_exact(warehouse: Warehouse, project: ProjectContext) -> None:
    rows = [
        make_trace(
            project.project_id,
            f"t{number}",
            tags={f"key {number} {place}": str(number) for place in range(16)} | {"all": "yes"},
        )
        for number in range(300)
    ]
    store_traces(warehouse, rows)
    warehouse.command_now("OPTIMIZE TABLE traces FINAL", None, {})

    async def ask(key: str) -> dict[Any, int]:
        grouping = Grouping((f"metadata.{key}",))
        found = await analyse(warehouse, project, ALL, period="day", grouping=grouping)
        return {group.key[f"metadata.{key}"]: group.requests for group in found.groups or []}

    assert await ask("all") == {"yes": 300}
    assert await ask("key 7 15") == {"7": 1, None: 299}
    assert await ask("key 299 0") == {"299": 1, None: 299}


async def test_an_empty_value_counts_as_absent(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [make_trace(project.project_id, "empty", tags={"k": ""})]
    rows.append(make_trace(project.project_id, "absent"))
    store_traces(warehouse, rows)

    grouping = Grouping(("metadata.k",))
    found = await analyse(warehouse, project, ALL, period="day", grouping=grouping)

    assert [(group.key, group.requests) for group in found.groups or []] == [
        ({"metadata.k": None}, 2)
    ]


def test_spans_keep_their_tags_too(warehouse: Warehouse, project: ProjectContext) -> None:
    tags = {"a.b": "2025-06-01", "": "empty", "ü": "`"}
    store_spans(warehouse, [make_span(project.project_id, "s", tags=tags)])

    answer = warehouse.query_now(
        "SELECT tags.`a=2Eb`.:String, tags.`=`.:String, tags.`=C3=BC`.:String FROM spans"
        " WHERE project_id = {project_id:String}",
        {"project_id": project.project_id},
        {},
    )

    assert [tuple(row) for row in answer.rows] == [("=2025-06-01", "=empty", "=`")]
