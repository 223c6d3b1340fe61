"""The sink over a real log, with a store that does what the test says."""

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.rows import Position
from tests.integration.processors.sinks import (
    ARRIVED_S,
    LIMITS,
    PARTITION,
    Row,
    Store,
    Stream,
    append,
    dead_letters,
)


@pytest.fixture
def log(tmp_path: Path) -> Any:
    from eventlog.group_commit import Limits

    opened = SqliteLog(tmp_path / "log.db", limits=Limits(keep_ms=3_600_000))
    yield opened
    opened.close()


async def test_a_store_that_fails_is_asked_again_until_it_takes_the_block(log: SqliteLog) -> None:
    store = Store()
    store.down = 7
    stream = Stream(log, store)
    await append(log, "a", "b")

    await stream.feed()

    assert store.texts() == ["a", "b"]
    assert (await log.progress(PARTITION)).stored_through == 0
    await stream.stop()


async def test_an_insert_whose_answer_was_lost_is_repeated_under_the_same_token(
    log: SqliteLog,
) -> None:
    store = Store()
    store.lost_answers = 3
    stream = Stream(log, store)
    await append(log, "a", "b")

    await stream.feed()

    assert store.texts() == ["a", "b"]
    assert store.outcomes() == {"received": 2, "accepted": 2}
    await stream.stop()


async def test_a_resent_id_is_counted_and_not_stored(log: SqliteLog) -> None:
    store = Store()
    stream = Stream(log, store)
    await append(log, "a", "a")
    await append(log, "b")
    await stream.feed()
    await append(log, "a", "c")
    await append(log, "a", project="other")

    await stream.feed(2)

    assert store.texts() == ["a", "a", "b", "c"]
    assert store.outcomes() == {"received": 6, "accepted": 4, "duplicate": 2}
    await stream.stop()


async def test_a_resend_is_known_after_a_restart(log: SqliteLog) -> None:
    store = Store()
    first = Stream(log, store)
    await append(log, "a")
    await first.feed()
    await first.stop()
    await append(log, "a")

    second = Stream(log, store)
    await second.feed()

    assert store.texts() == ["a"]
    assert store.outcomes()["duplicate"] == 1
    await second.stop()


@pytest.mark.parametrize(("seconds", "stored"), [(1_700, ["a", "a"]), (1_900, ["a"])])
async def test_what_the_log_gets_half_a_window_after_its_arrival_is_looked_up_whatever_its_age(
    log: SqliteLog, seconds: int, stored: list[str]
) -> None:
    store = Store()
    store.all_is_old = True
    for times in (0, 1):
        await append(log, "a")
        stream = Stream(log, store)
        await stream.feed(times, appended_at_s=ARRIVED_S + seconds)
        await stream.stop()

    assert store.texts() == stored


async def test_a_block_that_a_crash_cut_short_is_repeated_with_its_own_range_and_token(
    log: SqliteLog,
) -> None:
    store = Store()
    for text in ("a", "b", "b", "c"):
        await append(log, text)
    # The crash came after the rows of records 0 to 2 were stored, and before anything else.
    await log.declare(PARTITION, Intent(0, 2, epoch="an earlier life"))
    token = f"an earlier life/{TRACES.name}/0/0-2"
    places = [Position(log.log_id, 0, offset) for offset in range(3)]
    store.tokens["traces", token] = [Row("p", "a", places[0]), Row("p", "b", places[1])]

    stream = Stream(log, store)
    await stream.feed()

    assert store.texts() == ["a", "b", "c"]
    assert ("outcomes", token) in store.tokens
    assert store.outcomes() == {"received": 4, "accepted": 3, "duplicate": 1}
    await stream.stop()


async def test_offsets_that_were_stored_are_not_stored_again(log: SqliteLog) -> None:
    store = Store()
    first = Stream(log, store)
    await append(log, "a", "a", "b")
    await first.feed()
    await first.stop()
    before = dict(store.tokens)

    second = Stream(log, store)
    await second.feed(0)

    assert store.tokens == before
    await second.sink.wait_stored(PARTITION, 0)
    await second.stop()


@pytest.mark.parametrize("failures", [0, 3])
async def test_rows_stay_unique_even_when_the_log_forgot_that_it_stored_them(
    log: SqliteLog, failures: int
) -> None:
    store = Store()
    first = Stream(log, store)
    await append(log, "a", "b")
    await append(log, "c")
    await append(log, "c")
    await first.feed()
    await first.stop()
    log._file.connection.execute("UPDATE partitions SET stored_through = -1, committed = 0")
    log.epoch = "another life"
    await append(log, "c", "d")
    store.down = failures

    second = Stream(log, store)
    await second.feed(0)

    assert store.texts() == ["a", "b", "c", "d"]
    # The record that held nothing but a resent id left no row to recognise it by.
    assert store.outcomes() == {"received": 7, "accepted": 4, "duplicate": 3}
    await second.stop()


