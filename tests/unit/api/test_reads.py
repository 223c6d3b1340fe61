"""The turns of a project's queries, over the real routes and a store that answers when told to."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from api import outcomes as outcomes_api
from api.app import exception_handlers
from api.reads import MOST_WAITING, TooManyQueries, Turns
from clickhouse.client import QueryResult, Warehouse
from clickhouse.failures import StatementRefused
from schemas.projects import ProjectContext, ProjectId
from sluice.systems import queries

BUSY, OTHER = ProjectId("busy"), ProjectId("other")
RANGE = "date_from=2026-01-01T00:00:00Z&date_to=2026-01-02T00:00:00Z"
PATHS = (
    "/traces",
    "/traces/a",
    "/traces/a/cost",
    "/spans",
    "/spans/a",
    "/spans/a/cost",
    "/sessions/a",
    "/sessions/a/spans",
    f"/analytics?{RANGE}",
    f"/analytics/spans?{RANGE}",
    f"/analytics/prompts?{RANGE}",
    "/models",
    *("/sessions", "/analytics/users", "/analytics/retention"),
    *("/scores", "/scores/a", "/traces/a/scores", f"/scores/analytics?{RANGE}"),
    *("/traces/a/tree", "/otel/spans/a", "/otel/traces", "/otel/map", "/otel/services"),
    "/otel/services/a/operations",
    "/outcomes",
    *("/transactions", "/transactions/spans", "/transactions/a"),
    *(f"/logs?{RANGE}", f"/logs/counts?{RANGE}", "/logs/a", "/attachments"),
    *(f"/otel/metrics?{RANGE}", f"/otel/metrics/series?name=a&{RANGE}"),
    *("/attachments/a", "/check-ins", "/check-ins/monitors", "/otel/spans"),
)


class Store:
    """Answers nothing until it is let go; counts the statements that it is answering."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.running = 0
        self.most = 0
        self._asked = asyncio.Semaphore(0)

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> QueryResult:
        self.running += 1
        self.most = max(self.most, self.running)
        self._asked.release()
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        return QueryResult((), [])

    async def is_asked(self, times: int = 1) -> None:
        async with asyncio.timeout(10):
            for _ in range(times):
                await self._asked.acquire()


def as_warehouse(store: object) -> Warehouse:
    return cast("Warehouse", store)


async def project_of_header(request: Request[Any, Any, Any]) -> ProjectContext:
    return ProjectContext(ProjectId(request.headers["X-Project-Id"]))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def app(store: Store) -> Litestar:
    return Litestar(
        [*queries(), *outcomes_api.HANDLERS],
        dependencies={"project": Provide(project_of_header)},
        state=State({"warehouse": store, "query_threads": 3, "explain_cost": None}),
        exception_handlers=exception_handlers(),
    )


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


def ask(
    client: httpx.AsyncClient, path: str, project_id: ProjectId
) -> asyncio.Task[httpx.Response]:
    request = client.get(path, headers={"X-Project-Id": project_id})
    return asyncio.create_task(asyncio.wait_for(request, 10))


@pytest.mark.parametrize("path", PATHS)
async def test_a_project_whose_turns_are_taken_is_put_off_and_another_is_served(
    app: Litestar, client: httpx.AsyncClient, store: Store, path: str
) -> None:
    app.state.turns = Turns(3, wait_s=0.01)
    first = ask(client, "/traces/a", BUSY)
    second = ask(client, "/spans/a", BUSY)
    await store.is_asked(2)

    refused = await ask(client, path, BUSY)
    served = ask(client, path, OTHER)
    await store.is_asked()  # by the other project

    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "2"
    assert refused.json() == {
        "error": "Too many queries of this project at one time: wait for some of their answers"
    }
    store.go.set()
    assert [answer.status_code for answer in await asyncio.gather(first, second)] == [404, 404]
    await asyncio.wait([served])


