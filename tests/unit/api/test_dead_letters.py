"""The dead letters of a project, over a log of its own: nobody reaches those of others."""

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from api.dead_letters import ProjectDeadLetters, Replayed
from eventlog.dead_letters import AlreadyReplayed, DeadLetterBox, UnknownDeadLetter
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.records import DeadLetter, decode_chunks
from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.issues import Checked, Issue
from schemas.kinds import TRACES
from schemas.projects import ProjectId

MINE, OTHERS = ProjectId("mine"), ProjectId("others")
HEAD = TopicPartition(TRACES.name, 0)


def dead_letter(ref: str, project_id: ProjectId = MINE, **fields: str) -> DeadLetter:
    body = b'{"trace_id":"t-%b"}' % ref.encode()
    wire = fields.pop("wire", "pulse.trace")
    return DeadLetter(ref, project_id, TRACES.name, wire, 1, "unfit", body, **fields)


def checked(item: bytes, most: int) -> Checked:
    return Checked(item, [Issue(["trace_id"], "Expected less")] if b"bad" in item else [])


class Held:
    """A log with dead letters of two projects, and how pages reach them."""

    def __init__(self, path: Path) -> None:
        self.log = SqliteLog(path)
        self.reached = ProjectDeadLetters(
            lambda: DeadLetterBox(self.log.path), {"trace": checked}, 64
        )

    def items(self) -> list[bytes]:
        chunks = [
            chunk
            for one in self.log.read(HEAD, 0, 100, 1 << 20)
            for chunk in decode_chunks(one.value or b"")
        ]
        return [item for chunk in chunks for item in chunk.items]


@pytest.fixture
async def held(tmp_path: Path) -> AsyncIterator[Held]:
    found = Held(tmp_path / "log.db")
    mine = [dead_letter("a"), dead_letter("b", dead_ref="a"), dead_letter("c", wire="unknown")]
    await found.log.complete(HEAD, Intent(0, 0), [*mine, dead_letter("x", OTHERS)])
    yield found
    await found.reached.close()
    found.log.close()


async def test_a_project_sees_its_own_alone(held: Held) -> None:
    mine = await held.reached.summaries(MINE)
    nobodys = await held.reached.summaries(ProjectId(""))

    assert [one.ref for one in mine] == ["a", "b", "c"]
    assert nobodys == []
    with pytest.raises(UnknownDeadLetter):
        await held.reached.find(MINE, "x")


async def test_those_of_others_are_neither_replayed_nor_discarded(held: Held) -> None:
    with pytest.raises(UnknownDeadLetter):
        await held.reached.replay(MINE, "x", None)
    replayed = await held.reached.replay_all(MINE, ["x"])
    discarded = await held.reached.discard(MINE, ["x"])

    assert (replayed.sent, discarded) == (0, 0)
    assert [one.waits for one in await held.reached.summaries(OTHERS)] == [True]
    assert held.items() == []


async def test_a_replay_of_many_sends_each_once_and_counts_what_it_cannot(held: Held) -> None:
    first = await held.reached.replay_all(MINE, ["a", "b", "c"])
    second = await held.reached.replay_all(MINE, ["a", "b", "c"])

    assert first == Replayed(sent=2, before=0, unfit=1, left=0)
    assert second == Replayed(sent=0, before=0, unfit=1, left=0)
    assert held.items() == [b'{"trace_id":"t-a"}', b'{"trace_id":"t-b"}']


async def test_a_repaired_one_is_sent_once(held: Held) -> None:
    await held.reached.replay(MINE, "a", b'{"trace_id":"new"}')

    with pytest.raises(AlreadyReplayed):
        await held.reached.replay(MINE, "a", b'{"trace_id":"newer"}')
    assert held.items() == [b'{"trace_id":"new"}']


async def test_a_failed_replay_counts_the_tries_before_it(held: Held) -> None:
    assert [(await held.reached.find(MINE, ref)).tries for ref in "ab"] == [1, 2]


async def test_a_body_is_checked_by_its_kind_and_its_length(held: Held) -> None:
    known, _, unknown = await held.reached.summaries(MINE)

    assert held.reached.check(known, b'"bad"').issues == [Issue(["trace_id"], "Expected less")]
    assert held.reached.check(unknown, b'"bad"').issues == []
    assert held.reached.check(unknown, b"x" * 65).issues == [Issue([], "Expected at most 64 bytes")]


class Stuck(DeadLetterBox):
    """A box that answers when it is let."""

    def __init__(self, path: Path, let: threading.Event) -> None:
        super().__init__(path)
        self._let = let

    def summaries(self) -> list[Any]:
        self._let.wait()
        return super().summaries()


async def test_a_log_that_does_not_answer_is_waited_for_no_longer_than_a_page(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.dead_letters.READ_S", 0.05)
    let = threading.Event()
    open_box: Callable[[], Stuck] = lambda: Stuck(held.log.path, let)  # noqa: E731
    reached = ProjectDeadLetters(open_box, {}, 64)

    for _ in range(2):
        with pytest.raises(LogUnavailable):
            await reached.summaries(MINE)
    let.set()
    monkeypatch.setattr("api.dead_letters.READ_S", 20)

    assert len(await reached.summaries(MINE)) == 3
    await reached.close()
