"""Traces by a text in what was asked, answered, or went wrong."""

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import list_lines
from clickhouse.llm.traces import count_traces
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace


@pytest.mark.parametrize(
    ("texts", "without", "found"),
    [
        (("REFUND",), (), {"asked", "answered", "failed"}),
        (("refund", "policy"), (), {"asked"}),
        (("refund",), ("policy",), {"answered", "failed"}),
        ((), ("refund",), {"quoted", "escaped"}),
        (('say "hi"\nnow',), (), {"quoted"}),
        (("straße",), (), {"quoted", "escaped"}),
        (("STRAẞE",), (), {"quoted", "escaped"}),
        (("re%d",), (), set()),
        (("r_fund",), (), set()),
        (("' OR 1 = 1 --",), (), set()),
    ],
)
async def test_a_text_is_found_as_it_stands_whatever_its_case(
    warehouse: Warehouse,
    project: ProjectContext,
    texts: tuple[str, ...],
    without: tuple[str, ...],
    found: set[str],
) -> None:
    mine = project.project_id
    rows = [
        make_trace(mine, "asked", request_body='{"content":"The refund Policy?"}'),
        make_trace(mine, "answered", output_text="A Refund, soon"),
        make_trace(mine, "failed", error="no refund", status="error"),
        make_trace(mine, "quoted", response_body='{"content":"say \\"hi\\"\\nnow, Straße"}'),
        make_trace(mine, "escaped", request_body='{"content":"Stra\\u00dfe"}'),
        make_trace("another", "theirs", output_text='refund policy say "hi" Straße'),
    ]
    store_traces(warehouse, rows)

    wanted = TraceFilter(texts=texts, without_texts=without)
    lines = await list_lines(warehouse, project, wanted, limit=10)

    assert {line.trace_id for line in lines} == found
    assert await count_traces(warehouse, project, wanted) == len(found)
