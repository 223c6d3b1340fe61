"""Puts events into the log, from whoever brings them: the edge, a probe, a runner."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from eventlog.log import Addressed, EventLog, TopicPartition
from eventlog.records import Chunk, partition_of
from schemas.kinds import Kind
from schemas.projects import ProjectId


class Partitioned(Protocol):
    """What has topics with partitions."""

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        ...


class Items(NamedTuple):
    """Items of one kind, and the id of each."""

    kind: Kind
    bodies: Sequence[bytes]
    ids: Sequence[str]


async def produce(
    log: EventLog,
    project_id: ProjectId,
    items: Sequence[Items],
    received_at_ns: int,
    *,
    key_id: str = "",
) -> Mapping[TopicPartition, int]:
    """Returns when all items are durable, with the offset of the record that each is part of.

    They may be of several kinds and topics; `key_id` is of the key that they came with. Raises as
    `EventLog.append` does.
    """
    chunks = [
        (partition, chunk)
        for one in items
        for partition, chunk in chunks_of(log, project_id, one, received_at_ns, key_id=key_id)
    ]
    return await log.append(chunks) if chunks else {}


async def produce_in_order(
    log: EventLog, project_id: ProjectId, items: Items, key: str, received_at_ns: int
) -> None:
    """Returns when all items are durable, in one partition: that of `key`.

    Whoever reads it, and the store, meets them in their order. An item that is sent again has to
    come under the same key. Raises as `EventLog.append` does.
    """
    number = partition_of(project_id, key, log.partitions(items.kind.topic))
    bodies, ids = list(items.bodies), list(items.ids)
    chunk = Chunk(project_id, items.kind.wire, received_at_ns, bodies, ids=ids)
    await log.append([(TopicPartition(items.kind.topic, number), chunk)])


def chunks_of(
    log: Partitioned, project_id: ProjectId, items: Items, received_at_ns: int, *, key_id: str = ""
) -> list[Addressed]:
    """Returns what goes into each partition of the items of one moment."""
    kind = items.kind
    partitions = log.partitions(kind.topic)
    parts: dict[int, tuple[list[bytes], list[str]]] = {}
    if partitions == 1 and items.bodies:
        parts[0] = (list(items.bodies), list(items.ids))
    else:
        for body, event_id in zip(items.bodies, items.ids, strict=True):
            number = partition_of(project_id, event_id, partitions)
            bodies, ids = parts.setdefault(number, ([], []))
            bodies.append(body)
            ids.append(event_id)
    return [
        (
            TopicPartition(kind.topic, number),
            Chunk(
                project_id,
                kind.wire,
                received_at_ns,
                bodies,
                # An id that stands in the item is not kept twice.
                ids=[] if kind.id_field else ids,
                key_id=key_id,
            ),
        )
        for number, (bodies, ids) in parts.items()
    ]
