"""The pipeline at a glance: what became of everything, what waits, how fresh the data is."""

import asyncio
from typing import NamedTuple

import structlog
from litestar import Response, get

from api.auth import AnyRequest
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.parts.snippets import snippets_of
from api.pages.pipeline.dead import reasons_of
from api.pages.pipeline.ledger import Ledger, counts_of, ledger_of
from api.pages.pipeline.now import now_of, waiting_of
from api.pages.pipeline.words import OUTCOMES
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.failures import QueryTooExpensive, WarehouseError
from clickhouse.queries.freshness import newest_stored_us
from schemas.kinds import KINDS

SHOWN = 5
KIND_NAMES = tuple(kind.name for kind in KINDS)

log = structlog.get_logger(__name__)


class Stored(NamedTuple):
    """What the store says of a project."""

    ledger: Ledger
    newest_us: int | None


@get("/pipeline", include_in_schema=False)
async def pipeline_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the outcomes of a range, and this moment; the store may be away."""
    values = values_of(request)
    shown, kind = range_of(values, viewer.project), values.get("kind", "")
    if kind and kind not in KIND_NAMES:
        raise invalid("kind", f"Expected one of {', '.join(KIND_NAMES)}")
    stored, now, waiting = await asyncio.gather(
        _stored(request, viewer, shown, kind),
        now_of(request),
        waiting_of(request, viewer.project.project_id),
    )
    summaries = [one for one in waiting.summaries if one.waits]
    ledger = stored and stored.ledger
    is_empty = ledger is not None and not ledger.totals["received"] and not summaries
    return await page(
        request,
        "pipeline/pipeline.html",
        shown=shown,
        kind=kind,
        kinds=KIND_NAMES,
        now=now,
        ledger=ledger,
        newest_us=stored and stored.newest_us,
        words=OUTCOMES,
        waiting=waiting,
        dead=len(summaries),
        reasons=await asyncio.to_thread(reasons_of, summaries, SHOWN),
        is_empty=is_empty,
        snippets=await snippets_of(request, viewer) if is_empty else [],
    )


async def _stored(
    request: AnyRequest, viewer: Viewer, shown: TimeRange, kind: str
) -> Stored | None:
    """Returns what the store says, `None` where it does not answer: then this page is needed."""
    project = on_clock(viewer.project, shown)
    try:
        async with reader_of(request, project).turn() as store:
            counts, before, newest_us = await asyncio.gather(
                counts_of(store, project, kind, shown, shown.bucket),
                counts_of(store, project, kind, shown.before, "month"),
                newest_stored_us(store, project),
            )
    except QueryTooExpensive:
        raise
    except WarehouseError as error:
        log.error("query of a page failed", reason=str(error)[:1000])
        return None
    return Stored(await asyncio.to_thread(ledger_of, shown, counts, before), newest_us)
