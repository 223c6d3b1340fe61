"""A page of a list of issues: rows of the control plane, in order, with what the store counts."""

import asyncio
import re
from typing import NamedTuple

from msgspec.structs import replace

from api.pages.errors.issues.lines import Line, is_new
from api.pages.errors.issues.wanted import Wanted
from api.pages.parts.charts import spark
from api.parameters import invalid
from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import (
    bucket_hours,
    find_groups,
    rank_issues,
    read_counts,
    read_courses,
)
from controlplane.database import Database
from controlplane.errors.listing import Place, find_all, list_issues, read_issues
from schemas.errors.issues import STATUSES, ErrorFilter, IssueFilter
from schemas.zones import HOUR_US

PAGE_ROWS = 40
BUCKETS = 24
RULE = "Expected what a link of this page says"
PLACE = re.compile(r"(\d{1,17})_([0-9a-f-]{36})", re.ASCII)
OFFSET = re.compile(r"\d{1,5}", re.ASCII)


class Listed(NamedTuple):
    """A page of the list, and where the next one begins."""

    lines: list[Line]
    older: str | None


def filters(wanted):
    given = {"statuses": STATUSES}
    texts = []
    for t in wanted.terms:
        if t.key == "is" and t.value in ("unresolved",):
            given["statuses"] = ("open",)
        elif t.key == "is" and t.value in ("resolved", "ignored"):
            given["statuses"] = (t.value,)
        elif t.key == "level":
            given["levels"] = (t.value,)
        elif t.key == "text":
            texts.append(t.value)
    ef = ErrorFilter(from_us=wanted.range.first_us, to_us=wanted.range.last_us)
    return IssueFilter(
        **given,
        texts=tuple(texts),
        last_seen_from_us=wanted.range.first_us,
        first_seen_to_us=wanted.range.last_us,
    ), ef


async def find_lines(
    database: Database, store: Warehouse, wanted: Wanted, older: str | None
) -> Listed:
    """Returns a page of issues. Raises `InvalidParameters` where no link of ours says `older`."""
    issues, errors = filters(wanted)
    if errors.narrows:
        groups = await find_groups(store, wanted.project, errors)
        issues = replace(issues, group_hashes=groups)
    if wanted.sort in ("events", "people"):
        rows, place = await _ranked(database, store, wanted, issues, errors, older)
    else:
        rows, place = await _by_time(database, wanted, issues, older)
    of = {row.id: row.group_hashes for row in rows}
    counts, courses = await asyncio.gather(
        read_counts(store, wanted.project, of, errors),
        read_courses(store, wanted.project, of, errors, buckets=BUCKETS),
    )
    # Buckets are whole hours: the last ones may lie behind the range.
    begin_us, hours = bucket_hours(errors, BUCKETS)
    within = -(-(wanted.range.last_us - begin_us + 1) // (hours * HOUR_US))
    now_us = wanted.range.now_us
    lines = [
        Line(row, counts[row.id], spark(courses[row.id][:within]), is_new(row, now_us))
        for row in rows
    ]
    return Listed(lines, place)


async def _by_time(database, wanted, issues, older):
    after = None
    if older is not None:
        match = PLACE.fullmatch(older)
        if match is None:
            raise invalid("older", RULE)
        after = Place(int(match[1]), match[2])
    rows = await list_issues(
        database,
        wanted.project.project_id,
        issues,
        sort=wanted.sort,
        after=after,
        limit=PAGE_ROWS + 1,
    )
    place = None
    if len(rows) > PAGE_ROWS:
        last = rows[PAGE_ROWS - 1]
        us = last.last_seen_us if wanted.sort == "last_seen" else last.first_seen_us
        place = f"{us}_{last.id}"
    return rows[:PAGE_ROWS], place


async def _ranked(database, store, wanted, issues, errors, older):
    if older is not None and not OFFSET.fullmatch(older):
        raise invalid("older", RULE)
    offset = int(older or 0)
    found = await find_all(database, wanted.project.project_id, issues)
    of = {one.issue_id: one.group_hashes for one in found}
    ids = await rank_issues(
        store, wanted.project, of, errors, by=wanted.sort, limit=PAGE_ROWS + 1, offset=offset
    )
    rows = await read_issues(database, wanted.project.project_id, ids[:PAGE_ROWS])
    return rows, str(offset + PAGE_ROWS) if len(ids) > PAGE_ROWS else None
