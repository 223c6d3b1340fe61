"""What is missing of heartbeats is said when all that came before is known."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.schedules import SECOND_US
from controlplane.uptime.heartbeats import Heard, note_heard
from controlplane.uptime.models import Heartbeat, HeartbeatWatch
from controlplane.uptime.monitors import add_monitor
from controlplane.uptime.words import KeptWord, drop_words, keep_words, list_words, listen
from eventlog.log import PartitionState, TopicPartition
from processors.uptime.heartbeats import Heartbeats
from schemas.checkpoints import Progress
from schemas.kinds import CHECKS
from schemas.uptime.heartbeats import Word
from schemas.uptime.monitors import Monitor
from sluice.hearing import Hearing
from tests.integration.uptime.paged import World
from tests.integration.uptime.test_paging import new_world

PLACE = TopicPartition(CHECKS.name, 0)


class Log:
    """A log of one partition, of which is said how far it is stored."""

    log_ids: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.end = self.stored = self.appends = 0

    def partitions(self, topic: str) -> int:
        return 1

    async def append(self, chunks: Sequence[Any]) -> dict[TopicPartition, int]:
        self.appends += 1
        return {}

    async def places(self) -> dict[TopicPartition, PartitionState]:
        return {PLACE: PartitionState(Progress(self.stored - 1, None), self.end)}


async def waiting_heartbeat(world: World) -> Monitor:
    """Returns a heartbeat whose run was due half a minute ago, and whose grace is over."""
    fields: dict[str, Any] = {
        "name": "Job",
        "type": "heartbeat",
        "slug": "job",
        "interval_seconds": 60,
    }
    fields["grace_seconds"] = 10
    of = world.database, world.vault, world.project_id
    monitor = await add_monitor(*of, fields)
    heard_us = time.time_ns() // 1000 - 90 * SECOND_US
    async with world.database.session() as session:
        await session.execute(update(Heartbeat).values(since_us=heard_us - SECOND_US))
    await hear(world, monitor, heard_us)
    await listen(world.database)
    async with world.database.session() as session:
        await session.execute(update(HeartbeatWatch).values(deaf_from_us=0, deaf_until_us=0))
    return monitor


async def hear(world: World, monitor: Monitor, at_us: int) -> None:
    heard = {str(monitor.monitor_id): Heard(at_us, at_us, None)}
    await note_heard(world.database, world.project_id, heard)


async def told(world: World) -> list[str]:
    return [one.word.signal for one in await list_words(world.database, 10)]


async def test_a_check_in_that_waited_is_no_missing_run(database: Database, vault: Vault) -> None:
    world, log = await new_world(database, vault), Log()
    monitor = await waiting_heartbeat(world)
    said_us = time.time_ns() // 1000 - 25 * SECOND_US
    word = KeptWord("w", world.project_id, Word(signal="ok", at_us=said_us, slug="job"))
    await keep_words(database, [word])
    looking = Heartbeats(database, log)

    await looking.work()
    assert await told(world) == ["ok"]

    # It becomes a check, which is in the log and not known yet.
    log.end = 1
    await drop_words(database, ["w"])
    await looking.work()
    assert await told(world) == []

    await hear(world, monitor, said_us)
    log.stored = 1
    await looking.work()
    assert await told(world) == []


async def test_words_of_others_that_come_later_keep_nobody_waiting(
    database: Database, vault: Vault
) -> None:
    world, log = await new_world(database, vault), Log()
    await waiting_heartbeat(world)
    looking = Heartbeats(database, log)
    log.end = 1
    await looking.work()

    later_us = time.time_ns() // 1000
    word = KeptWord("w", world.project_id, Word(signal="ok", at_us=later_us, slug="other"))
    await keep_words(database, [word])
    log.stored = 1
    await looking.work()

    assert await told(world) == ["missed", "ok"]


async def test_many_words_of_one_moment_are_in_the_log_at_once(
    database: Database, vault: Vault
) -> None:
    world, log = await new_world(database, vault), Log()
    monitor = await waiting_heartbeat(world)
    first_us = time.time_ns() // 1000
    job: dict[str, Any] = {"slug": "job", "environment": "production"}
    words = [
        KeptWord(f"w{n}", world.project_id, Word(signal="started", at_us=first_us + n, **job))
        for n in range(1200)
    ]
    await keep_words(database, words)
    stand_in: Any = log

    await Hearing(database, vault, stand_in).work()

    assert await told(world) == []
    assert log.appends == 3
    async with database.reading() as session:
        row = await session.get_one(Heartbeat, monitor.monitor_id)
        assert row.started_us == first_us + 1199
