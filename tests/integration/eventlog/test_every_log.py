"""What every log owes, whatever keeps it: one suite, run on each kind.

What `own_logs` are asked for is owed by the logs that keep their readers' progress themselves.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from eventlog import batches
from eventlog.log import LogFull, LogUnavailable, TopicPartition
from eventlog.records import decode_dead, decode_refusals
from eventlog.topics import DEAD, OUTCOMES
from schemas.checkpoints import Intent
from schemas.kinds import SPANS, TRACES
from tests.chunks import append_chunks
from tests.integration.eventlog.logs import (
    HEAD,
    append,
    append_each,
    chunk,
    dead_letter,
    items,
    items_of,
    records,
    refusal,
    until,
)

OTHER_PROCESS_APPEND = """
import asyncio, sys
from pathlib import Path
from eventlog.log import TopicPartition
from eventlog.sqlite_log import SqliteLog
from eventlog.records import Chunk

async def main():
    log = SqliteLog(Path(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        chunk = Chunk("p1", "pulse.trace", 1, [b"other %d" % number])
        await log.append([(TopicPartition("raw.traces", 0), chunk)])
    log.close()

asyncio.run(main())
"""


class Unencodable:
    """Has a length, as an item must, and no other virtue."""

    def __init__(self, item: bytes) -> None:
        self._item = item

    def __len__(self) -> int:
        return len(self._item)


async def test_an_append_that_returned_is_seen_by_whoever_opens_the_log_next(logs: Any) -> None:
    writer = logs.open()

    offset = await append(writer, b"one", b"two")

    reader = logs.open()
    assert [(r.offset, items_of(r)) for r in records(reader)] == [(offset, [b"one", b"two"])]


async def test_records_of_a_partition_keep_the_order_of_their_appends(logs: Any) -> None:
    log = logs.open(partitions=2)
    rng = random.Random(1)
    sent: dict[int, list[bytes]] = {0: [], 1: []}

    for number in range(60):
        partition = rng.randrange(2)
        sent[partition].append(b"%d" % number)
        await append(log, b"%d" % number, partition=partition)

    for partition, expected in sent.items():
        assert items(log, TopicPartition(TRACES.name, partition)) == expected


async def test_offsets_are_not_used_again_after_trimming_and_reopening(
    own_logs: Any,
) -> None:
    log = own_logs.open()
    before = await append_each(log, [b"a", b"b", b"c"])
    await log.complete(HEAD, Intent(0, before[-1]))
    assert records(log) == []
    log.close()

    again = own_logs.open()
    after = await append_each(again, [b"d", b"e"])

    assert before + after == [0, 1, 2, 3, 4]


async def test_appends_at_one_moment_share_records(logs: Any) -> None:
    log = logs.open()

    offsets = await asyncio.gather(*(append(log, b"%d" % n) for n in range(400)))

    assert len(set(offsets)) < 100
    assert items(log) == [b"%d" % n for n in range(400)]
    assert all(items_of(r) for r in records(log))


async def test_a_shared_record_stays_within_its_bound_of_items(
    logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_RECORD_ITEMS", 10)
    log = logs.open()

    await asyncio.gather(*(append(log, b"x", b"y", b"z") for _ in range(50)))

    assert max(len(items_of(r)) for r in records(log)) == 9
    assert len(items(log)) == 150


async def test_a_shared_record_stays_within_its_bound_of_bytes(
    logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_RECORD_BYTES", 1_000)
    log = logs.open()

    await asyncio.gather(*(append(log, b"x" * 400) for _ in range(20)))
    await append(log, b"y" * 5_000)

    assert [len(items_of(r)) for r in records(log)][1:-1].count(2) >= 8
    assert all(sum(map(len, items_of(r))) <= 1_000 for r in records(log)[:-1])


async def test_refusals_of_one_moment_are_summed(logs: Any) -> None:
    log = logs.open()

    await log.append_refusals([refusal(count=2), refusal(count=3), refusal("shape")])

    (stored,) = records(log, TopicPartition(OUTCOMES.name, 0))
    counts = {one.reason: one.count for one in decode_refusals(stored.value)}
    assert counts == {"size": 5, "shape": 1}


async def test_refusals_of_many_senders_lose_no_count(logs: Any) -> None:
    log = logs.open()

    await asyncio.gather(*(log.append_refusals([refusal()]) for _ in range(100)))

    stored = records(log, TopicPartition(OUTCOMES.name, 0))
    assert sum(one.count for r in stored for one in decode_refusals(r.value)) == 100


async def test_the_dead_letters_of_a_block_are_kept_when_it_is_completed(own_logs: Any) -> None:
    log = own_logs.open()
    await append(log, b"a", b"unfit")

    await log.complete(HEAD, Intent(0, 0), [dead_letter("raw.traces:0:0:1")])

    (stored,) = records(log, TopicPartition(DEAD.name, 0))
    assert decode_dead(stored.value).dead_letters == [dead_letter("raw.traces:0:0:1")]
    assert log.stored_bytes == len(stored.value)


async def test_one_call_appends_to_several_partitions(logs: Any) -> None:
    log = logs.open(partitions=3)

    offsets = await append_chunks(log, TRACES.name, {0: chunk(b"a"), 2: chunk(b"b")})

    assert offsets == {0: 0, 2: 0}
    assert [items(log, TopicPartition(TRACES.name, n)) for n in range(3)] == [[b"a"], [], [b"b"]]


async def test_a_call_that_is_refused_appends_nothing_to_any_partition(logs: Any) -> None:
    log = logs.open(partitions=2, max_queued_bytes=1_000)

    with pytest.raises(LogFull):
        await append_chunks(log, TRACES.name, {0: chunk(b"a"), 1: chunk(b"b" * 1_000)})
    await append(log, b"c", partition=1)

    assert items(log) == []


async def test_an_unknown_partition_is_refused_without_harm_to_its_neighbours(logs: Any) -> None:
    log = logs.open()

    refused, accepted = await asyncio.gather(
        append(log, b"nowhere", partition=7), append(log, b"here"), return_exceptions=True
    )

    assert isinstance(refused, KeyError)
    assert accepted == 0


async def test_a_chunk_that_cannot_be_encoded_is_its_senders_error_alone(logs: Any) -> None:
    log = logs.open()
    bad: Any = Unencodable(b"bad")

    answers = await asyncio.gather(
        append(log, b"a"), append(log, bad), append(log, b"b"), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [int, TypeError, int]
    assert items(log) == [b"a", b"b"]


async def test_a_waiting_append_can_be_given_up_without_harm_to_the_others(logs: Any) -> None:
    log = logs.open()
    rng = random.Random(2)
    tasks = [asyncio.create_task(append(log, b"%d" % n)) for n in range(300)]
    given_up = {n for n in range(300) if rng.random() < 0.4}
    await asyncio.sleep(0)

    for number in given_up:
        tasks[number].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await append(log, b"last")

    kept = items(log)
    assert all(b"%d" % n in kept for n in range(300) if n not in given_up)
    assert len(kept) == len(set(kept))
    assert kept[-1] == b"last"
    await until(lambda: log.queued_bytes == 0)


async def test_a_log_at_its_bound_refuses_and_takes_again_after_trimming(own_logs: Any) -> None:
    log = own_logs.open(max_bytes=20_000)
    noise = random.Random(3).randbytes
    last = await fill(log, noise)
    assert log.stored_bytes <= 20_000

    await log.complete(HEAD, Intent(0, last))

    assert log.stored_bytes == 0
    assert await append(log, noise(1_000)) == last + 1


async def test_a_log_at_its_bound_completes_a_block_with_dead_letters(own_logs: Any) -> None:
    """Or it would wait for room that only this gives it."""
    log = own_logs.open(max_bytes=20_000)
    noise = random.Random(4).randbytes
    last = await fill(log, noise)

    await log.complete(HEAD, Intent(0, last), [dead_letter("raw.traces:0:0:0", noise(5_000))])

    assert await append(log, noise(1_000)) == last + 1


async def test_too_much_that_waits_is_refused_and_taken_when_the_queue_is_short_again(
    logs: Any,
) -> None:
    log = logs.open(max_queued_bytes=10_000)
    answers = await asyncio.gather(
        *(append(log, b"x" * 3_000) for _ in range(50)), return_exceptions=True
    )

    assert any(isinstance(answer, LogFull) for answer in answers)
    assert any(isinstance(answer, int) for answer in answers)
    await until(lambda: log.queued_bytes == 0)
    await append(log, b"x" * 3_000)


async def test_a_closed_log_says_so(logs: Any) -> None:
    log = logs.open()
    log.close()
    log.close()

    for attempt in (append(log, b"late"), log.append_refusals([refusal()])):
        with pytest.raises(LogUnavailable):
            await attempt


async def test_the_checkpoints_of_a_closed_log_say_so(own_logs: Any) -> None:
    log = own_logs.open()
    log.close()

    for attempt in (log.progress(HEAD), log.check_room()):
        with pytest.raises(LogUnavailable):
            await attempt
    with pytest.raises(LogUnavailable):
        log.states()
    with pytest.raises(LogUnavailable):
        log.read(HEAD, 0, 1, 1)


async def test_appends_that_wait_while_the_log_closes_are_all_answered(logs: Any) -> None:
    log = logs.open()
    tasks = [asyncio.create_task(append(log, b"%d" % n)) for n in range(200)]
    await asyncio.sleep(0)

    closing = asyncio.to_thread(log.close)
    answers = await asyncio.gather(closing, *tasks, return_exceptions=True)

    accepted = sum(isinstance(answer, int) for answer in answers[1:])
    assert accepted + sum(isinstance(a, LogUnavailable) for a in answers) == 200
    assert len(items(logs.open())) == accepted


async def test_the_number_of_partitions_is_fixed_when_the_log_is_made(own_logs: Any) -> None:
    made = own_logs.open(partitions=3)
    assert [made.partitions(t) for t in (TRACES.name, SPANS.name, OUTCOMES.name)] == [3, 3, 1]
    made.close()

    assert own_logs.open(partitions=8).partitions(TRACES.name) == 3


async def test_a_log_keeps_its_name(own_logs: Any) -> None:
    first = own_logs.open()
    first.close()

    assert own_logs.open().log_id == first.log_id


async def test_records_of_another_process_are_counted_and_told_from_ours(own_logs: Any) -> None:
    log = own_logs.open()
    await append(log, b"ours")

    append_in_another_process(own_logs.path, 5)
    last = await append(log, b"ours again")
    assert last == 6
    assert log.stored_bytes == sum(len(r.value or b"") for r in records(log))
    await log.complete(HEAD, Intent(0, last))

    assert log.stored_bytes == 0


async def test_the_sum_of_bytes_stays_right_when_a_commit_fails_after_others_wrote(
    own_logs: Any,
) -> None:
    log = own_logs.open()
    append_in_another_process(own_logs.path, 5)
    bad: Any = Unencodable(b"bad")

    with pytest.raises(TypeError):
        await append(log, bad)
    with pytest.raises(KeyError):
        await log.declare(TopicPartition("no such topic", 0), Intent(0, 0))
    await log.check_room()

    assert log.stored_bytes == sum(len(r.value or b"") for r in records(log))


async def fill(log: Any, noise: Callable[[int], bytes]) -> int:
    """Appends until the log refuses; returns the last offset that it gave."""
    last = -1
    for _ in range(1_000):
        try:
            last = await append(log, noise(1_000))
        except LogFull:
            return last
    raise AssertionError("the log took more than its bound")


def append_in_another_process(path: Any, count: int) -> float:
    """Returns when the appends of another process had all been answered."""
    subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS_APPEND, str(path), str(count)], check=True, timeout=30
    )
    return time.monotonic()
