"""Dead dead letters go by project and by age, out of records that they share with others."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventlog.dead_letters import AlreadyReplayed, DeadLetterBox, Replacement
from eventlog.dead_pruning import NOBODY, prune
from eventlog.group_commit import Limits
from eventlog.log import Stored, TopicPartition
from eventlog.records import DeadLetter, decode_dead, encode_dead
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.projects import ProjectId

MINE, OTHERS = ProjectId("mine"), ProjectId("others")
HEAD, DEAD_LETTERS = TopicPartition(TRACES.name, 0), TopicPartition(DEAD.name, 0)
HOUR_MS = 3_600_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db", limits=Limits(dead_keep_ms=10 * HOUR_MS))
    yield log
    log.close()


def dead_letter(ref: str, project_id: ProjectId) -> DeadLetter:
    return DeadLetter(ref, project_id, TRACES.name, "pulse.trace", 1, "unfit", b"{}")


def record(offset: int, *dead_letters: DeadLetter, marks: tuple[str, ...] = ()) -> Stored:
    return Stored(offset, encode_dead(dead_letters, marks), 1)


async def put(log: SqliteLog, *dead_letters: DeadLetter) -> None:
    await log.complete(HEAD, Intent(0, 0), dead_letters)


def refs(log: SqliteLog) -> list[str]:
    with DeadLetterBox(log.path) as box:
        return [summary.ref for summary in box.summaries()]


def replay(log: SqliteLog, ref: str) -> None:
    with DeadLetterBox(log.path) as box:
        found = box.find(ref)
        box.replay(found, Replacement(found.project_id, found.wire, found.body, None))


def record_bytes(log: SqliteLog) -> int:
    stored = [log.read(partition, 0, 100, 1 << 30) for partition in (HEAD, DEAD_LETTERS)]
    return sum(len(one.value or b"") for page in stored for one in page)


def goes_of(project_id: ProjectId) -> Callable[[ProjectId, int], bool]:
    return lambda owner, _: owner == project_id


def test_a_record_without_dead_letters_that_go_is_left_as_it_is() -> None:
    assert prune([record(3, dead_letter("a", OTHERS))], goes_of(MINE), set()) == {}


def test_a_record_keeps_the_dead_letters_of_others() -> None:
    shared = record(3, dead_letter("a", MINE), dead_letter("b", OTHERS), dead_letter("c", MINE))

    changed = prune([shared], goes_of(MINE), set())

    assert list(changed) == [3]
    assert decode_dead(changed[3] or b"").dead_letters == [dead_letter("b", OTHERS)]


def test_a_record_of_which_nothing_is_left_goes() -> None:
    assert prune([record(3, dead_letter("a", MINE))], goes_of(MINE), set()) == {3: None}


def test_a_mark_goes_with_its_dead_letter_and_stays_with_it() -> None:
    page = [
        record(3, dead_letter("a", MINE)),
        record(4, dead_letter("b", OTHERS)),
        record(5, marks=("a",)),
        record(6, marks=("b",)),
    ]

    assert prune(page, goes_of(MINE), set()) == {3: None, 5: None}


def test_a_mark_finds_its_dead_letter_in_an_earlier_page() -> None:
    kept: set[str] = set()
    prune([record(3, dead_letter("b", OTHERS))], goes_of(MINE), kept)

    assert prune([record(6, marks=("b",))], goes_of(MINE), kept) == {}


def test_what_was_discarded_stays_so_for_as_long_as_its_dead_letter_is_kept() -> None:
    marks = Stored(4, encode_dead([], discarded=["a", "b"]), 1)
    page = [record(3, dead_letter("a", MINE), dead_letter("b", OTHERS)), marks]

    changed = prune(page, goes_of(MINE), set())

    assert decode_dead(changed[4] or b"").discarded == ["b"]


async def test_a_dead_letter_is_discarded_once_and_can_still_be_replayed(log: SqliteLog) -> None:
    await put(log, dead_letter("a", MINE), dead_letter("b", MINE))

    with DeadLetterBox(log.path) as box:
        discarded = box.discard(["a", "a", "unknown"]), box.discard(["a"])
        states = [(one.ref, one.discarded, one.waits) for one in box.summaries()]
    replay(log, "a")

    assert discarded == (1, 0)
    assert states == [("a", True, False), ("b", False, True)]
    with pytest.raises(AlreadyReplayed):
        replay(log, "a")


async def test_a_box_that_stays_open_forgets_what_retention_drops(log: SqliteLog) -> None:
    await put(log, dead_letter("a", MINE), dead_letter("b", OTHERS))
    await put(log, dead_letter("c", MINE))
    with DeadLetterBox(log.path) as box:
        box.discard(["b"])
        before = [one.ref for one in box.summaries()]
        await log.purge_dead_letters({MINE})
        await put(log, dead_letter("d", OTHERS))
        after = [(one.ref, one.waits) for one in box.summaries()]

        assert box.find("b") == dead_letter("b", OTHERS)

    assert before == ["a", "b", "c"]
    assert after == [("b", False), ("d", True)]


def test_a_damaged_record_goes_by_age_alone() -> None:
    damaged = [Stored(3, None, 1)]

    assert prune(damaged, goes_of(MINE), set()) == {}
    assert prune(damaged, goes_of(NOBODY), set()) == {3: None}


async def test_dead_letters_of_a_purged_project_go_and_its_neighbours_stay(
    log: SqliteLog,
) -> None:
    await put(log, dead_letter("a", MINE), dead_letter("b", OTHERS))
    await put(log, dead_letter("c", MINE))

    await log.purge_dead_letters({MINE})

    assert refs(log) == ["b"]
    assert log.stored_bytes == record_bytes(log)


async def test_a_replayed_dead_letter_stays_replayed_when_its_neighbour_in_the_record_goes(
    log: SqliteLog,
) -> None:
    await put(log, dead_letter("a", MINE), dead_letter("b", OTHERS))
    replay(log, "b")

    await log.purge_dead_letters({MINE})

    with pytest.raises(AlreadyReplayed):
        replay(log, "b")


@pytest.mark.parametrize(
    ("own_hours", "left"), [(1, ["b"]), (100, ["a", "b"])], ids=["shorter", "longer"]
)
async def test_dead_letters_are_kept_for_the_time_of_their_project(
    log: SqliteLog, own_hours: int, left: list[str]
) -> None:
    await put(log, dead_letter("a", MINE), dead_letter("b", OTHERS))
    now_ms = time.time_ns() // 1_000_000

    await log.expire(now_ms + 5 * HOUR_MS, {MINE: own_hours * HOUR_MS})
    after_5_hours = refs(log)
    await log.expire(now_ms + 50 * HOUR_MS, {MINE: own_hours * HOUR_MS})

    assert after_5_hours == left
    assert refs(log) == [ref for ref in left if ref != "b"]
