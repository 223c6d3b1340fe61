"""How far the moments, releases and words of an issue are: they only move on."""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, or_, update

from controlplane.errors.models import Issue
from controlplane.many_rows import table_of
from schemas.errors.issues import Sighting

WORDS = ("type", "title", "culprit", "level", "platform")


def seen_values(one: Sighting) -> dict[str, Any]:
    """Returns what an issue has of a sighting, by the names of its columns."""
    first, last = one.first_release, one.last_release
    return {name: getattr(one, name) for name in WORDS} | {
        "first_seen_us": one.first_us,
        "last_seen_us": one.last_us,
        "first_release": first.release if first else "",
        "first_release_us": first.at_us if first else None,
        "last_release": last.release if last else "",
        "last_release_us": last.at_us if last else None,
    }


def bound(issue_id: UUID, one: Sighting) -> dict[str, Any]:
    """Returns what `SEE` binds."""
    return {"b_id": issue_id} | {f"b_{name}": value for name, value in seen_values(one).items()}


def _see() -> Any:
    row = table_of(Issue).c

    def new(name: str) -> Any:
        return bindparam(f"b_{name}", type_=row[name].type)

    earlier = new("first_seen_us") < row.first_seen_us
    # Of two events of one moment the first that came stays: a repeat of it changes nothing.
    later = new("last_seen_us") > row.last_seen_us
    first, last = new("first_release_us"), new("last_release_us")
    first_named = and_(
        first.is_not(None), or_(row.first_release_us.is_(None), first < row.first_release_us)
    )
    last_named = and_(
        last.is_not(None), or_(row.last_release_us.is_(None), last > row.last_release_us)
    )
    moved = dict.fromkeys((*WORDS, "last_seen_us"), later) | {
        "first_seen_us": earlier,
        "first_release": first_named,
        "first_release_us": first_named,
        "last_release": last_named,
        "last_release_us": last_named,
    }
    values = {name: case((when, new(name)), else_=row[name]) for name, when in moved.items()}
    is_this = row.id == bindparam("b_id", type_=row.id.type)
    moves = or_(earlier, later, first_named, last_named)
    return update(table_of(Issue)).where(is_this, moves).values(values)


SEE = _see()
"""Moves one issue to what was seen; writes nothing where nothing is further."""
