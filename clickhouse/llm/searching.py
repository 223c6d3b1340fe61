"""Pages of the traces that hold words: calls that came as JSON, and those that OpenTelemetry told.

What each of them holds is found in another way; a page has the latest of both.
"""

from typing import NamedTuple

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import Place
from clickhouse.llm.traces import TracePage, narrowed, page_at, places_of
from clickhouse.message_search import Sought, find_calls
from schemas.projects import ProjectContext

LEAST_COUNTED = 100
"""Matches are counted so far, however short the page is."""


class SearchPage(NamedTuple):
    """A page of a search, and how many matches are known: all, if it is the last one."""

    page: TracePage
    total: int


async def search_page(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    limit: int,
    offset: int = 0,
    beyond: Place | None = None,
) -> SearchPage:
    """Finds one page of the traces that have the words, latest first, ties by id.

    Where there are more messages with the words than one search looks at, the page may not be
    full, and `last` is where the next one goes on.
    """
    number = max(offset + limit, LEAST_COUNTED) + 1
    found = await find_calls(
        warehouse, project, wanted.words, _sought(project, wanted, beyond, number)
    )
    told = sorted((Place(*call) for call in found.calls), reverse=True)[:number]
    # Bodies of before what fills the page, or is looked at, are not read.
    ends = [wanted.from_us, found.since_us, told[-1].us if len(told) == number else None]
    within = replace(wanted, from_us=max((us for us in ends if us is not None), default=None))
    in_bodies = await places_of(warehouse, project, within, limit=number, beyond=beyond)
    places = sorted([*told, *in_bodies], reverse=True)[:number]
    page = page_at(project, places[offset:], limit)
    if page.last is None and found.since_us is not None:
        page = page._replace(last=Place(found.since_us, ""))
    return SearchPage(page, len(places))


def _sought(
    project: ProjectContext, wanted: TraceFilter, beyond: Place | None, number: int
) -> Sought:
    ends = [] if wanted.to_us is None else [wanted.to_us]
    if beyond is not None:
        # Others of the moment of a row may follow it; a place without one is before its moment.
        ends.append(beyond.us if beyond.trace_id else beyond.us - 1)
    return Sought(
        fits=narrowed(project, replace(wanted, words=()), beyond),
        from_us=wanted.from_us,
        to_us=min(ends, default=None),
        every_billing=wanted.every_billing,
        number=number,
    )
