"""The list of what people have said: searched, in pages, with the issue and the trace of each."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest, services
from api.errors.feedback import issues_about
from api.errors.issue_answers import read_cursor, written
from api.pages.added import take_added
from api.pages.arriving import page_with
from api.pages.errors.snippets import feedback_snippets_of
from api.pages.parts.filters import ADDED, TEXT, WHERE, Key, Term, chips_of, read_terms
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.render import page
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors.attachments import AttachmentLine, attachments_of
from clickhouse.errors.events import plain_id
from clickhouse.errors.feedback import (
    FeedbackFilter,
    FeedbackLine,
    FeedbackPlace,
    list_feedback,
    transactions_of,
)
from schemas.projects import ProjectContext

RANGE = "30d"
PAGE_ROWS = 25
MOST_TEXT = 200
KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("environment", "where it came from"),
        Key("event", "the id of the error that it is about"),
        Key("trace", "the id of the trace that it belongs to"),
        Key(TEXT, "in message, name, email or address; words alone do too"),
    )
}
EXAMPLE = "Filter: a word of it, a name, environment:production"


class Said(NamedTuple):
    """What one person has said, and what it belongs to; empty ids where it belongs to nothing."""

    line: FeedbackLine
    issue_id: str
    transaction_id: str
    files: Sequence[AttachmentLine]


@get("/errors/feedback", include_in_schema=False)
async def feedback_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show what people have said, newest first."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=RANGE)
    terms = read_terms(values.get(WHERE, ""), KEYS)
    take_added(request, terms, KEYS)
    wanted = _filter(terms, shown)
    older = values.get("older")
    beyond = FeedbackPlace(*read_cursor(older)) if older else None
    return await page_with(
        request,
        "errors/beside/feedback.html",
        _found(request, viewer, on_clock(viewer.project, shown), (wanted, beyond)),
        range=shown,
        chips=chips_of(terms, KEYS),
        example=EXAMPLE,
        is_first=beyond is None,
    )


@get("/errors/feedback/suggest", include_in_schema=False)
async def suggest_feedback(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Suggest the keys of conditions."""
    begun = values_of(request).get(ADDED, "").strip().removeprefix("-")
    options = [(f"{one.name}:", one.meaning) for one in KEYS.values() if begun in one.name]
    if begun and ":" not in begun:
        options.append((str(Term(TEXT, begun.strip('"'))), "in message, name, email or address"))
    return await page(request, "llm/suggestions.html", options=options, minus="")


async def _found(
    request: AnyRequest,
    viewer: Viewer,
    project: ProjectContext,
    asked: tuple[FeedbackFilter, FeedbackPlace | None],
) -> dict[str, Any]:
    wanted, beyond = asked
    async with reader_of(request, project).turn() as store:
        lines = await list_feedback(store, project, wanted, limit=PAGE_ROWS + 1, beyond=beyond)
        shown = lines[:PAGE_ROWS]
        said = await _said(request, store, project, shown)
    last = shown[-1] if len(lines) > PAGE_ROWS else None
    is_empty = not lines and wanted.is_plain and beyond is None
    return {
        "snippets": await feedback_snippets_of(request, viewer) if is_empty else [],
        "now_us": time.time_ns() // 1000,
        "said": said,
        "older": None if last is None else written(last.at_us, last.event_id),
    }


async def _said(
    request: AnyRequest, store: Warehouse, project: ProjectContext, lines: Sequence[FeedbackLine]
) -> list[Said]:
    issues, transactions, files = await asyncio.gather(
        issues_about(services(request).database, store, project, lines),
        transactions_of(store, project, [one.trace_id for one in lines if one.trace_id]),
        attachments_of(store, project, [one.event_id for one in lines]),
    )
    return [
        Said(
            one,
            issues.get(one.associated_event_id, ""),
            transactions.get(one.trace_id, ""),
            [file for file in files if file.event_id == one.event_id],
        )
        for one in lines
    ]


def _filter(terms: Sequence[Term], shown: TimeRange) -> FeedbackFilter:
    given = {term.key: term.value for term in terms}
    text = " ".join(term.value for term in terms if term.key == TEXT)
    if len(text) > MOST_TEXT:
        raise invalid(WHERE, f"text: expected at most {MOST_TEXT} characters")
    return FeedbackFilter(
        from_us=shown.first_us,
        to_us=shown.last_us,
        text=text or None,
        environment=given.get("environment"),
        event_ids=(plain_id(given["event"]),) if "event" in given else None,
        trace_id=given.get("trace"),
    )


HANDLERS = (feedback_page, suggest_feedback)
