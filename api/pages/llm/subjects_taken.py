"""The sessions, or the users, that a list shows, to take away: all that fit, in its order."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest
from api.pages.llm.places import listing_of
from api.pages.llm.sessions import ORDERS as SESSION_ORDERS
from api.pages.llm.subject_scores import averages_of, score_in
from api.pages.llm.users import ORDERS as USER_ORDERS
from api.pages.llm.wanted import Wanted, wanted_of
from api.pages.parts.sheets import Column, Format, Row, download, moment_of
from api.pages.viewer import Viewed
from api.parameters import invalid, values_of
from api.reads import Reader, reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.session_lines import SessionLine, read_sessions
from clickhouse.llm.subject_scores import Average
from clickhouse.llm.subjects import SESSION, USER, Listing, rank
from clickhouse.llm.user_lines import UserLine, read_users

MOST_ROWS = 100_000
AT_ONCE = 1_000
RANKED = {SESSION: 10_000, USER: AT_ONCE}
"""So many are put in order, and get their scores, by one reading of the range. A name of a user has
up to 512 characters, and a session is asked for by its hash: more of them would be too long to ask.
"""
FORMS: tuple[Format, ...] = ("csv", "jsonl", "parquet")
SHARED = (
    Column("first_seen", "time"),
    Column("last_seen", "time"),
    Column("calls", "count"),
    Column("errors", "count"),
)
COLUMNS = {
    "sessions": (
        Column("session_id", "text"),
        *SHARED,
        Column("duration_ms", "number"),
        Column("input_tokens", "count"),
        Column("output_tokens", "count"),
        Column("cost_usd", "number"),
        Column("mean_latency_ms", "number"),
        Column("users", "text"),
        Column("models", "text"),
        Column("environments", "text"),
    ),
    "users": (
        Column("user", "text"),
        *SHARED,
        Column("tokens", "count"),
        Column("cost_usd", "number"),
        Column("mean_latency_ms", "number"),
    ),
}


OF_SCORES = (Column("average_score", "number"), Column("scores", "count"))


class _Taken(NamedTuple):
    """What is taken away."""

    wanted: Wanted
    listing: Listing
    score: str | None


@get("/llm/sessions/export", include_in_schema=False)
async def export_sessions(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Give the sessions of the list, 100,000 at most."""
    listing = listing_of(values_of(request), SESSION, SESSION_ORDERS, limit=AT_ONCE)
    return await _taken_away(request, wanted_of(request, viewer), listing)


@get("/llm/users/export", include_in_schema=False)
async def export_users(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Give the users of the list, 100,000 at most."""
    listing = listing_of(values_of(request), USER, USER_ORDERS, limit=AT_ONCE)
    return await _taken_away(request, wanted_of(request, viewer, default="7d"), listing)


async def _taken_away(request: AnyRequest, wanted: Wanted, listing: Listing) -> Response[Any]:
    text = values_of(request).get("format", "csv")
    form = next((one for one in FORMS if one == text), None)
    if form is None:
        raise invalid("format", f"Expected one of {', '.join(FORMS)}")
    name = "sessions" if listing.subject is SESSION else "users"
    # From its beginning, on whichever page of the list it is asked for.
    taken = _Taken(wanted, listing._replace(beyond=None), score_in(values_of(request)))
    columns = COLUMNS[name] if taken.score is None else (*COLUMNS[name], *OF_SCORES)
    return await download(name, form, columns, _pages(reader_of(request, wanted.project), taken))


async def _pages(reader: Reader, taken: _Taken) -> AsyncGenerator[list[Row]]:
    """Yields the rows, a turn of the project for each page of them."""
    turn, left, wanted, step = reader.turn(), MOST_ROWS, taken.wanted, RANKED[taken.listing.subject]
    listing = taken.listing._replace(limit=step)
    while left > 0:
        async with turn as store:
            places = await rank(
                store, wanted.project, wanted.filter, listing, base_only=wanted.is_fine
            )
            keys = [place.key for place in places]
            scores = await averages_of(store, wanted, listing.subject, keys, taken.score)
            yield await _rows(store, taken, keys[:AT_ONCE], scores)
        for first in range(AT_ONCE, len(keys), AT_ONCE):
            async with reader.next_turn() as store:
                yield await _rows(store, taken, keys[first : first + AT_ONCE], scores)
        if len(places) < step:
            return
        listing = listing._replace(beyond=places[-1])
        turn, left = reader.next_turn(), left - len(places)


async def _rows(
    store: Warehouse, taken: _Taken, keys: list[Any], scores: Mapping[Any, Average]
) -> list[Row]:
    wanted = taken.wanted
    asked = (store, wanted.project, wanted.filter, keys)
    rows: list[tuple[Any, Row]]
    if taken.listing.subject is SESSION:
        sessions = await read_sessions(*asked, base_only=wanted.is_fine)
        rows = [(line.hash, _session(line)) for line in sessions]
    else:
        users = await read_users(*asked, base_only=wanted.is_fine)
        rows = [(line.user, _user(line)) for line in users]
    if taken.score is None:
        return [row for _, row in rows]
    return [(*row, *(scores[key][:2] if key in scores else (None, 0))) for key, row in rows]


def _session(line: SessionLine) -> Row:
    return (
        line.session_id,
        moment_of(line.first.us),
        moment_of(line.last_us),
        line.calls,
        line.errors,
        line.duration_ms,
        line.input_tokens,
        line.output_tokens,
        _usd(line.cost_cents),
        line.latency_ms,
        ", ".join(line.users),
        ", ".join(line.models),
        ", ".join(line.environments),
    )


def _user(line: UserLine) -> Row:
    return (
        line.user,
        moment_of(line.first_us),
        moment_of(line.last_us),
        line.calls,
        line.errors,
        line.tokens,
        _usd(line.cost_cents),
        line.latency_ms,
    )


def _usd(cents: float | None) -> float | None:
    return None if cents is None else cents / 100
