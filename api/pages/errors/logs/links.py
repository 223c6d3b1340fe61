"""Where the log records of a trace are."""

from typing import NamedTuple

from api.pages.addresses import Address
from api.pages.parts.filters import Term
from clickhouse.client import Warehouse
from clickhouse.errors.logs import MOST_COUNTED, count_of_trace
from clickhouse.errors.trace_links import AROUND_US, Between
from schemas.projects import ProjectContext


class LogsOfTrace(NamedTuple):
    """How many there are, and where."""

    text: str
    href: str


async def logs_of_trace(
    store: Warehouse, project: ProjectContext, address: Address, trace_id: str, between: Between
) -> LogsOfTrace | None:
    """Returns a link to the log records of a trace; `None` where it has none."""
    count = await count_of_trace(store, project, trace_id, between)
    if not count:
        return None
    many = f"{MOST_COUNTED:,} or more" if count >= MOST_COUNTED else f"{count:,}"
    return LogsOfTrace(f"Logs of this trace: {many}", address_of_trace(address, trace_id, between))


def address_of_trace(address: Address, trace_id: str, between: Between) -> str:
    """Returns where the log records of a trace are, an hour before and after."""
    first_ms, last_ms = (
        (between.first_us - AROUND_US) // 1000,
        (between.last_us + AROUND_US) // 1000,
    )
    where = str(Term("trace", trace_id))
    return address.page(
        "errors/logs", where=where, range=None, live=None, from_=first_ms, to=last_ms
    )
