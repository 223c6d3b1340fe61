"""Two workers and one partition: whoever owns it writes it, and nothing is stored twice or lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from eventlog.log import BrokerRefused, NotOwner, OffsetsGone, RecordsSkipped
from eventlog.records import DeadLetter
from processors.seen import Hashes
from schemas.checkpoints import Intent
from schemas.kinds import TRACES, Table
from schemas.rows import Source
from tests.integration.cluster.workers import THEIRS, Log, StallingStore, Worker, outcomes_in
from tests.integration.eventlog.logs import until
from tests.integration.processors.sinks import PARTITION, Store


async def test_a_new_owner_goes_on_where_the_last_one_let_go(
    worker: Callable[[str], Worker], store: Store, log: Log
) -> None:
    first, second = worker("a"), worker("b")
    log.append("one")
    log.append("two")
    assert await first.take() == 0
    await first.feed(0)
    assert await first.sink.drain(10)
    await first.holder.let_go([THEIRS])
    log.append("three")

    assert await second.take() == 2
    await second.feed(2)
    assert await second.sink.drain(10)

    assert store.texts() == ["one", "three", "two"]
    assert outcomes_in(store) == {"accepted": 3}
    assert first.holder.stored([THEIRS]) == {THEIRS: 2}
    assert second.holder.stored([THEIRS]) == {THEIRS: 3}


async def test_records_that_never_came_end_the_process_instead_of_leaving_a_hole(
    worker: Callable[[str], Worker], store: Store, log: Log
) -> None:
    first, second = worker("a"), worker("b")
    for text in ("one", "two", "three"):
        log.append(text)
    assert await first.take() == 0
    await first.feed(2)

    failure = await asyncio.wait_for(first.sink.failed, 30)
    assert isinstance(failure, ExceptionGroup)
    assert failure.subgroup(RecordsSkipped)
    assert store.texts() == []
    assert await second.take() == 0


async def test_a_block_half_written_by_a_zombie_is_stored_once(
    worker: Callable[[str], Worker], store: StallingStore, log: Log
) -> None:
    zombie, owner = worker("zombie"), worker("owner")
    log.append("one", "one", "two")
    await zombie.take()
    store.go.clear()
    await zombie.feed(0)
    await until(lambda: store.held)

    assert await owner.take() == 0
    log.append("three")
    store.go.set()
    await owner.feed(0)
    assert await owner.sink.drain(10)
    await until(lambda: zombie.sink.lost)

    assert store.texts() == ["one", "three", "two"]
    assert outcomes_in(store) == {"accepted": 3, "duplicate": 1}
    assert not zombie.sink.failed.done()
    assert zombie.holder.stored([THEIRS]) == {THEIRS: 0}


async def test_a_zombie_writes_nothing_that_it_had_not_begun(
    worker: Callable[[str], Worker], store: StallingStore, log: Log
) -> None:
    zombie, owner = worker("zombie"), worker("owner")
    log.append("one")
    await zombie.take()
    await owner.take()

    await zombie.feed(0)
    await until(lambda: zombie.sink.lost)

    assert store.tokens == {}
    with pytest.raises(NotOwner):
        await zombie.checkpoints.confirm(PARTITION)


async def test_a_zombie_that_slept_between_intent_and_insert_inserts_nothing(
    worker: Callable[[str], Worker], store: StallingStore, log: Log
) -> None:
    """The store may have forgotten the token by then."""
    zombie, owner = worker("zombie"), worker("owner")
    log.append("one")
    await zombie.take()
    settle = zombie.sink._steps[TRACES.name].settle
    declared, slept = asyncio.Event(), asyncio.Event()

    async def sleep_first(*args: object) -> object:
        declared.set()
        await slept.wait()
        return await settle(*args)  # type: ignore[arg-type]

    zombie.sink._steps[TRACES.name].settle = sleep_first  # type: ignore[assignment, method-assign]
    await zombie.feed(0)
    await until(declared.is_set)
    await owner.take()
    await owner.feed(0)
    assert await owner.sink.drain(10)
    store.tokens.clear()

    slept.set()
    await until(lambda: zombie.sink.lost)

    assert store.tokens == {}


async def test_letting_go_waits_for_a_stuck_store_no_longer_than_agreed(
    worker: Callable[[str], Worker],
    store: StallingStore,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("processors.ownership.FLUSH_S", 0.1)
    first, second = worker("a"), worker("b")
    log.append("one")
    await first.take()
    store.go.clear()
    await first.feed(0)
    await until(lambda: store.held)

    async with asyncio.timeout(5):
        await first.holder.let_go([THEIRS])
    assert first.sink.partitions == frozenset()

    store.go.set()
    assert await second.take() == 0
    await second.feed(0)
    assert await second.sink.drain(10)
    assert store.texts() == ["one"]


async def test_a_record_that_is_delivered_again_is_stored_once(
    worker: Callable[[str], Worker], store: StallingStore, log: Log
) -> None:
    one = worker("a")
    log.append("one")
    await one.take()
    store.go.clear()

    await one.feed(0)
    await one.feed(0)
    store.go.set()
    assert await one.sink.drain(10)

    assert outcomes_in(store) == {"accepted": 1}


async def test_a_resent_id_that_another_worker_stored_is_a_duplicate(
    worker: Callable[[str], Worker], store: Store, log: Log
) -> None:
    first, second = worker("a"), worker("b")
    await first.take()
    await first.holder.let_go([THEIRS])
    log.append("one")
    await second.take()
    await second.feed(0)
    assert await second.sink.drain(10)
    await second.holder.let_go([THEIRS])

    log.append("one")
    await first.take()
    await first.feed(1)
    assert await first.sink.drain(10)

    assert store.texts() == ["one"]
    assert outcomes_in(store) == {"accepted": 1, "duplicate": 1}


async def test_stored_ids_are_read_again_only_when_others_have_written(
    worker: Callable[[str], Worker],
) -> None:
    first, second = worker("a"), worker("b")

    async def was_written_by_others_before(one: Worker) -> bool:
        await one.checkpoints.claim(PARTITION)
        return one.checkpoints.take_written_by_others([PARTITION])[PARTITION]

    assert await was_written_by_others_before(first)
    assert not await was_written_by_others_before(first)
    assert await was_written_by_others_before(second)
    assert await was_written_by_others_before(first)


async def test_a_taking_that_failed_half_way_does_not_forget_that_others_have_written(
    worker: Callable[[str], Worker], store: Store, log: Log
) -> None:
    first, second = worker("a"), worker("b")
    await first.take()
    await until(lambda: PARTITION in first.sink._warmed)
    await first.holder.let_go([THEIRS])
    log.append("one")
    await second.take()
    await second.feed(0)
    assert await second.sink.drain(10)
    await second.holder.let_go([THEIRS])

    log.failures = 2
    log.append("one")
    await first.take()
    await first.feed(1)
    assert await first.sink.drain(10)

    assert outcomes_in(store) == {"accepted": 1, "duplicate": 1}


async def test_blocks_of_two_owners_never_share_a_token(
    worker: Callable[[str], Worker],
) -> None:
    one, other = worker("a"), worker("b")
    await one.checkpoints.claim(PARTITION)
    await other.checkpoints.claim(PARTITION)

    assert one.checkpoints.origin(PARTITION).log_id == other.checkpoints.origin(PARTITION).log_id
    assert one.checkpoints.origin(PARTITION).epoch != other.checkpoints.origin(PARTITION).epoch


async def test_records_that_were_deleted_before_they_were_stored_stop_the_worker(
    worker: Callable[[str], Worker], log: Log
) -> None:
    one = worker("a")
    for number in range(5):
        log.append(str(number))
    log.begin = 3

    with pytest.raises(OffsetsGone, match="records 0 to 2 of prefix.raw.traces/0 were deleted"):
        await one.take()


async def test_a_log_that_is_shorter_than_what_is_stored_stops_the_worker(
    worker: Callable[[str], Worker], log: Log
) -> None:
    one = worker("a")
    log.append("one")
    await one.take()
    await one.checkpoints.declare(PARTITION, Intent(0, 0, epoch="e"))
    await one.checkpoints.complete(PARTITION, Intent(0, 0, epoch="e"))
    log.values.clear()

    with pytest.raises(OffsetsGone, match="ends at 0, and 1 is next to store"):
        await one.take()


async def test_a_log_that_ends_within_a_block_that_may_be_half_written_stops_the_worker(
    worker: Callable[[str], Worker], log: Log
) -> None:
    """Its last records were lost, and others will get their offsets."""
    one = worker("a")
    for number in range(3):
        log.append(str(number))
    await one.take()
    await one.checkpoints.declare(PARTITION, Intent(0, 2, epoch="e"))
    log.values.pop()

    with pytest.raises(OffsetsGone, match="ends at 2, and the block of 0 to 2 may be half-written"):
        await one.take()


async def test_a_dead_letter_that_kafka_refuses_holds_its_block_back_until_it_is_taken(
    worker: Callable[[str], Worker], store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that ended for it would begin the same block again, and end again."""
    one = worker("a")
    keep, refusals = one.checkpoints._keep_dead_letters, 2

    async def refuse_first(dead_letters: Sequence[DeadLetter]) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise BrokerRefused("MSG_SIZE_TOO_LARGE")
        await keep(dead_letters)

    monkeypatch.setattr(one.checkpoints, "_keep_dead_letters", refuse_first)
    log.append("one", "unfit two")
    await one.take()
    await one.feed(0)
    assert await one.sink.drain(10)

    assert [dead_letter.body for dead_letter in one.dead_letters] == [b"unfit two"]
    assert not one.sink.failed.done()
    assert outcomes_in(store) == {"accepted": 1, "dead": 1}


