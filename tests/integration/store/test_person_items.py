"""Items of queues and datasets are found for a person by what the store says of calls."""

import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from clickhouse.client import Warehouse
from clickhouse.llm.callers import Caller, callers_of
from clickhouse.persons import Whose
from controlplane.database import Database
from controlplane.llm.dataset_items import write_items
from controlplane.llm.datasets import add_dataset
from controlplane.llm.queue_erasing import list_about
from controlplane.llm.queue_items import add_items, list_items
from controlplane.llm.queues import add_queue
from schemas.llm.annotation import QueueForm, Rule, SentTarget
from schemas.llm.datasets import DatasetForm, ItemForm
from schemas.projects import ProjectContext, ProjectId
from sluice.person_items import ITEMS
from tests.integration.issues.seen import make_project
from tests.integration.queries.rows import (
    START_US,
    encode_spans,
    encode_traces,
    make_span,
    make_trace,
)

JANE = "jane.doe@secret.example"
OTEL = "5b8efff798038103d269b633813fc60c"
CALL = f"{OTEL}-eee19b7ec3c1b174"
DATASETS, QUEUES = ITEMS


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'control.db')}")
    yield database
    await database.close()


@pytest.fixture
async def whose(database: Database, warehouse: Warehouse) -> Whose:
    """Jane's calls beside those of Bob: one session is hers, one is of both."""
    project_id = await make_project(database)
    calls = [
        make_trace(project_id, "t-jane", user_id=JANE, session_id="s-jane"),
        make_trace(project_id, CALL, user_id=JANE, session_id="s-both"),
        make_trace(project_id, "t-bob", user_id="bob", session_id="s-both"),
        make_trace(project_id, "t-none", session_id="s-jane"),
    ]
    warehouse.insert_now("traces", encode_traces(calls), uuid.uuid4().hex)
    spans = [make_span(project_id, "a-jane", session_id="s", tags={"userId": JANE})]
    warehouse.insert_now("spans", encode_spans(spans), uuid.uuid4().hex)
    return Whose(project_id, JANE, START_US + 10**9)


async def rows(items: Any, database: Database, store: Warehouse, whose: Whose) -> list[Any]:
    return [row async for row in items.rows(database, store, whose)]


async def test_items_of_queues_go_that_are_calls_spans_and_sessions_of_the_person_alone(
    database: Database, warehouse: Warehouse, whose: Whose
) -> None:
    form = QueueForm(name="q", scores=(Rule(name="good", type="boolean"),))
    queue = await add_queue(database, whose.project_id, form)
    theirs = [
        *(SentTarget(trace_id="t-jane"), SentTarget(trace_id=CALL), SentTarget(trace_id=OTEL)),
        *(SentTarget(session_id="s-jane"), SentTarget(span_id="a-jane" + "0" * 20)),
    ]
    spans = [make_span(whose.project_id, "a-jane" + "0" * 20, tags={"userId": JANE})]
    warehouse.insert_now("spans", encode_spans(spans), uuid.uuid4().hex)
    others = [SentTarget(trace_id="t-bob"), SentTarget(session_id="s-both")]
    await add_items(database, whose.project_id, queue.id, [*theirs, *others], by=None)

    told = await rows(QUEUES, database, warehouse, whose)
    count = await QUEUES.count(database, warehouse, whose)
    for _ in range(2):
        await QUEUES.erase(database, warehouse, whose)

    assert (count, [one["number"] for one in told]) == (5, [1, 2, 3, 4, 5])
    assert (told[0]["queue"], told[0]["trace_id"], told[0]["session_id"]) == ("q", "t-jane", None)
    left = await list_items(database, whose.project_id, queue.id, limit=10)
    assert [one.number for one in left] == [6, 7]


async def test_no_more_than_the_items_of_one_queue_are_looked_at_together(
    database: Database, warehouse: Warehouse, whose: Whose
) -> None:
    rules = (Rule(name="good", type="boolean"),)
    for name in ("b", "empty", "a"):
        queue = await add_queue(database, whose.project_id, QueueForm(name=name, scores=rules))
        if name != "empty":
            sent = [SentTarget(trace_id=name), SentTarget(trace_id="t-jane")]
            await add_items(database, whose.project_id, queue.id, sent, by=None)

    found = list_about(database, whose.project_id)
    held = [[one.target.trace_id for one in some] async for some in found]
    told = await rows(QUEUES, database, warehouse, whose)
    await QUEUES.erase(database, warehouse, whose)

    assert held == [["a", "t-jane"], ["b", "t-jane"], []]
    assert [(one["queue"], one["number"]) for one in told] == [("a", 2), ("b", 2)]
    assert await QUEUES.count(database, warehouse, whose) == 0


async def test_items_of_datasets_go_by_their_user_call_and_session(
    database: Database, warehouse: Warehouse, whose: Whose
) -> None:
    await add_dataset(database, whose.project_id, DatasetForm(name="d"))
    about: dict[str, dict[str, Any]] = {
        "gone": {"user_id": JANE},
        "old": {"trace_id": "t-jane"},
        "unnamed": {"trace_id": "t-none", "session_id": "s-jane"},
        "both": {"session_id": "s-both"},
        "bob": {"user_id": "bob", "session_id": "s-jane"},
    }
    forms = [ItemForm(id=name, input=Raw(b"1"), **fields) for name, fields in about.items()]
    await write_items(database, whose.project_id, "d", forms)

    told = await rows(DATASETS, database, warehouse, whose)
    await DATASETS.erase(database, warehouse, whose)

    assert [one["id"] for one in told] == ["gone", "old", "unnamed"]
    assert await DATASETS.count(database, warehouse, whose) == 0


async def test_whom_calls_are_of_is_told_of_one_project_alone(
    warehouse: Warehouse, whose: Whose
) -> None:
    project, asked = ProjectContext(whose.project_id), ["t-jane", "t-none", "absent"]

    found = await callers_of(warehouse, project, asked)
    other = await callers_of(warehouse, ProjectContext(ProjectId("other")), asked)

    assert found == {"t-jane": Caller(JANE, "s-jane"), "t-none": Caller("", "s-jane")}
    assert other == {}
