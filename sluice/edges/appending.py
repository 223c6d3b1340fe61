"""What the owner does for its edges: it appends, counts refusals and requests, and holds back."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog
from msgspec import Struct

from eventlog.answers import Answers
from eventlog.batches import Payload
from eventlog.log import LogError, TopicPartition
from eventlog.records import PackedChunk
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import OUTCOMES
from ingest.edge import Edge
from ingest.rejections import RateLimited
from schemas.projects import ProjectId
from sluice.edges.messages import Append, Appended, Count, Failed, Limited, Place, Refuse

Send = Callable[[Struct], object]

log = structlog.get_logger(__name__)


class Appending:
    """Over the log of the process, and the edge that it has itself."""

    def __init__(self, event_log: SqliteLog, edge: Edge) -> None:
        self._log = event_log
        self._edge = edge
        self._loop = asyncio.get_running_loop()
        self._answers = Answers()

    def append(self, asked: Append, send: Send) -> None:
        """Appends when it is time for it, and has the answer sent when it is durable."""
        payloads: list[tuple[TopicPartition, Payload]] = [
            (TopicPartition(one.topic, one.partition), PackedChunk(one.items, one.size, one.chunk))
            for one in asked.parts
        ]
        size = sum(one.size for one in asked.parts)
        delay_s = self._edge.pacer.delay_s(ProjectId(asked.project_id), size)
        if delay_s:
            self._loop.call_later(delay_s, self._begin, asked.number, payloads, send)
        else:
            self._begin(asked.number, payloads, send)

    def refuse(self, asked: Refuse, send: Send) -> None:
        """Counts refusals."""
        self._begin(asked.number, [(TopicPartition(OUTCOMES.name, 0), asked.refusals)], send)

    def count(self, asked: Count, send: Send) -> None:
        """Counts a request."""
        try:
            self._edge.quotas.take(asked.key)
        except RateLimited as limited:
            send(Limited(asked.number, limited.message, limited.retry_after_s))
        else:
            send(Limited(asked.number, "", 0))

    def _begin(
        self, number: int, payloads: Sequence[tuple[TopicPartition, Payload]], send: Send
    ) -> None:
        try:
            future = self._log.begin_append(payloads)
        except LogError as error:
            send(Failed(number, type(error).__name__, str(error)))
            return
        future.add_done_callback(
            lambda done: self._answers.give(self._loop, partial(_answer, number, done, send))
        )


def _answer(number: int, done: "Future[Any]", send: Send) -> None:
    error = done.exception()
    if error is None:
        places = [Place(one.topic, one.partition, at) for one, at in done.result().items()]
        send(Appended(number, places))
        return
    if not isinstance(error, LogError):
        log.error("an append of an edge met a bug", exc_info=error)
    send(Failed(number, type(error).__name__, str(error)))
