"""The Faust agents: one per topic, each handing its records to the writers of their partitions.

An agent never waits for a partition: the consumer delivers none that is full (`has_room`).
An agent knows no meaning and no store. It acknowledges nothing: what is stored the checkpoints say.
The same agents run on the embedded log and on Kafka.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
from mode import CrashingSupervisor

from eventlog.faust_fixes import NoTables, keep_from_discovery
from eventlog.log import TopicPartition
from processors.blocks import Delivery

Deliver = Callable[[TopicPartition, Delivery], Awaitable[None]]
HasRoom = Callable[[TopicPartition], bool]
BUFFERED_RECORDS = 32
"""A record is a batch: Faust's default of 4,096 records would hold gigabytes."""


def create_stream_app(
    *,
    broker: str,
    topics: Sequence[str],
    deliver: Deliver,
    has_room: HasRoom,
    data_dir: Path,
    carried: Mapping[str, object],
    group: str = "sluice",
) -> Any:
    """Returns a Faust app with one agent for each topic. Start it once; build a new one after.

    `carried` is what the broker's transport asks of the app, by the names that it gives them.
    """
    app = faust.App(
        group,
        broker=broker,
        datadir=str(data_dir),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        stream_buffer_maxsize=BUFFERED_RECORDS,
        broker_commit_interval=1.0,
        broker_commit_every=None,
        key_serializer="raw",
        value_serializer="raw",
        TableManager=NoTables,
    )
    for name, value in {"has_room": has_room, **carried}.items():
        setattr(app, name, value)
    _add_agents(app, topics, deliver)
    app.finalize()
    return app


def _add_agents(app: Any, topics: Sequence[str], deliver: Deliver) -> None:
    keep_from_discovery()
    for name in topics:
        topic = app.topic(name, key_serializer="raw", value_serializer="raw")
        app.agent(topic, name=f"agent.{name}", supervisor_strategy=CrashingSupervisor)(
            _agent(deliver)
        )


def _agent(deliver: Deliver) -> Callable[[Any], Awaitable[None]]:
    async def consume(stream: Any) -> None:
        events: AsyncIterator[Any] = stream.noack().events()
        async for event in events:
            message = event.message
            await deliver(
                TopicPartition(message.topic, message.partition),
                Delivery(message.offset, event.value, message.timestamp),
            )

    return consume
