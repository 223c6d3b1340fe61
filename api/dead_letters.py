"""The dead letters of one project: what `sluice dead` does, for the pages and beside the traffic.

A project's own are all that its members can name: of others it is as if there were none.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import structlog

from eventlog.dead_letters import AlreadyReplayed, Replacement, Summary, UnknownDeadLetter
from eventlog.log import LogUnavailable
from eventlog.records import DeadLetter
from eventlog.replays import NotReplayable, replacement
from schemas.issues import Checked, Issue
from schemas.kinds import KINDS
from schemas.projects import ProjectId

T = TypeVar("T")

READ_S = 5.0
"""As long as a person waits for a page."""
CHANGE_S = 30.0
"""A replay in Kafka looks for what another may have sent before it, for 5 seconds."""
MANY_S = 4.0
"""For how long a replay of many goes on; the rest waits for the next."""
KIND_OF = {kind.wire: kind.name for kind in KINDS}

log = structlog.get_logger(__name__)


class Box(Protocol):
    """Dead letters where they are kept: in the file of the log, or in Kafka. Blocking."""

    def summaries(self) -> list[Summary]:
        """Returns every dead letter, the oldest first, each once."""
        ...

    def find(self, ref: str) -> DeadLetter:
        """Returns one dead letter. Raises `UnknownDeadLetter`."""
        ...

    def replay(self, dead_letter: DeadLetter, item: Replacement) -> None:
        """Sends the item in a dead letter's place. Raises `AlreadyReplayed`."""
        ...

    def discard(self, refs: Sequence[str]) -> int:
        """Marks those that wait, and returns how many."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


class Found(NamedTuple):
    """One dead letter with its state."""

    summary: Summary
    dead_letter: DeadLetter
    tries: int
    """How often its item was tried: once more than it was replayed."""


class Replayed(NamedTuple):
    """What became of many."""

    sent: int
    before: int
    """Others were quicker."""
    unfit: int
    """Cannot be sent as they are."""
    left: int
    """Are for the next time."""


class ProjectDeadLetters:
    """What a process puts on `app.state.dead_letters`; opens the box when somebody asks."""

    def __init__(
        self,
        open_box: Callable[[], Box],
        checks: Mapping[str, Callable[[bytes, int], Checked]],
        max_item_bytes: int,
    ) -> None:
        self._open_box = open_box
        self._checks = checks
        self._max_item_bytes = max_item_bytes
        self._box: Box | None = None
        self._lock = asyncio.Lock()

    async def summaries(self, project_id: ProjectId) -> list[Summary]:
        """Returns the project's dead letters, the oldest first. Raises `LogError`."""
        return await self._ask(lambda box: _of(box, project_id), READ_S)

    async def find(self, project_id: ProjectId, ref: str) -> Found:
        """Returns one of the project's. Raises `UnknownDeadLetter` and `LogError`."""
        return await self._ask(lambda box: _found(box, project_id, ref), READ_S)

    def check(self, summary: Summary, body: bytes) -> Checked:
        """Returns what ingest would say of an item in a dead letter's place. For any thread."""
        check = self._checks.get(KIND_OF.get(summary.wire, ""))
        if len(body) > self._max_item_bytes:
            return Checked(body, [Issue([], f"Expected at most {self._max_item_bytes} bytes")])
        return check(body, self._max_item_bytes) if check else Checked(body, [])

    async def replay(self, project_id: ProjectId, ref: str, corrected: bytes | None) -> None:
        """Sends one of the project's again, as it is or corrected; it is stored once.

        Raises `UnknownDeadLetter`, `AlreadyReplayed`, `NotReplayable` and `LogError`.
        """

        def work(box: Box) -> None:
            found = _found(box, project_id, ref).dead_letter
            box.replay(found, replacement(found, corrected, project_id))

        await self._ask(work, CHANGE_S)
        log.info(
            "dead letter replayed", project_id=project_id, ref=ref, corrected=corrected is not None
        )

    async def replay_all(self, project_id: ProjectId, refs: Sequence[str]) -> Replayed:
        """Sends those of the project that wait, for some seconds. Raises `LogError`."""
        done = await self._ask(lambda box: _replay_many(box, project_id, refs), CHANGE_S)
        log.info("dead letters replayed", project_id=project_id, count=done.sent, left=done.left)
        return done

    async def discard(self, project_id: ProjectId, refs: Sequence[str]) -> int:
        """Marks those of the project that wait, and returns how many. Raises `LogError`."""

        def work(box: Box) -> int:
            own = {one.ref for one in _of(box, project_id)}
            return box.discard([ref for ref in refs if ref in own])

        done = await self._ask(work, CHANGE_S)
        log.info("dead letters discarded", project_id=project_id, count=done)
        return done

    async def close(self) -> None:
        """Closes the box, once nobody uses it."""
        async with self._lock:
            box, self._box = self._box, None
            if box is not None:
                await asyncio.to_thread(box.close)

    async def _ask(self, work: Callable[[Box], T], wait_s: float) -> T:
        """Does one thing at a time, in a thread, and waits no longer than somebody would."""
        try:
            async with asyncio.timeout(wait_s):
                await self._lock.acquire()
                task = asyncio.ensure_future(asyncio.to_thread(self._on_box, work))
                task.add_done_callback(self._release)
                # Who gives up leaves the thread to its end.
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise LogUnavailable(f"the log does not answer within {wait_s:g} s") from error

    def _on_box(self, work: Callable[[Box], T]) -> T:
        if self._box is None:
            self._box = self._open_box()
        return work(self._box)

    def _release(self, task: "asyncio.Future[T]") -> None:
        self._lock.release()
        if not task.cancelled():
            task.exception()


def tries_of(one: Summary, own: Mapping[str, Summary]) -> int:
    """Returns how often an item was tried: once more than it was replayed, as far as is known."""
    tries, before = 1, one.dead_ref
    while before and tries <= len(own):
        tries, before = tries + 1, own[before].dead_ref if before in own else ""
    return tries


def _of(box: Box, project_id: ProjectId) -> list[Summary]:
    return [one for one in box.summaries() if one.project_id == project_id]


def _found(box: Box, project_id: ProjectId, ref: str) -> Found:
    own = {one.ref: one for one in _of(box, project_id)}
    if ref not in own:
        raise UnknownDeadLetter(f"there is no dead letter {ref}")
    return Found(own[ref], box.find(ref), tries_of(own[ref], own))


def _replay_many(box: Box, project_id: ProjectId, refs: Sequence[str]) -> Replayed:
    until = time.monotonic() + MANY_S
    waiting = {one.ref for one in _of(box, project_id) if one.waits}
    wanted = [ref for ref in refs if ref in waiting]
    sent = before = unfit = 0
    for number, ref in enumerate(wanted):
        if time.monotonic() > until:
            return Replayed(sent, before, unfit, len(wanted) - number)
        try:
            found = box.find(ref)
            box.replay(found, replacement(found, None, project_id))
            sent += 1
        except (AlreadyReplayed, UnknownDeadLetter):
            before += 1
        except NotReplayable:
            unfit += 1
    return Replayed(sent, before, unfit, 0)
