"""Which dead letters go, and what is left of the records that held them.

A record may hold dead letters of several projects, or marks of what was done about some. A mark
goes with its dead letter and never before it: one without its mark could be sent again twice.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from eventlog.log import Stored, TopicPartition
from eventlog.log_file import LogFile
from eventlog.records import DeadLetter, RecordDamaged, decode_dead, encode_dead
from eventlog.topics import DEAD
from schemas.projects import ProjectId

Goes = Callable[[ProjectId, int], bool]
"""Tells of a dead letter's project and the time that it was put down (ms) whether it goes."""
Named = Callable[[DeadLetter], bool]
"""Tells of a dead letter itself whether it goes."""
PAGE_RECORDS = 32
PAGE_BYTES = 8 << 20
NOBODY = ProjectId("")
"""Whose the dead letters of damaged records are."""


class DeadLetterPruning:
    """Drops dead letters of an embedded log's file."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._lock = asyncio.Lock()
        """Held from reading dead letters to rewriting them: nobody else may do so in between."""

    async def prune(self, goes: Goes, named: Named = lambda _: False) -> None:
        """Drops those that go by their project and age, or by themselves."""
        partition = TopicPartition(DEAD.name, 0)
        rewrite = partial(self._file.commits.rewrite, number=self._file.numbers[partition])
        kept: set[str] = set()
        offset = 0
        async with self._lock:
            while page := await asyncio.to_thread(
                self._file.read, partition, offset, PAGE_RECORDS, PAGE_BYTES
            ):
                offset = page[-1].offset + 1
                values = await asyncio.to_thread(prune, page, goes, kept, named)
                if values:
                    await self._file.change(partial(rewrite, values=values))


def prune(
    records: Iterable[Stored],
    goes: Goes,
    kept: set[str],
    named: Named = lambda _: False,
) -> dict[int, bytes | None]:
    """Returns the new value of each record that changes, by offset, `None` where nothing is left.

    Adds the dead letters that stay to `kept`, which must hold those of all records before these.
    """
    changed: dict[int, bytes | None] = {}
    for stored in records:
        at_ms = stored.appended_at_ms
        try:
            held = decode_dead(stored.value or b"")
        except RecordDamaged:
            if goes(NOBODY, at_ms):
                changed[stored.offset] = None
            continue
        stay = [
            one for one in held.dead_letters if not goes(one.project_id, at_ms) and not named(one)
        ]
        kept.update(one.ref for one in stay)
        replayed = [ref for ref in held.replayed if ref in kept]
        discarded = [ref for ref in held.discarded if ref in kept]
        if (stay, replayed, discarded) != (held.dead_letters, held.replayed, held.discarded):
            left = bool(stay or replayed or discarded)
            changed[stored.offset] = encode_dead(stay, replayed, discarded) if left else None
    return changed
