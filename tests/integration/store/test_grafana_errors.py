"""The dashboard of errors: its numbers are those of the dashboard of Sluice, in every range."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from api.pages.errors.issues.wanted import KEYS
from api.pages.parts.filters import TEXT, Term, read_terms
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import count_errors
from clickhouse.errors.transaction_filters import Named, SpanFilter, TransactionFilter
from clickhouse.errors.transaction_spans import slowest_spans
from clickhouse.errors.transactions import Listing, list_groups, total
from grafana.boards import query_of
from grafana.errors import GONE
from grafana.plugin import Value, View, expand
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import store_errors
from tests.integration.queries.rows import START_US
from tests.integration.queries.transaction_rows import Transaction
from tests.integration.store.failures import TITLE, store_failures

START_MS = START_US // 1000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WHOLE = (START_MS, START_MS + 3 * DAY_MS - 1)
RAGGED = (START_MS + 17 * MINUTE_MS + 123, START_MS + 60 * HOUR_MS + 1_234_567)
SHORT = (START_MS + 50 * MINUTE_MS, START_MS + 5 * HOUR_MS + 1)
MONTH = (START_MS - 20 * DAY_MS + 1, START_MS + 2 * DAY_MS + 5_000_005)
RANGES = pytest.mark.parametrize("ends", [WHOLE, RAGGED, SHORT, MONTH])
ENVIRONMENTS = pytest.mark.parametrize("environment", [None, "production"])


class Shop(NamedTuple):
    """A project with errors and transactions, beside one that has the same."""

    context: ProjectContext
    transactions: list[Transaction]

    def view(self, ends: tuple[int, int], zone: str = "utc", **chosen: Value | None) -> View:
        given = {name: value for name, value in chosen.items() if value is not None}
        return View(*ends, zone, {"project": [self.context.project_id], **given})


@pytest.fixture(scope="module")
def shop(warehouse: Warehouse) -> Shop:
    own, other = uuid.uuid4().hex, uuid.uuid4().hex
    store_failures(warehouse, other)
    return Shop(ProjectContext(ProjectId(own)), store_failures(warehouse, own))


def ask(warehouse: Warehouse, name: str, view: View) -> Sequence[Sequence[Any]]:
    return warehouse.query_now(expand(query_of(f"errors: {name}").sql, view), None, {}).rows


def value(warehouse: Warehouse, name: str, view: View) -> Any:
    [row] = ask(warehouse, name, view)
    return row[0]


def filter_of(ends: tuple[int, int], environment: str | None) -> TransactionFilter:
    named = (Named("environment", environment),) if environment else ()
    return TransactionFilter(from_us=ends[0] * 1000, to_us=ends[1] * 1000, named=named)


@RANGES
@ENVIRONMENTS
def test_errors_are_as_many_as_on_the_pages_of_sluice(
    warehouse: Warehouse, shop: Shop, ends: tuple[int, int], environment: str | None
) -> None:
    view = shop.view(ends, environment=environment)
    wanted = ErrorFilter(from_us=ends[0] * 1000, to_us=ends[1] * 1000, environment=environment)
    counts = asyncio.run(count_errors(warehouse, shop.context, wanted))

    assert counts.events > 0
    assert value(warehouse, "Events", view) == counts.events
    assert value(warehouse, "People", view) == counts.people
    unhandled = value(warehouse, "Unhandled", view)
    assert unhandled == pytest.approx(counts.unhandled / counts.events)
    for by in ("level", "release", "environment"):
        rows = ask(warehouse, f"Events by {by}", view)
        assert sum(row[2] for row in rows) == counts.events
    assert sum(row[4] for row in ask(warehouse, "Top issues", view)) == counts.events


@RANGES
@ENVIRONMENTS
def test_transactions_are_those_of_the_pages_of_sluice(
    warehouse: Warehouse, shop: Shop, ends: tuple[int, int], environment: str | None
) -> None:
    view, wanted = shop.view(ends, environment=environment), filter_of(ends, environment)
    figures = asyncio.run(total(warehouse, shop.context, wanted)).figures
    minutes = (ends[1] // 1000 - ends[0] // 1000) / 60

    assert figures.count > 0
    assert figures.apdex is not None
    assert figures.failure_rate is not None
    assert value(warehouse, "Transactions", view) == figures.count
    assert value(warehouse, "Throughput", view) == pytest.approx(figures.count / minutes)
    assert value(warehouse, "Failure rate", view) == pytest.approx(figures.failure_rate / 100)
    assert value(warehouse, "Apdex", view) == pytest.approx(figures.apdex)
    assert value(warehouse, "Duration p95", view) == pytest.approx(figures.spread[2] / 1000)
    by_operation = ask(warehouse, "Transactions by operation", view)
    assert sum(row[2] for row in by_operation) == figures.count


@RANGES
def test_each_name_has_the_figures_of_its_page(
    warehouse: Warehouse, shop: Shop, ends: tuple[int, int]
) -> None:
    listing = Listing("total", 200)
    groups = asyncio.run(list_groups(warehouse, shop.context, filter_of(ends, None), listing))
    rows = ask(warehouse, "Transactions by name", shop.view(ends))

    assert [(row[1], row[2], row[3]) for row in rows] == [
        (group.name, group.op, group.figures.count) for group in groups
    ]
    for row, group in zip(rows, groups, strict=True):
        p50, _, p95, p99 = group.figures.spread
        assert row[6:9] == pytest.approx((p50 / 1e3, p95 / 1e3, p99 / 1e3))
        assert row[5] * 100 == pytest.approx(group.figures.failure_rate)
        assert row[9] == pytest.approx(group.figures.apdex)
        assert row[10] * 1000 == pytest.approx(group.figures.total_ms)


@pytest.mark.parametrize("zone", ["utc", "Europe/Berlin", "Asia/Kolkata"])
def test_points_of_a_month_add_up_in_every_time_zone(
    warehouse: Warehouse, shop: Shop, zone: str
) -> None:
    view = shop.view(MONTH, zone)
    within = [one for one in shop.transactions if one.timestamp_us <= MONTH[1] * 1000]

    rows = ask(warehouse, "Transactions by operation", view)

    assert sum(row[2] for row in rows) == len(within)
    assert len({row[0] for row in rows}) in (3, 4)


def test_an_issue_has_the_title_of_its_newest_event_and_a_link_that_finds_it(
    warehouse: Warehouse, shop: Shop
) -> None:
    rows = ask(warehouse, "Top issues", shop.view(WHOLE))
    searches = {row[8] for row in rows}

    assert [row[1] for row in rows] == [TITLE] * 3
    for search in searches:
        assert read_terms(search, KEYS) == [Term("is", "all"), Term(TEXT, TITLE)]


def test_an_issue_whose_events_are_gone_says_so_beside_its_counts(warehouse: Warehouse) -> None:
    project = ProjectContext(ProjectId(uuid.uuid4().hex))
    store_errors(warehouse, project, [{"at_us": START_US}, {"at_us": START_US + 1}])
    gone = "DELETE FROM errors WHERE project_id = {p:String}"
    warehouse.query_now(gone, {"p": project.project_id}, {"mutations_sync": 2})

    [row] = ask(warehouse, "Top issues", Shop(project, []).view(WHOLE))

    assert (row[1], row[4]) == (GONE, 2)
    assert read_terms(row[8], KEYS) == [Term("is", "all")]


def test_a_fingerprint_is_new_where_no_event_of_it_is_older(
    warehouse: Warehouse, shop: Shop
) -> None:
    assert value(warehouse, "Fingerprints", shop.view(WHOLE)) == 3
    assert value(warehouse, "New fingerprints", shop.view(WHOLE)) == 2
    days = ask(warehouse, "New fingerprints per day", shop.view(WHOLE))
    assert sum(row[1] for row in days) == 2
    assert value(warehouse, "New fingerprints", shop.view(MONTH)) == 3


@ENVIRONMENTS
def test_spans_are_those_of_the_chosen_transactions(
    warehouse: Warehouse, shop: Shop, environment: str | None
) -> None:
    wanted = SpanFilter(within=filter_of(RAGGED, environment))
    found = asyncio.run(
        slowest_spans(warehouse, shop.context, wanted, order="total", limit=10)
    ).sorts
    rows = ask(warehouse, "Slowest spans", shop.view(RAGGED, environment=environment))

    assert [(row[1], row[2]) for row in rows] == [(one.op, one.count) for one in found]
    assert [row[3] * 1000 for row in rows] == pytest.approx([one.total_ms for one in found])
    assert [row[7] for row in rows] == [one.slowest for one in found]
