"""What the palette finds of `errors`: by an id, and issues, releases and transactions by name.

An id may be that of an event, with dashes or without, of a transaction, of a trace, or of an
issue. An issue is found by its number too: `12`, `#12`.
"""

import asyncio
import re
from collections.abc import Mapping

from api.auth import AnyRequest, services
from api.pages.errors.performance.wanted import filter_of
from api.pages.finding import Finder, Hit
from api.pages.parts.filters import Term
from api.pages.parts.ranges import on_clock, range_of
from api.pages.parts.texts import duration
from api.pages.render import address_of
from api.pages.viewer import Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.errors.events import get_event
from clickhouse.errors.trace_links import TraceLinks, errors_and_transactions
from clickhouse.errors.transaction_lines import fetch_transaction
from clickhouse.errors.transaction_values import values_like
from controlplane.errors.listing import get_issue, issues_of, list_issues
from controlplane.errors.releases import list_releases
from controlplane.failures import NotFound
from schemas.errors.issues import IssueFilter, IssueRow

ID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
NUMBER = re.compile(r"#?([0-9]{1,9})", re.ASCII)
LEAST_CHARS = 2
"""Of a name: one character would find everything."""
SHOWN = 6
RANGE = "7d"
"""In which transactions are looked for by their name."""


async def _by_id(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    number = NUMBER.fullmatch(text)
    if number is not None:
        return await _issue(request, viewer, number[1])
    if ID.fullmatch(text) is None:
        return []
    project, address = viewer.project, address_of(request)
    async with reader_of(request, project).turn() as store:
        event, transaction, trace = await asyncio.gather(
            get_event(store, project, text),
            fetch_transaction(store, project, text),
            errors_and_transactions(store, project, text),
        )
    hits = await _issue(request, viewer, text)
    if event is not None:
        line = event.line
        told = {line.event_id: (line.fingerprint, line.title)}
        hits += await _events(request, viewer, "event", told)
    if transaction is not None:
        one = transaction.line
        href = address.thing("performance/transactions", one.event_id)
        hits.append(Hit("transaction", one.name or text, duration(one.duration_ms), href))
    return hits + await _of_trace(request, viewer, trace)


async def _issue(request: AnyRequest, viewer: Viewer, issue_id: str) -> list[Hit]:
    try:
        row = await get_issue(services(request).database, viewer.project.project_id, issue_id)
    except NotFound:
        return []
    return [_hit(request, row)]


def _hit(request: AnyRequest, row: IssueRow) -> Hit:
    href = address_of(request).thing("errors/issues", row.id)
    return Hit("issue", row.title or "(no title)", f"#{row.number}", href)


async def _of_trace(request: AnyRequest, viewer: Viewer, found: TraceLinks) -> list[Hit]:
    address = address_of(request)
    hits = [
        Hit(
            "transaction of this trace",
            one.name,
            duration(one.duration_ns / 1e6),
            address.thing("performance/transactions", one.event_id),
        )
        for one in found.transactions[:SHOWN]
    ]
    told = {one.event_id: (one.fingerprint, one.title) for one in found.errors[:SHOWN]}
    return hits + await _events(request, viewer, "error of this trace", told)


async def _events(
    request: AnyRequest, viewer: Viewer, kind: str, told: Mapping[str, tuple[str, str]]
) -> list[Hit]:
    """Returns events, by their ids with fingerprint and title, as parts of their issues."""
    fingerprints = [fingerprint for fingerprint, _ in told.values()]
    if not fingerprints:
        return []
    database, address = services(request).database, address_of(request)
    issues = await issues_of(database, viewer.project.project_id, fingerprints)
    hits = []
    for event_id, (fingerprint, title) in told.items():
        if (row := issues.get(fingerprint)) is not None:
            href = address.thing("errors/issues", row.id, f"/events/{event_id}")
            hits.append(Hit(kind, title or event_id, f"of issue #{row.number}", href))
    return hits


async def _by_name(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    if len(text) < LEAST_CHARS:
        return []
    database, project = services(request).database, viewer.project
    address, shown = address_of(request), range_of(values_of(request), project, default=RANGE)
    async with reader_of(request, project).turn() as store:
        named, issues, releases = await asyncio.gather(
            values_like(store, on_clock(project, shown), filter_of([], shown), "name", text),
            list_issues(database, project.project_id, IssueFilter(texts=(text,)), limit=SHOWN),
            list_releases(database, project.project_id),
        )
    hits = [_hit(request, row) for row in issues]
    for one in [one for one in releases if text.lower() in one.version.lower()][:SHOWN]:
        href = address.page("errors/issues", where=f"is:all {Term('release', one.version)}")
        hits.append(Hit("release", one.version, "its issues", href))
    for name, count in named[:SHOWN]:
        href = address.page("performance", where=str(Term("name", name)))
        hits.append(Hit("transactions", name, f"{count:,} of them", href))
    return hits


FINDER = Finder(_by_id, _by_name)
