"""The log as an edge process has it: the owner appends, and says when it is durable."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from msgspec import Struct

from eventlog import log as logs
from eventlog.batches import split
from eventlog.log import Addressed, AppendUncertain, LogError, LogUnavailable, TopicPartition
from eventlog.records import Refusal, pack_chunk
from ingest.rejections import Overloaded, RateLimited
from sluice.edges.messages import Append, Appended, Count, Failed, Limited, Part, Refuse

Answer = Appended | Failed | Limited

ERRORS: Mapping[str, type[LogError]] = {
    error.__name__: error
    for error in (
        *(logs.LogError, logs.LogFull, logs.LogUnavailable, logs.AppendUncertain),
        *(logs.LogDamaged, logs.BrokerRefused),
    )
}


class RemoteLog:
    """An `EventLog` whose questions `send` brings to the owner; it returns whether it could."""

    def __init__(self, send: Callable[[Struct], bool], partitions: Mapping[str, int]) -> None:
        self.fullness = 0.0
        self.is_lost = False
        self._send = send
        self._partitions = partitions
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return self._partitions[topic]

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks of one project; see `EventLog.append`."""
        parts = []
        for (topic, partition), whole in chunks:
            for chunk in split(whole):
                packed = pack_chunk(chunk)
                parts.append(Part(topic, partition, packed.items, packed.size, packed.value))
        project_id = chunks[0][1].project_id
        answer = await self._ask(lambda number: Append(number, project_id, parts))
        return {TopicPartition(one.topic, one.partition): one.offset for one in answer.places}

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._ask(lambda number: Refuse(number, list(refusals)))

    async def count_request(self, key: str) -> None:
        """Counts a request of a key among those of all edges.

        Raises `RateLimited`, and `Overloaded` where the owner does not answer.
        """
        try:
            answer = await self._ask(lambda number: Count(number, key))
        except LogError as error:
            raise Overloaded("The server is restarting", retry_after_s=1) from error
        if answer.text:
            raise RateLimited(answer.text, retry_after_s=answer.retry_after_s)

    def answer(self, answer: Answer) -> None:
        """Takes an answer of the owner."""
        waiting = self._waiting.pop(answer.number, None)
        if waiting is None or waiting.done():  # whoever asked has left
            return
        if isinstance(answer, Failed):
            waiting.set_exception(ERRORS.get(answer.error, LogUnavailable)(answer.text))
        else:
            waiting.set_result(answer)

    def lose(self) -> None:
        """Ends what waits: the owner has gone, and nobody can say what it has appended."""
        self.is_lost = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(AppendUncertain("the process that owns the log has ended"))
        self._waiting.clear()

    async def _ask(self, question: Callable[[int], Struct]) -> Any:
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        if not self._send(question(number)):
            del self._waiting[number]
            raise LogUnavailable("the process that owns the log has ended")
        return await waiting
