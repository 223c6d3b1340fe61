"""What is to become a check of a heartbeat: kept until it is in the log.

Who stores check-ins, and who finds that a run is missing, has no log to append to: a process that
has one takes it from here. Ids are such that a repeat makes no second check.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import delete, func, select, update

from controlplane.database import Database
from controlplane.many_rows import insert_new
from controlplane.rules import as_uuid
from controlplane.uptime.models import Heartbeat, HeartbeatWatch, HeartbeatWord
from schemas.projects import ProjectId
from schemas.uptime.heartbeats import Word
from schemas.uptime.stretches import Stretch

DEAF_AFTER_US = 60_000_000
"""Nobody listened where no process has said so for so long."""
_word = msgspec.json.Decoder(Word).decode


class KeptWord(NamedTuple):
    """A word that is not in the log yet."""

    word_id: str
    project_id: ProjectId
    word: Word


class Listening(NamedTuple):
    """Who hears pings. Times are microseconds since 1970 UTC."""

    deaf: Stretch
    """When nobody did last."""
    listened_us: int
    """When somebody has last said so."""


async def keep_words(database: Database, words: Sequence[KeptWord]) -> None:
    """Keeps words; those that are kept already are left as they are."""
    rows = [
        {
            "id": one.word_id,
            "project_id": as_uuid(one.project_id),
            "word": msgspec.json.encode(one.word),
            "at_us": one.word.at_us,
        }
        for one in words
    ]
    async with database.session() as session:
        await insert_new(session, HeartbeatWord, rows)


async def list_words(database: Database, limit: int) -> list[KeptWord]:
    """Returns words that are not in the log yet, the oldest first."""
    of = HeartbeatWord
    async with database.reading() as session:
        rows = await session.scalars(select(of).order_by(of.at_us, of.id).limit(limit))
        return [KeptWord(row.id, ProjectId(str(row.project_id)), _word(row.word)) for row in rows]


async def has_words(database: Database, until_us: int) -> bool:
    """Tells whether any word of before a moment is not in the log yet."""
    of = HeartbeatWord
    async with database.reading() as session:
        query = select(of.id).where(of.at_us <= until_us).limit(1)
        return await session.scalar(query) is not None


async def drop_words(database: Database, word_ids: Collection[str]) -> None:
    """Forgets words that are in the log."""
    of = HeartbeatWord
    async with database.session() as session:
        await session.execute(
            delete(of)
            .where(of.id.in_(sorted(word_ids)))
            .execution_options(synchronize_session=False)
        )


async def fed_slugs(
    database: Database, wanted: Mapping[ProjectId, Collection[str]]
) -> set[tuple[ProjectId, str]]:
    """Returns which of these slugs a heartbeat of the project has."""
    of = Heartbeat
    found = set()
    async with database.reading() as session:
        for project_id, slugs in wanted.items():
            query = select(of.slug).where(
                of.project_id == as_uuid(project_id), of.slug.in_(sorted(slugs))
            )
            found |= {(project_id, slug) for slug in await session.scalars(query) if slug}
    return found


async def count_upserted(database: Database, project_id: ProjectId) -> int:
    """Returns how many monitors of a project check-ins have made."""
    of = Heartbeat
    query = select(func.count()).where(of.project_id == as_uuid(project_id), of.is_upserted)
    async with database.reading() as session:
        return await session.scalar(query) or 0


async def listen(database: Database) -> None:
    """Notes that pings are heard now. To be called more often than each `DEAF_AFTER_US`."""
    of, now_us = HeartbeatWatch, time.time_ns() // 1000
    async with database.session() as session:
        # Who hears for the first time was deaf before.
        first = {"id": 1, "deaf_from_us": 0, "deaf_until_us": now_us, "listened_us": now_us}
        await insert_new(session, of, [first])
        is_deaf = of.listened_us < now_us - DEAF_AFTER_US
        await session.execute(
            update(of)
            .where(is_deaf)
            .values(deaf_from_us=of.listened_us, deaf_until_us=now_us)
            .execution_options(synchronize_session=False)
        )
        await session.execute(
            update(of)
            .where(of.listened_us < now_us)
            .values(listened_us=now_us)
            .execution_options(synchronize_session=False)
        )


async def read_listening(database: Database) -> Listening | None:
    """Returns when pings were heard; `None` where nobody ever listened."""
    async with database.reading() as session:
        row = await session.get(HeartbeatWatch, 1)
        if row is None:
            return None
        return Listening(Stretch(row.deaf_from_us, row.deaf_until_us), row.listened_us)
