"""From the words of a search to a filter that knows which calls told them."""

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import Place
from clickhouse.message_search import find_calls
from schemas.projects import ProjectContext


async def look_up_words(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, beyond: Place | None
) -> TraceFilter:
    """Returns the filter with the calls whose messages have its words.

    Where these are more than one search looks at, its range begins with the oldest of them: a
    list goes on from there.
    """
    if not wanted.words:
        return wanted
    ends = [] if wanted.to_us is None else [wanted.to_us]
    if beyond is not None:
        # Others of the moment of a row may follow it; a place without one is before its moment.
        ends.append(beyond.us if beyond.trace_id else beyond.us - 1)
    found = await find_calls(
        warehouse,
        project,
        wanted.words,
        from_us=wanted.from_us,
        to_us=min(ends, default=None),
        every_billing=wanted.every_billing,
    )
    from_us = wanted.from_us
    if found.since_us is not None:
        from_us = found.since_us if from_us is None else max(from_us, found.since_us)
    return replace(wanted, told=found.ids, from_us=from_us)


def going_on_at(wanted: TraceFilter, searched: TraceFilter) -> Place | None:
    """Returns where a list goes on whose rows are shown: `None` where all words were looked up."""
    return None if searched.from_us == wanted.from_us else Place(searched.from_us or 0, "")
