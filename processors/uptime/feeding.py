"""Check-ins that are stored, told to the heartbeat monitors of their jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import pyarrow as pa

from controlplane.database import Database
from controlplane.uptime.words import KeptWord, fed_slugs, keep_words
from processors.blocks import StoredItems
from schemas.kinds import CHECK_IN
from schemas.projects import ProjectId
from schemas.uptime.heartbeats import Signal, Word
from schemas.uptime.rows import check_id

MAX_SLUG_CHARS = 50
MAX_ENVIRONMENT_CHARS = 64
COLUMNS = (
    "project_id", "update_id", "monitor_slug", "environment", "status", "duration_ns",
    "monitor_config",
)  # fmt: skip
SIGNALS: Mapping[str, Signal] = {
    "in_progress": "started",
    "ok": "ok",
    "error": "fail",
    "missed": "fail",
    "timeout": "fail",
}
"""By the status of a check-in; one that is none of these says nothing."""


def feeder(database: Database) -> Callable[[StoredItems], Awaitable[None]]:
    """Returns what `KindStep.follow` takes."""
    return partial(feed, database)


async def feed(database: Database, stored: StoredItems) -> None:
    """Keeps the words of stored check-ins for their monitors. A repeat changes nothing.

    What is of no job that a heartbeat has, and brings no schedule to make one by, is left out.
    """
    rows = stored.batch.rows(CHECK_IN.tables[0], stored.items)
    words = await asyncio.to_thread(words_of, rows)
    wanted: dict[ProjectId, set[str]] = {}
    for one in words:
        wanted.setdefault(one.project_id, set()).add(one.word.slug)
    fed = await fed_slugs(database, wanted)
    kept = [one for one in words if one.word.config or (one.project_id, one.word.slug) in fed]
    if kept:
        await keep_words(database, kept)


def words_of(rows: pa.RecordBatch) -> list[KeptWord]:
    """Returns what rows of table `check_ins` say of runs."""
    columns = {name: rows.column(name).to_pylist() for name in COLUMNS}
    columns["at_us"] = rows.column("timestamp").cast(pa.int64()).to_pylist()
    found = []
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        signal = SIGNALS.get(row["status"])
        slug, environment = row["monitor_slug"], row["environment"]
        fits = len(slug) <= MAX_SLUG_CHARS and len(environment) <= MAX_ENVIRONMENT_CHARS
        if signal is None or not fits:
            continue
        took_ns, config = row["duration_ns"], row["monitor_config"]
        word = Word(
            signal=signal,
            at_us=row["at_us"],
            duration_ms=None if took_ns is None else took_ns / 1e6,
            message=f"The job said: {row['status']}",
            slug=slug,
            environment=environment,
            config=config.encode() if isinstance(config, str) else config or b"",
        )
        word_id = check_id(row["project_id"], row["update_id"], row["at_us"], 0)
        found.append(KeptWord(word_id, ProjectId(row["project_id"]), word))
    return found
