"""Sessions and users as lists: `GET sessions`, `GET analytics/users`.

Totals are of the whole list.
"""

import asyncio
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, unquote

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.dates import date_range
from api.declared import takes
from api.llm.filters import TraceNames, trace_filter
from api.pages.llm.places import subject_place, written_subject
from api.parameters import Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import zone_of
from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import METADATA
from clickhouse.llm.session_lines import SessionLine, read_sessions, total_sessions
from clickhouse.llm.subject_scores import Average, average_scores
from clickhouse.llm.subject_totals import SubjectTotals
from clickhouse.llm.subjects import SESSION, USER, Least, Listing, Place, Subject, rank
from clickhouse.llm.traces import EARLIEST_US, LATEST_US
from clickhouse.llm.user_lines import UserLine, read_users, total_users
from clickhouse.queries.values import without_noise
from schemas.described import describes
from schemas.llm.subject_answers import (
    SessionList,
    SessionSummary,
    SubjectScore,
    SubjectSums,
    UserList,
    UserSummary,
)
from schemas.numbers import SAFE_INTEGER
from schemas.projects import ProjectContext
from schemas.times import iso_ms

MOST_ROWS = 200
MOST_NAME_CHARS = 512
EVER = TraceFilter(from_us=EARLIEST_US, to_us=LATEST_US)


class SubjectQuery(TraceNames, frozen=True, kw_only=True):
    """Which calls count, and what they must come to; without a range, all that are kept."""

    date_from: str | None = None
    date_to: str | None = None
    min_cost_cents: Decimal | None = None
    errors: Literal["true", "false"] = "false"
    score: (
        Annotated[str, Meta(min_length=1, max_length=MOST_NAME_CHARS, examples=["helpfulness"])]
        | None
    ) = None
    """The name of a score, whose average each of them is to have."""
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 50
    cursor: Annotated[str, Meta(max_length=4_000)] | None = None


class SessionQuery(SubjectQuery, frozen=True, kw_only=True):
    """Which sessions, the largest first."""

    sort: Annotated[
        Literal["last", "first", "calls", "errors", "tokens", "cost", "duration", "latency"],
        Meta(description="What the largest, or the newest, is told by.", examples=["cost"]),
    ] = "last"


class UserQuery(SubjectQuery, frozen=True, kw_only=True):
    """Which users, the largest first."""

    sort: Annotated[
        Literal["cost", "last", "first", "calls", "errors", "tokens", "sessions", "latency"],
        Meta(description="What the largest, or the newest, is told by.", examples=["cost"]),
    ] = "cost"


class Asked(Struct, frozen=True):
    """What is asked for."""

    project: ProjectContext
    wanted: TraceFilter
    listing: Listing
    score: str | None


AnyQuery = TypeVar("AnyQuery", SessionQuery, UserQuery)


