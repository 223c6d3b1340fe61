"""The last call of a session and of a trace of OpenTelemetry: what an item of a queue shows."""

from clickhouse.client import Warehouse
from clickhouse.llm.last_calls import last_of_session, last_of_trace
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.otel_rows import call, span, store_spans, trace_id
from tests.integration.queries.rows import START_US, make_trace


async def test_the_last_call_of_a_session_is_found_in_its_project_alone(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        make_trace(project.project_id, one, session_id="s", timestamp_us=START_US + at)
        for at, one in enumerate(("a", "c", "b"))
    ]
    store_traces(warehouse, rows)

    assert await last_of_session(warehouse, project, "s") == "b"
    assert await last_of_session(warehouse, project, "other") is None
    assert await last_of_session(warehouse, ProjectContext(ProjectId("x")), "s") is None


async def test_the_last_call_of_a_trace_is_found_by_its_digits(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    spans = [span(1), call(2, 1), call(3, 1), span(4, 1), call(5, 1, trace=2)]
    store_spans(warehouse, project, spans)

    assert await last_of_trace(warehouse, project, trace_id(1)) == f"{trace_id(1)}-{3:016x}"
    assert await last_of_trace(warehouse, project, "0" * 32) is None