async def test_offsets_that_come_again_after_a_rollback_of_the_file_lose_nothing(
    tmp_path: Path,
) -> None:
    store = Store()
    for text in ("before", "after"):
        # The same offset of the same log holds another record: an old copy of the file came back.
        path = tmp_path / "log.db"
        path.unlink(missing_ok=True)
        log = SqliteLog(path)
        log.log_id = "the same"
        stream = Stream(log, store)
        await append(log, text)
        await stream.feed()
        await stream.stop()
        log.close()

    assert store.texts() == ["after", "before"]


@pytest.mark.parametrize("bad", ["unfit item", "bug item"])
async def test_a_bad_item_becomes_a_dead_letter_and_its_neighbours_are_stored(
    log: SqliteLog, bad: str
) -> None:
    store = Store()
    stream = Stream(log, store)
    await append(log, "a", bad, "b")

    await stream.feed()

    assert store.texts() == ["a", "b"]
    assert [(dead_letter.ref, dead_letter.body) for dead_letter in dead_letters(log)] == [
        (f"{TRACES.name}:0:0:1", bad.encode())
    ]
    assert store.outcomes() == {"received": 3, "accepted": 2, "dead": 1}
    await stream.stop()


async def test_a_row_that_the_store_refuses_becomes_a_dead_letter_and_its_neighbours_are_stored(
    log: SqliteLog,
) -> None:
    store = Store()
    store.poison = {"x7"}
    stream = Stream(log, store)
    await append(log, *(f"x{number}" for number in range(300)))

    await stream.feed()

    assert len(store.texts()) == 299
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"x7"]
    assert "cannot parse" in dead_letters(log)[0].reason
    assert store.outcomes() == {"received": 300, "accepted": 299, "dead": 1}
    await stream.stop()


async def test_rows_that_cannot_be_encoded_become_dead_letters_even_if_they_are_alone(
    log: SqliteLog,
) -> None:
    store = Store()
    store.unencodable = {"a", "b"}
    stream = Stream(log, store)
    await append(log, "a", "b")

    await stream.feed()

    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"a", b"b"]
    assert store.outcomes() == {"received": 2, "dead": 2}
    await stream.stop()


async def test_a_crash_while_a_block_goes_in_by_parts_stores_no_row_twice(log: SqliteLog) -> None:
    store = Store()
    texts = [f"x{number}" for number in range(250)]
    await append(log, *texts)
    await log.declare(PARTITION, Intent(0, 0, by_parts=True))
    place = Position(log.log_id, 0, 0)
    store.tokens["traces", "first part"] = [Row("p", text, place) for text in texts[:100]]

    stream = Stream(log, store)
    await stream.feed()

    assert store.texts() == sorted(texts)
    assert store.outcomes() == {"received": 250, "accepted": 250}
    await stream.stop()


async def test_a_replayed_dead_letter_takes_its_death_back(log: SqliteLog) -> None:
    store = Store()
    stream = Stream(log, store)
    await append(log, "unfit item")
    await stream.feed()
    await append(log, "corrected", dead_ref=dead_letters(log)[0].ref)

    await stream.feed(1)

    assert store.texts() == ["corrected"]
    assert store.outcomes() == {"received": 1, "accepted": 1, "dead": 0}
    await stream.stop()


async def test_seeded_failures_never_change_the_sums(log: SqliteLog) -> None:
    rnd = random.Random(20)
    store = Store()
    sent = []
    start = 0
    for _ in range(12):
        store.down, store.lost_answers = rnd.randint(0, 3), rnd.randint(0, 3)
        stream = Stream(log, store, replace(LIMITS, max_records=rnd.randint(1, 5)))
        records = rnd.randint(1, 6)
        for _ in range(records):
            texts = [f"e{rnd.randint(0, 60)}" for _ in range(rnd.randint(1, 8))]
            sent += texts
            await append(log, *texts)
        await stream.feed(rnd.choice([start, max(0, start - 2)]))
        start += records
        await stream.stop()

    assert store.texts() == sorted(set(sent))
    outcomes = store.outcomes()
    assert outcomes["received"] == len(sent)
    assert outcomes["accepted"] == len(set(sent))
    assert outcomes["duplicate"] == len(sent) - len(set(sent))
