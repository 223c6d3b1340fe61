"""Calls whose cost is unknown, by their names, with one of them as an example."""

from collections import defaultdict

from clickhouse.client import Warehouse
from clickhouse.llm.models import Unpriced, find_unpriced
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_span, random_traces


async def test_unpriced_calls_are_what_plain_python_counts_and_the_example_is_one_of_them(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    traces = random_traces(project.project_id, 5, 300)
    spans = [
        make_span(
            project.project_id,
            f"s{number}",
            kind="llm_response",
            model=f"house-{number % 3}",
            timestamp_us=START_US + DAY_US,
        )
        for number in range(7)
    ]
    store_traces(warehouse, traces)
    store_spans(warehouse, spans)
    first, last = START_US + DAY_US // 3, START_US + 3 * DAY_US

    found = await find_unpriced(warehouse, project, first, last)

    expected: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for span in spans:
        expected["spans", "", "", span.model or "", str(False)].add(span.span_id)
    for row in traces:
        costs = (row.computed_cost_pico, row.reported_cost_pico)
        if first <= row.timestamp_us <= last and costs == (None, None):
            counted = str(row.input_tokens is not None or row.output_tokens is not None)
            key = ("traces", row.provider, row.model_used or "", row.model_requested, counted)
            expected[key].add(row.trace_id)
    assert {_key(one): one.calls for one in found} == {
        key: len(ids) for key, ids in expected.items()
    }
    assert len(found) > 6
    assert all(one.example in expected[_key(one)] for one in found)


def _key(one: Unpriced) -> tuple[str, ...]:
    return (one.seen_in, one.provider, one.used, one.requested, str(one.is_counted))
