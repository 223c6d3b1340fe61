"""A project of its own for each test, and the query routes over the one store."""

import uuid
from collections.abc import Iterator, Sequence

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient
from msgspec.structs import replace

from api import outcomes as outcomes_api
from api.app import exception_handlers
from clickhouse.client import Warehouse
from clickhouse.llm import analytics
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups
from clickhouse.otel.summaries import summarise_one
from clickhouse.tables import encode_outcomes
from schemas.llm.answers import AnalyticsAnswer
from schemas.projects import ProjectContext, ProjectId
from schemas.rows import OutcomeRow
from sluice.systems import queries
from tests.integration.queries.rows import SpanRow, TraceRow, encode_spans, encode_traces


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(uuid.uuid4().hex))


@pytest.fixture
def client(warehouse: Warehouse, project: ProjectContext) -> Iterator[TestClient[Litestar]]:
    with client_of(warehouse, project) as opened:
        yield opened


def client_of(warehouse: Warehouse, project: ProjectContext) -> TestClient[Litestar]:
    """Returns who asks as a project."""
    app = Litestar(
        [*queries(), *outcomes_api.HANDLERS],
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse, "summarise_trace": summarise_one}),
        exception_handlers=exception_handlers(),
    )
    return TestClient(app)


def store_traces(warehouse: Warehouse, rows: Sequence[TraceRow], token: str | None = None) -> None:
    warehouse.insert_now("traces", encode_traces(rows), token or uuid.uuid4().hex)


def store_spans(warehouse: Warehouse, rows: Sequence[SpanRow], token: str | None = None) -> None:
    warehouse.insert_now("spans", encode_spans(rows), token or uuid.uuid4().hex)


def store_outcomes(warehouse: Warehouse, rows: Sequence[OutcomeRow]) -> None:
    warehouse.insert_now("outcomes", encode_outcomes(rows), uuid.uuid4().hex)


async def analyse(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    period: str,
    grouping: Grouping | None = None,
    base_only: bool = False,
) -> AnalyticsAnswer:
    """Returns totals, and groups where they are asked for, as the route puts them together."""
    found = await analytics.analyse(warehouse, project, wanted, period=period, base_only=base_only)
    if grouping is None:
        return found
    ranked = await rank_groups(warehouse, project, wanted, grouping, base_only=base_only)
    return replace(found, groups=await read_groups(warehouse, project, ranked, slice(None)))