async def test_dead_letters_of_dead_items_are_kept_before_their_block_is_done(
    worker: Callable[[str], Worker], store: Store, log: Log
) -> None:
    one = worker("a")
    log.append("one", "unfit two")
    await one.take()
    await one.feed(0)
    assert await one.sink.drain(10)

    (dead_letter,) = one.dead_letters
    assert dead_letter.body == b"unfit two"
    assert outcomes_in(store) == {"accepted": 1, "dead": 1}


async def test_ids_of_a_block_are_known_though_its_writer_was_stopped_at_the_end(
    worker: Callable[[str], Worker],
    store: Store,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The checkpoint says that it is stored; the worker's next block holds its ids."""
    monkeypatch.setattr("processors.ownership.FLUSH_S", 0.05)
    one = worker("a")
    complete, completed = one.checkpoints.complete, asyncio.Event()

    async def complete_and_hang(*args: object) -> None:
        await complete(*args)  # type: ignore[arg-type]
        completed.set()
        await asyncio.Event().wait()

    log.append("one")
    await one.take()
    monkeypatch.setattr(one.checkpoints, "complete", complete_and_hang)
    await one.feed(0)
    await completed.wait()
    await one.holder.let_go([THEIRS])
    monkeypatch.setattr(one.checkpoints, "complete", complete)

    log.append("one")
    assert await one.take() == 1
    await one.feed(1)
    assert await one.sink.drain(10)

    assert outcomes_in(store) == {"accepted": 1, "duplicate": 1}


async def test_a_taking_that_was_cut_off_while_it_read_the_stored_ids_reads_them_again(
    worker: Callable[[str], Worker], store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = worker("a"), worker("b")
    log.append("one")
    await first.take()
    await first.feed(0)
    assert await first.sink.drain(10)
    recent_hashes, asked = store.recent_hashes, asyncio.Event()

    async def never(table: Table, source: Source | None) -> AsyncIterator[Hashes]:
        asked.set()
        await asyncio.Event().wait()
        async for hashes in recent_hashes(table, source):
            yield hashes

    monkeypatch.setattr(store, "recent_hashes", never)
    await second.take()
    await asked.wait()
    await second.holder.let_go([THEIRS])
    monkeypatch.setattr(store, "recent_hashes", recent_hashes)

    log.append("one")
    await second.take()
    await second.feed(1)
    assert await second.sink.drain(10)

    assert outcomes_in(store) == {"accepted": 1, "duplicate": 1}
