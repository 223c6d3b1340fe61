"""Runs of heartbeats that are missing or take too long, found by the clock.

What is found becomes a check as everything does that is heard. Its slot is when the run was due,
or had to end: so whoever finds it, and however often, it is one check.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import NamedTuple

import pyarrow as pa

from controlplane.database import Database
from controlplane.schedules import SECOND_US, Schedule, due_after, is_missing
from controlplane.uptime.heartbeats import (
    Heard,
    Waited,
    list_waited,
    look_later,
    note_heard,
)
from controlplane.uptime.words import (
    DEAF_AFTER_US,
    KeptWord,
    Listening,
    has_words,
    keep_words,
    read_listening,
)
from eventlog.log import PartitionState, TopicPartition
from processors.blocks import StoredLog, is_past
from schemas.kinds import CHECKS, ERRORS
from schemas.projects import ProjectId
from schemas.times import from_us
from schemas.uptime.heartbeats import Signal, Word
from schemas.uptime.rows import check_id
from schemas.uptime.stretches import Stretch

AT_ONCE = 500
MOST_MISSED = 100
"""Runs of one heartbeat that are told of at a time; the next ones follow."""
LONGEST_REST_US = 30 * SECOND_US
"""After so long a heartbeat is looked at again of which nothing was heard yet."""
SETTLE_US = 5 * SECOND_US
"""What was found has become a check by then."""
HEARD_IN = (CHECKS.name, ERRORS.name)
COLUMNS = ("monitor_id", "slot", "started", "reason")


class Found(NamedTuple):
    """What the clock says of a heartbeat."""

    words: Sequence[Word]
    look_at_us: int
    """Until then nothing else can be missing."""


class _Barrier(NamedTuple):
    """What the log held at a moment."""

    at_us: int
    ends: Mapping[TopicPartition, int]
    is_last: bool = False
    """Whether the checks are within, which became of the words of that moment."""


def find_missing(one: Waited, now_us: int, deaf: Stretch) -> Found:
    """Returns what is missing of a heartbeat by a moment, all that came before being known."""
    rest_us = min(one.expectation.interval_s * SECOND_US, LONGEST_REST_US)
    if one.heard_us is None:
        return Found([], now_us + rest_us)
    words: list[Word] = []
    next_us = now_us + LONGEST_REST_US * 120
    ended_us = -1 if one.ended_us is None else one.ended_us
    if one.started_us is not None and one.started_us > ended_us:
        end_us = one.started_us + one.expectation.max_runtime_s * SECOND_US
        if now_us > end_us:
            words.append(_word(one, "timeout", end_us, Stretch(one.started_us, end_us), deaf))
        else:
            next_us = min(next_us, end_us)
    missed, due_us = _missed(one, now_us, deaf)
    grace_us = one.expectation.grace_s * SECOND_US
    next_us = next_us if due_us is None else min(next_us, due_us + grace_us)
    words += missed
    return Found(words, now_us + SETTLE_US if words else next_us + 1)


def _missed(one: Waited, now_us: int, deaf: Stretch) -> tuple[list[Word], int | None]:
    """Returns the runs that are missing, and when the one behind them is due."""
    said = one.expectation
    schedule = Schedule(said.cron, said.timezone, 0 if said.cron else said.interval_s)
    grace_us = said.grace_s * SECOND_US
    words: list[Word] = []
    due_us = due_after(schedule, max(one.heard_us or 0, one.since_us))
    while due_us is not None and is_missing(due_us, grace_us, now_us):
        if len(words) == MOST_MISSED:
            break
        words.append(_word(one, "missed", due_us, Stretch(due_us, due_us + grace_us), deaf))
        due_us = due_after(schedule, due_us)
    return words, due_us


def _word(one: Waited, signal: Signal, at_us: int, heard: Stretch, deaf: Stretch) -> Word:
    """Says what is missing, unless nobody listened while it could have been heard."""
    if heard.start_us < deaf.end_us and deaf.start_us < heard.end_us + 1:
        signal, message = "not_listening", "Sluice was not running when this run could be heard"
        return Word(signal=signal, at_us=at_us, message=message, monitor_id=one.monitor_id)
    if signal == "missed":
        message = f"Nothing was heard of the run that was due at {_shown(at_us)}"
        message += f" within {one.expectation.grace_s} s"
        return Word(signal=signal, at_us=at_us, message=message, monitor_id=one.monitor_id)
    message = f"The run that began at {_shown(heard.start_us)} has not ended"
    message += f" within {one.expectation.max_runtime_s} s"
    return Word(
        signal=signal,
        at_us=at_us,
        started_us=heard.start_us,
        message=message,
        monitor_id=one.monitor_id,
    )


def _shown(at_us: int) -> str:
    return from_us(at_us).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Heartbeats:
    """Looks for what is missing; to be asked again and again, by one process or several."""

    def __init__(self, database: Database, log: StoredLog) -> None:
        self._database = database
        self._log = log
        self._barrier: _Barrier | None = None

    async def work(self) -> None:
        """Looks once. What is missing is said when all that came before is known."""
        now_us = time.time_ns() // 1000
        waited = await list_waited(self._database, now_us, AT_ONCE)
        if not waited:
            return
        listening = await read_listening(self._database)
        if listening is None or now_us - listening.listened_us > DEAF_AFTER_US:
            return
        found = await asyncio.to_thread(_find, waited, now_us, listening)
        quiet = {one: told.look_at_us for one, told in found.items() if not told.words}
        await look_later(self._database, quiet)
        if len(quiet) == len(found) or not await self._all_is_known(now_us):
            return
        await self._say()

    async def _all_is_known(self, now_us: int) -> bool:
        """Tells whether all is stored, and followed, that was said when this was asked first.

        A ping that waits in the log would else be missing, and then come. A check-in is in the log
        twice: as it came, and as the check that becomes of it.
        """
        places = await self._log.places()
        if self._barrier is None:
            self._barrier = _Barrier(now_us, _ends_of(places))
        if not is_past(places, self._barrier.ends):
            return False
        if not self._barrier.is_last:
            if await has_words(self._database, self._barrier.at_us):
                return False
            places = await self._log.places()
            self._barrier = _Barrier(self._barrier.at_us, _ends_of(places), is_last=True)
        return is_past(places, self._barrier.ends)

    async def _say(self) -> None:
        barrier, self._barrier = self._barrier, None
        listening = await read_listening(self._database)
        if barrier is None or listening is None:
            return
        waited = await list_waited(self._database, barrier.at_us, AT_ONCE)
        found = await asyncio.to_thread(_find, waited, barrier.at_us, listening)
        projects = {str(one.monitor_id): one.project_id for one in waited}
        words = [
            KeptWord(_word_id(word), projects[word.monitor_id], word)
            for told in found.values()
            for word in told.words
        ]
        await keep_words(self._database, words)
        await look_later(self._database, {one: told.look_at_us for one, told in found.items()})


def _ends_of(places: Mapping[TopicPartition, PartitionState]) -> Mapping[TopicPartition, int]:
    return {one: state.next_offset for one, state in places.items() if one.topic in HEARD_IN}


def _word_id(word: Word) -> str:
    """Returns the id of what was found out: who finds it again has the same."""
    return check_id(word.monitor_id, word.signal, word.at_us, 0)


def _find(waited: Sequence[Waited], now_us: int, listening: Listening) -> dict[str, Found]:
    return {one.monitor_id: find_missing(one, now_us, listening.deaf) for one in waited}


async def note_heard_of(database: Database, rows: pa.RecordBatch) -> None:
    """Notes what rows of table `checks` tell of heartbeats. A repeat changes nothing."""
    for project_id, heard in (await asyncio.to_thread(heard_of, rows)).items():
        await note_heard(database, project_id, heard)


def heard_of(rows: pa.RecordBatch) -> dict[ProjectId, dict[str, Heard]]:
    """Returns what rows tell of their monitors, by project."""
    found: dict[ProjectId, dict[str, Heard]] = {}
    columns = {name: rows.column(name) for name in COLUMNS}
    for name in ("slot", "started"):
        columns[name] = columns[name].cast(pa.int64())
    values = [column.to_pylist() for column in columns.values()]
    projects = rows.column("project_id").to_pylist()
    for project_id, monitor_id, slot_us, began_us, reason in zip(projects, *values, strict=True):
        start_us = slot_us if reason == "started" else None
        mine = found.setdefault(project_id, {})
        known = mine.get(monitor_id)
        now = Heard(began_us, slot_us, start_us)
        mine[monitor_id] = now if known is None else _newest(known, now)
    return found


def _newest(one: Heard, other: Heard) -> Heard:
    starts = [at_us for at_us in (one.started_us, other.started_us) if at_us is not None]
    return Heard(
        max(one.heard_us, other.heard_us),
        max(one.slot_us, other.slot_us),
        max(starts, default=None),
    )
