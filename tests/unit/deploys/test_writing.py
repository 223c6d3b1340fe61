"""The log of a deployment is whole, in order and bounded, whatever the event log does."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from deploys.lines import writing
from deploys.lines.masking import Masker
from deploys.lines.sending import sender
from deploys.lines.writing import LineWriter, Log, LogRefused, Printed
from eventlog.group_commit import Limits
from eventlog.log import TopicPartition
from eventlog.records import decode_chunks
from eventlog.sqlite_log import SqliteLog
from schemas.deploys.lines import Line, line_id
from schemas.kinds import DEPLOYS
from schemas.projects import ProjectId
from tests.unit.deploys.test_masking import CANARIES, parts, written

PROJECT = ProjectId("p")
DEPLOYMENT = str(uuid4())


class Sent:
    """Stands for the event log: remembers what it took, or refuses."""

    def __init__(self) -> None:
        self.batches: list[list[Line]] = []
        self.refused = 0
        self.open = asyncio.Event()
        self.open.set()
        self.failing: Exception | None = None

    async def send(self, project_id: ProjectId, lines: Sequence[Line]) -> None:
        assert project_id == PROJECT
        await self.open.wait()
        if self.failing is not None:
            self.refused += 1
            raise self.failing
        self.batches.append(list(lines))

    @property
    def lines(self) -> list[Line]:
        return [line for batch in self.batches for line in batch]

    @property
    def texts(self) -> list[str]:
        return [line.message for line in self.lines]


def writer(sent: Sent, secrets: Sequence[str] = (), first_seq: int = 1) -> LineWriter:
    return LineWriter(Log(PROJECT, DEPLOYMENT, first_seq), Masker(secrets), send=sent.send)


async def unnoted(first: int, count: int) -> None:
    """For lines whose numbers nobody needs again."""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.005)


async def test_lines_are_numbered_in_the_order_in_which_they_end() -> None:
    sent = Sent()
    async with writer(sent, first_seq=41) as log:
        await log.write("stdout", b"one\ntw")
        await log.write("stderr", b"error: bad\n")
        await log.say("success", "Built in 3 s")
        await log.write("stdout", b"o\nthree")
        await log.add([Printed("stdout", b"from the spool", 7)], unnoted)

    told = [(line.seq, line.stream, line.level, line.message) for line in sent.lines]
    assert told == [
        (41, "stdout", "info", "one"),
        (42, "stderr", "error", "error: bad"),
        (43, "system", "success", "Built in 3 s"),
        (44, "stdout", "info", "two"),
        (45, "stdout", "info", "from the spool"),
        (46, "stdout", "info", "three"),
    ]
    assert sent.lines[4].at_us == 7
    assert {line.deployment_id for line in sent.lines} == {DEPLOYMENT}


async def test_secrets_are_masked_in_what_is_printed_and_in_what_the_deployer_says() -> None:
    sent = Sent()
    async with writer(sent, ["hunter22"]) as log:
        await log.write("stdout", b"pass hunt")
        await log.write("stdout", b"er22!\n")
        await log.say("info", "git clone https://x:hunter22@host")
        await log.add([Printed("stderr", b"hunter22", 1)], unnoted)

    assert sent.texts == [
        "pass [Filtered]!",
        "git clone https://x:[Filtered]@host",
        "[Filtered]",
    ]


async def test_a_batch_is_bounded_and_a_lone_line_does_not_wait_for_others() -> None:
    sent = Sent()
    async with writer(sent) as log:
        await log.write("stdout", b"alone\n")
        await until(lambda: sent.texts == ["alone"])
        await log.write("stdout", b"x\n" * 4_500)
        await log.write("stdout", (b"x" * 8_000 + b"\n") * 200)

    assert max(map(len, sent.batches)) == 2_000
    assert max(sum(len(one.message) for one in batch) for batch in sent.batches) <= 1 << 20
    assert [line.seq for line in sent.lines] == list(range(1, 4_702))


async def test_a_line_that_has_begun_is_shown_when_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "PART_S", 0.05)
    sent = Sent()
    async with writer(sent, ["hunter22"]) as log:
        await log.write("stdout", b"Password: hunt")

        await until(lambda: sent.texts == ["Password: "])
        await log.write("stdout", b"er22\n")

    assert sent.texts == ["Password: ", "[Filtered]"]


async def test_what_the_log_refuses_is_sent_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "FIRST_PAUSE_S", 0.01)
    sent = Sent()
    sent.failing = LogRefused("full")
    async with writer(sent) as log:
        await log.write("stdout", b"one\ntwo\n")
        await until(lambda: sent.refused > 2)
        await log.write("stdout", b"three\n")
        sent.failing = None

    assert sent.texts == ["one", "two", "three"]


async def test_whoever_prints_waits_while_the_log_takes_nothing() -> None:
    sent = Sent()
    sent.open.clear()
    written = 0

    async def print_much(log: LineWriter) -> None:
        nonlocal written
        for _ in range(100):
            await log.write("stdout", b"x\n" * 500)
            written += 500

    async with writer(sent) as log:
        printing = asyncio.create_task(print_much(log))
        await until(lambda: written >= writing.MOST_WAITING_LINES)
        for _ in range(20):
            await asyncio.sleep(0)
        assert written == writing.MOST_WAITING_LINES
        assert not printing.done()
        sent.open.set()
        await printing

    assert [line.seq for line in sent.lines] == list(range(1, 50_001))


async def test_after_so_many_lines_one_says_so_and_the_deployer_still_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "MOST_LINES", 3)
    sent = Sent()
    async with writer(sent) as log:
        await log.say("info", "Starting")
        await log.write("stdout", b"1\n2\n3\n4\n5\n")
        await log.write("stdout", b"6\n")
        await log.say("error", "Failed")

    assert sent.texts == ["Starting", "1", "2", "3", writing.TOO_MANY, "Failed"]


async def test_what_the_deployer_says_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_SAID", 2)
    sent = Sent()
    async with writer(sent) as log:
        await log.say("info", "one\ntwo\nthree")

    assert sent.texts == ["one", "two"]


async def test_numbers_are_reserved_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "FIRST_PAUSE_S", 0.01)
    sent, reserved = Sent(), list[int]()

    async def reserve(until_seq: int) -> None:
        assert not sent.lines or sent.lines[-1].seq < until_seq
        reserved.append(until_seq)
        if len(reserved) == 1:
            raise LogRefused("the control plane is away")

    of = Log(PROJECT, DEPLOYMENT, 11)
    async with LineWriter(of, Masker([]), send=sent.send, reserve=reserve) as log:
        for _ in range(4):
            await log.write("stdout", b"x\n" * 500)
        assert log.next_seq == 2_011

    assert all(last <= 2_011 + 1_000 for last in reserved)
    assert reserved[0] == reserved[1]
    assert reserved[-1] > sent.lines[-1].seq


async def test_at_its_end_it_says_which_number_was_the_last() -> None:
    sent, settled = Sent(), list[tuple[int, int]]()

    async def settle(below: int, last: int) -> None:
        settled.append((below, last))

    of = Log(PROJECT, DEPLOYMENT, 11)
    log = LineWriter(of, Masker([]), send=sent.send, settle=settle)
    async with log:
        await log.write("stdout", b"one\ntwo\nthree")
        assert not settled
    await log.close()
    async with LineWriter(of, Masker([]), send=sent.send, settle=settle):
        pass

    assert settled == [(13 + 1_000, 13)]


async def test_what_is_written_is_waited_for() -> None:
    sent = Sent()
    async with writer(sent) as log:
        sent.open.clear()
        await log.write("stdout", b"one\ntwo\nthree")
        waiting = asyncio.create_task(log.written())
        await asyncio.sleep(0)
        assert not waiting.done()
        sent.open.set()

        await waiting

        assert sent.texts == ["one", "two"]
        await log.written()


async def test_a_bug_in_what_sends_reaches_whoever_prints() -> None:
    sent = Sent()
    sent.failing = ZeroDivisionError()
    log = writer(sent)
    await log.__aenter__()
    await log.write("stdout", b"one\n")
    await until(lambda: log._sending and log._sending.done())

    with pytest.raises(ZeroDivisionError):
        await log.write("stdout", b"two\n")


async def test_a_log_that_stays_away_does_not_hold_up_the_end_for_ever() -> None:
    sent = Sent()
    sent.failing = LogRefused("away")
    log = writer(sent)
    await log.__aenter__()
    await log.write("stdout", b"one\ntwo")

    assert await log.close(within_s=0.05) == 2
    with pytest.raises(RuntimeError):
        await log.write("stdout", b"three\n")


@asynccontextmanager
async def real_log(folder: Path, limits: Limits | None = None) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(folder / "log.db", partitions=4, limits=limits)
    yield log
    log.close()


async def test_lines_are_in_one_partition_of_the_event_log_under_ids_that_stay(
    tmp_path: Path,
) -> None:
    async with real_log(tmp_path) as event_log:
        for _ in range(2):
            of = Log(PROJECT, DEPLOYMENT)
            async with LineWriter(of, Masker([]), send=sender(event_log)) as log:
                await log.write("stdout", b"x\n" * 1_200)
        records = [
            record
            for number in range(4)
            for record in event_log.read(TopicPartition(DEPLOYS.name, number), 0, 100, 1 << 30)
        ]
        states = event_log.states()

    used = [p for p, state in states.items() if p.topic == DEPLOYS.name and state.next_offset]
    assert len(used) == 1
    chunks = [chunk for record in records for chunk in decode_chunks(record.value or b"")]
    lines = [msgspec.json.decode(item, type=Line) for chunk in chunks for item in chunk.items]
    assert [line.seq for line in lines] == [*range(1, 1_201)] * 2
    ids = [id_ for chunk in chunks for id_ in chunk.ids]
    assert ids == [line_id(DEPLOYMENT, line.seq) for line in lines]
    assert {chunk.wire for chunk in chunks} == {"deploys.line"}


async def test_ten_canaries_printed_in_pieces_are_in_no_record_of_the_event_log(
    tmp_path: Path,
) -> None:
    chance = random.Random(11)
    printed = "\n".join(text for secret in CANARIES for text in written(secret)).encode()
    async with real_log(tmp_path) as event_log:
        of = Log(PROJECT, DEPLOYMENT)
        async with LineWriter(of, Masker(CANARIES), send=sender(event_log)) as log:
            place = 0
            while place < len(printed):
                size = chance.randint(1, 40)
                await log.write("stdout", printed[place : place + size])
                place += size
            for secret in CANARIES:
                await log.say("info", f"cloning with {secret}")
        found = [
            item.decode()
            for number in range(4)
            for record in event_log.read(TopicPartition(DEPLOYS.name, number), 0, 100, 1 << 30)
            for chunk in decode_chunks(record.value or b"")
            for item in chunk.items
        ]

    assert len(found) >= printed.count(b"\n")
    texts = [msgspec.json.decode(item, type=Line).message for item in found]
    assert not [part for secret in CANARIES for part in parts(secret) if part in "\n".join(texts)]


async def test_a_full_event_log_is_one_that_refuses_for_now(tmp_path: Path) -> None:
    async with real_log(tmp_path, Limits(max_bytes=10)) as event_log:
        line = Line(
            deployment_id=DEPLOYMENT, seq=1, at_us=1, level="info", stream="stdout", message="x"
        )

        with pytest.raises(LogRefused, match="bound"):
            await sender(event_log)(PROJECT, [line])