async def test_who_waits_is_served_in_turn(
    app: Litestar, client: httpx.AsyncClient, store: Store
) -> None:
    app.state.query_threads = 4
    asked = [ask(client, "/traces/a", BUSY) for _ in range(10)]
    await store.is_asked()

    store.go.set()

    assert {(await answer).status_code for answer in asked} == {404}
    assert store.most == 3


async def test_one_answer_of_many_statements_leaves_a_thread_to_others(
    client: httpx.AsyncClient, store: Store
) -> None:
    query = f"/analytics?{RANGE}&group_by=model&interval=hour"
    asked = [ask(client, query, BUSY) for _ in range(2)]
    await store.is_asked(2)

    other = ask(client, "/traces/a", OTHER)
    await store.is_asked()

    assert store.running == 3  # a third of the busy project would have come before the other
    store.go.set()
    assert (await other).status_code == 404
    await asyncio.wait(asked)
    assert store.most == 3


async def test_one_thread_is_shared_by_all(store: Store) -> None:
    turns = Turns(1, wait_s=0.01)

    async with turns.taken(BUSY, as_warehouse(store)):
        with pytest.raises(TooManyQueries):
            async with turns.taken(BUSY, as_warehouse(store)):
                pass


async def test_a_turn_comes_back_from_a_query_that_failed() -> None:
    class Refusing:
        async def query(self, *_: Any, **__: Any) -> QueryResult:
            raise StatementRefused("no such column")

    turns = Turns(1, wait_s=0.01)
    for _ in range(2):
        with pytest.raises(StatementRefused):
            async with turns.taken(BUSY, as_warehouse(Refusing())) as warehouse:
                await warehouse.query("SELECT 1")


async def test_a_crowd_is_refused_without_waiting(store: Store) -> None:
    turns = Turns(2, wait_s=3600)

    async def take() -> None:
        async with asyncio.timeout(10), turns.taken(BUSY, as_warehouse(store)) as warehouse:
            await warehouse.query("SELECT 1")

    waiting = [asyncio.create_task(take()) for _ in range(1 + MOST_WAITING)]
    await store.is_asked()

    with pytest.raises(TooManyQueries):
        await take()
    store.go.set()
    await asyncio.gather(*waiting)


async def test_a_project_that_asks_nothing_any_more_is_forgotten(
    client: httpx.AsyncClient, app: Litestar, store: Store
) -> None:
    store.go.set()
    for number in range(50):
        await ask(client, "/traces/a", ProjectId(f"project {number}"))

    gc.collect()  # what an error's traceback held on to

    assert len(app.state.turns._shares) == 0


async def test_a_statement_left_behind_by_its_request_still_counts(store: Store) -> None:
    turns = Turns(2, wait_s=0.01)
    left: list[asyncio.Task[QueryResult]] = []

    async with turns.taken(BUSY, as_warehouse(store)) as warehouse:
        left.append(asyncio.create_task(warehouse.query("SELECT 1")))
        await store.is_asked()
    async with turns.taken(BUSY, as_warehouse(store)) as warehouse:
        left.append(asyncio.create_task(warehouse.query("SELECT 2")))
        await asyncio.sleep(0)

        assert store.running == 1
        store.go.set()
        await asyncio.gather(*left)


def test_every_query_route_is_tried_here() -> None:
    asked = [path for one in (*queries(), *outcomes_api.HANDLERS) for path in one.paths]
    # Those ask the control plane too: tests/integration/issues/test_http.py tries them, and
    # tests/integration/alerts/test_budgets_http.py, tests/integration/datasets,
    # tests/integration/judges/test_http.py, and tests/e2e/test_annotation.py.
    own = ("/budgets", "/annotation-queues", "/datasets", "/judges", "/prompts")
    others = ("/issues", "/releases", "/feedback", *own)
    alone = [path for path in asked if not path.startswith(others)]
    assert len(PATHS) == len(alone)
