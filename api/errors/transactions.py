"""Transactions to read: `GET transactions`, `transactions/{id}`, `transactions/spans`."""

import asyncio
import time
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.errors.performance import group_of, read_answer, sorts_of, sums_of
from api.errors.places import read_place, written
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.transaction_filters import Named, SpanFilter, Text, TransactionFilter
from clickhouse.errors.transaction_spans import ORDERS as SPAN_ORDERS
from clickhouse.errors.transaction_spans import slowest_spans
from clickhouse.errors.transactions import ORDERS, Listing
from schemas.described import describes
from schemas.errors.performance import GroupList, SpanSortList, TransactionAnswer
from schemas.issues import one_of
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

USUAL_US = DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 1_100 * DAY_US
NAMED = ("name", "op", "environment", "release")


class TransactionQuery(TimeZone, frozen=True, kw_only=True):
    """Which transactions, by default those of the last 24 hours; an empty text is none."""

    date_from: str | None = None
    date_to: str | None = None
    name: str | None = None
    op: str | None = None
    environment: str | None = None
    release: str | None = None
    q: Annotated[str, Meta(max_length=200)] | None = None
    """A text that stands in the name."""


class GroupQuery(TransactionQuery, frozen=True, kw_only=True):
    """Which groups, and in which order."""

    by: str = "total"
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class SpanSortQuery(TransactionQuery, frozen=True, kw_only=True):
    """Which spans, and in which order; `span_op` is what their operation begins with, as `db`."""

    span_op: str | None = None
    by: str = "total"
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


@get("/transactions", opt={**takes(GroupQuery), **describes(answer=GroupList)})
async def list_transactions(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers transactions by name and operation, those that take most time first."""
    query = read(values_of(request), GroupQuery)
    wanted = wanted_of(project, query)
    if query.by not in ORDERS:
        raise invalid("by", f"Expected {one_of(tuple(ORDERS))}")
    beyond = read_place(query.cursor, "cursor") if query.cursor else None
    listing = Listing(query.by, query.limit + 1, beyond)

    async def ask(warehouse: Warehouse) -> GroupList:
        groups, totals = await asyncio.gather(
            transactions.list_groups(warehouse, project, wanted, listing),
            transactions.total(warehouse, project, wanted),
        )
        shown = groups[: query.limit]
        return GroupList(
            [group_of(group, wanted) for group in shown],
            sums_of(totals.figures, wanted),
            totals.groups,
            iso_ms(wanted.from_us),
            iso_ms(wanted.to_us),
            written(shown[-1].place) if len(groups) > len(shown) else None,
        )

    return await one(reader_of(request, project), ask)


@get("/transactions/spans", opt={**takes(SpanSortQuery), **describes(answer=SpanSortList)})
async def list_slowest_spans(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the spans that take most time, by operation and description without its values."""
    query = read(values_of(request), SpanSortQuery)
    within = wanted_of(project, query)
    if query.by not in SPAN_ORDERS:
        raise invalid("by", f"Expected {one_of(tuple(SPAN_ORDERS))}")
    wanted = SpanFilter(within=within, op_begins=query.span_op or "")

    async def ask(warehouse: Warehouse) -> SpanSortList:
        return sorts_of(
            await slowest_spans(warehouse, project, wanted, order=query.by, limit=query.limit)
        )

    return await one(reader_of(request, project), ask)


@get("/transactions/{transaction_id:str}", opt=describes(answer=TransactionAnswer))
async def get_transaction(
    request: Request[Any, Any, Any], project: Project, transaction_id: FromPath[str]
) -> Response[bytes]:
    """Answers one transaction with its spans, and what else its trace has."""
    return await one(
        reader_of(request, project),
        lambda store: read_answer(store, project, transaction_id),
        missing="Transaction not found",
    )


def wanted_of(project: ProjectContext, query: TransactionQuery) -> TransactionFilter:
    """Returns the filter that a query names. Raises `InvalidParameters`."""
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return TransactionFilter(
        from_us=first,
        to_us=last,
        named=tuple(Named(name, value) for name in NAMED if (value := getattr(query, name))),
        texts=(Text(query.q),) if query.q else (),
    )


HANDLERS = (list_transactions, list_slowest_spans, get_transaction)