@get(
    "/sessions",
    opt={**takes(SessionQuery, prefix=METADATA), **describes(answer=SessionList)},
)
async def get_sessions(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers a page of sessions; the first one has what all of them add up to."""
    asked = _asked(request, project, SessionQuery, SESSION)

    async def ask(store: Warehouse) -> SessionList:
        shown, cursor = await _places(store, asked)
        keys = [place.key for place in shown]
        lines, scores, totals = await asyncio.gather(
            read_sessions(store, project, asked.wanted, keys),
            _scores_of(store, asked, keys),
            _totals_of(store, asked),
        )
        found = [_session(line, _score(asked.score, scores.get(line.hash))) for line in lines]
        return SessionList(found, totals, cursor)

    return await one(reader_of(request, project), ask)


@get("/analytics/users", opt={**takes(UserQuery, prefix=METADATA), **describes(answer=UserList)})
async def get_users(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers a page of users; the first one has what all of them add up to."""
    asked = _asked(request, project, UserQuery, USER)

    async def ask(store: Warehouse) -> UserList:
        shown, cursor = await _places(store, asked)
        keys = [place.key for place in shown]
        lines, ever, scores, totals = await asyncio.gather(
            read_users(store, project, asked.wanted, keys),
            read_users(store, project, EVER, keys),
            _scores_of(store, asked, keys),
            _totals_of(store, asked),
        )
        kept = {line.user: line for line in ever}
        users = [
            _user(line, kept.get(line.user, line), _score(asked.score, scores.get(line.user)))
            for line in lines
        ]
        return UserList(users, totals, cursor)

    return await one(reader_of(request, project), ask)


def _asked(
    request: Request[Any, Any, Any],
    project: ProjectContext,
    shape: type[AnyQuery],
    subject: Subject,
) -> Asked:
    values = values_of(request)
    query = read(values, shape)
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    wanted = replace(
        trace_filter(values, query),
        from_us=EARLIEST_US if first is None else first,
        to_us=LATEST_US if last is None else last,
        # Of a session or a user as a whole, not of each of its calls.
        min_cost_cents=None,
    )
    cost = query.min_cost_cents
    if cost is not None and not (cost.is_finite() and 0 <= cost <= SAFE_INTEGER):
        raise invalid("min_cost_cents", f"Expected a number from 0 to {SAFE_INTEGER}")
    least = Least(None if cost is None else cost / 100, int(query.errors == "true"))
    beyond = None
    if query.cursor is not None:
        beyond = subject_place(unquote(query.cursor), subject, query.sort, name="cursor")
    listing = Listing(subject, query.sort, query.limit + 1, beyond, least)
    return Asked(project, wanted, listing, query.score)


async def _places(store: Warehouse, asked: Asked) -> tuple[list[Place], str | None]:
    places = await rank(store, asked.project, asked.wanted, asked.listing)
    shown = places[: asked.listing.limit - 1]
    if len(places) == len(shown):
        return shown, None
    return shown, quote(written_subject(shown[-1]), safe="")


async def _scores_of(store: Warehouse, asked: Asked, keys: list[Any]) -> dict[Any, Average]:
    if asked.score is None:
        return {}
    return await average_scores(
        store,
        asked.project,
        asked.wanted,
        asked.listing.subject,
        keys=keys,
        score=asked.score,
    )


def _score(name: str | None, found: Average | None) -> SubjectScore | None:
    if name is None:
        return None
    if found is None:
        return SubjectScore(name=name, average=None, count=0)
    return SubjectScore(name=name, average=without_noise(found.value), count=found.scores)


async def _totals_of(store: Warehouse, asked: Asked) -> SubjectSums | None:
    listing = asked.listing
    if listing.beyond is not None:
        return None
    add_up = total_sessions if listing.subject is SESSION else total_users
    return _sums(await add_up(store, asked.project, asked.wanted, least=listing.least))


def _sums(found: SubjectTotals) -> SubjectSums:
    return SubjectSums(
        count=found.subjects,
        calls=found.calls,
        errors=found.errors,
        tokens=found.tokens,
        cost_cents=found.cost_cents,
        median_cost_cents=found.median_cents,
        latency_ms=found.latency_ms,
    )


def _session(line: SessionLine, score: SubjectScore | None) -> SessionSummary:
    return SessionSummary(
        session_id=line.session_id,
        first_seen=iso_ms(line.first.us),
        last_seen=iso_ms(line.last_us),
        duration_ms=line.duration_ms,
        calls=line.calls,
        errors=line.errors,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        cost_cents=line.cost_cents,
        latency_ms=line.latency_ms,
        users=line.users,
        models=line.models,
        environments=line.environments,
        score=score,
    )


def _user(line: UserLine, ever: UserLine, score: SubjectScore | None) -> UserSummary:
    return UserSummary(
        user=line.user,
        first_seen=iso_ms(line.first_us),
        last_seen=iso_ms(line.last_us),
        first_seen_ever=iso_ms(ever.first_us),
        last_seen_ever=iso_ms(ever.last_us),
        calls=line.calls,
        errors=line.errors,
        tokens=line.tokens,
        cost_cents=line.cost_cents,
        latency_ms=line.latency_ms,
        score=score,
    )


HANDLERS = (get_sessions, get_users)
