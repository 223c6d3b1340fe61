"""A project of its own for each test, and the query routes over the one store."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.response import Response
from litestar.testing import TestClient

from api import analytics, outcomes, spans, traces
from api.parameters import InvalidParameters, NotFound
from clickhouse.client import Warehouse
from clickhouse.tables import encode_outcomes, encode_spans, encode_traces
from schemas.projects import ProjectContext, ProjectId
from schemas.rows import OutcomeRow, SpanRow, TraceRow


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(uuid.uuid4().hex))


@pytest.fixture
def client(warehouse: Warehouse, project: ProjectContext) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [*traces.HANDLERS, *spans.HANDLERS, *analytics.HANDLERS, *outcomes.HANDLERS],
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse, "providers": frozenset({"mistral"})}),
        exception_handlers={InvalidParameters: _invalid, NotFound: _not_found},
    )
    with TestClient(app) as opened:
        yield opened


def store_traces(warehouse: Warehouse, rows: Sequence[TraceRow], token: str | None = None) -> None:
    warehouse.insert_now("traces", encode_traces(rows), token or uuid.uuid4().hex)


def store_spans(warehouse: Warehouse, rows: Sequence[SpanRow], token: str | None = None) -> None:
    warehouse.insert_now("spans", encode_spans(rows), token or uuid.uuid4().hex)


def store_outcomes(warehouse: Warehouse, rows: Sequence[OutcomeRow]) -> None:
    warehouse.insert_now("outcomes", encode_outcomes(rows), uuid.uuid4().hex)


def _invalid(_: Request[Any, Any, Any], error: InvalidParameters) -> Response[dict[str, Any]]:
    body: dict[str, Any] = {"error": error.message}
    if error.details is not None:
        body["details"] = error.details
    return Response(body, status_code=400)


def _not_found(_: Request[Any, Any, Any], error: NotFound) -> Response[dict[str, Any]]:
    return Response({"error": error.message}, status_code=404)
