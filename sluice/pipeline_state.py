"""What the page of the pipeline asks of a process: how far its log is stored, its dead letters.

`sluice up` knows all of it. `sluice api` asks Kafka and the checkpoints; what edges and workers
alone know stays unknown there.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from api.dead_letters import Box, ProjectDeadLetters
from api.operations import READINESS_S, Shared
from api.pages.pipeline.standing import LATE_S, Standing
from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from eventlog.dead_letters import DeadLetterBox
from eventlog.log import LogError, PartitionState, TopicPartition
from eventlog.sqlite_log import SqliteLog
from schemas.settings import Settings
from sluice.process import Process
from sluice.systems import checks

ON_EDGES = "Each edge has a spool of its own, and its own /metrics tells of it."
ON_KAFKA = "Kafka keeps the log; its own tools tell how large it is."
COUNTED_ONLY = "Kafka tells how many records wait, and not since when."


class Oldest(NamedTuple):
    """What waits in the log's file."""

    records: int
    since_ms: int | None
    """When the oldest of them came, `None` where none waits."""


def add_own_pipeline(process: Process, event_log: SqliteLog) -> None:
    """Adds what `sluice up` knows: the log is its own."""
    settings = process.settings

    async def ask() -> Standing:
        places = await event_log.places()
        oldest = await asyncio.to_thread(_oldest, event_log, places)
        since_ms = oldest.since_ms
        return Standing(
            lag_s=0.0 if since_ms is None else max(0.0, time.time() - since_ms / 1000),
            waiting=oldest.records,
            log_bytes=event_log.stored_bytes,
            log_max_bytes=settings.log_max_bytes,
            kept=_hours(settings.log_keep_hours),
            dead_kept=_days(settings.retention_days),
            unknown={"spool_bytes": "Only an edge that writes to Kafka has one."},
        )

    process.state["standing"] = Shared(ask, READINESS_S).get
    _add_dead_letters(process, lambda: DeadLetterBox(event_log.path))


def add_shared_pipeline(process: Process, database: Database) -> None:
    """Adds what `sluice api` can find out, where it is told of Kafka."""
    settings = process.settings
    if not settings.kafka_url:
        return
    # Imported here: an installation without Kafka needs no client of it.
    from eventlog.kafka_dead import KafkaDeadLetters
    from sluice.cluster import kafka_of

    address = kafka_of(settings)
    ask = partial(_ask_cluster, settings, database)
    process.state["standing"] = Shared(ask, READINESS_S).get
    _add_dead_letters(process, lambda: KafkaDeadLetters(address))


def _add_dead_letters(process: Process, open_box: Callable[[], Box]) -> None:
    held = ProjectDeadLetters(open_box, checks(), process.settings.max_item_bytes)
    process.state["dead_letters"] = held
    process.close_within("dead letters", held.close)


async def _ask_cluster(settings: Settings, database: Database) -> Standing:
    from eventlog.kafka_topics import check_topics
    from processors.standing import standing_of
    from sluice.cluster import kafka_of, topic_settings_of

    address = kafka_of(settings)
    unknown = {"lag_s": COUNTED_ONLY, "log_bytes": ON_KAFKA, "spool_bytes": ON_EDGES}
    try:
        topics = await asyncio.to_thread(check_topics, address, topic_settings_of(settings))
        found = await standing_of(database, address, topics, old_s=LATE_S)
    except (LogError, ControlPlaneError):
        away = "Kafka does not answer this process. Edges take events into their spools."
        return Standing(unknown=unknown | {"lag_s": away, "waiting": away})
    stopped = "records are gone from Kafka that were not stored" if found.gone else ""
    if found.never_taken and found.old:
        stopped = "no worker has taken some partitions"
    return Standing(
        lag_s=None if found.waiting else 0.0,
        waiting=found.waiting,
        late=found.old,
        stopped=stopped,
        kept=f"{settings.kafka_retention_hours:,} hours, unless the topics were changed",
        dead_kept="as long as the topic dead says, for all projects alike",
        unknown=unknown,
    )


def _oldest(event_log: SqliteLog, places: Mapping[TopicPartition, PartitionState]) -> Oldest:
    """Reads one record of each partition that is behind."""
    waiting, moments = 0, []
    for partition, state in places.items():
        if state.waiting > 0:
            waiting += state.waiting
            first = event_log.read(partition, state.progress.next_offset, 1, 1)
            moments += [one.appended_at_ms for one in first if one.appended_at_ms]
    return Oldest(waiting, min(moments, default=None))


def _hours(hours: int) -> str:
    return f"{hours:,} hours after they are stored" if hours else "until they are stored"


def _days(days: int) -> str:
    return f"{days:,} days, or as its project says" if days else "for ever, or as its project says"
