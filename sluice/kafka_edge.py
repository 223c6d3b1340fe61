"""Kafka as those have it who write events into it: edges and probers."""

import asyncio

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_topics import TopicsState
from ingest.edge import NEARLY_FULL
from schemas import metrics
from sluice.cluster import kafka_limits_of
from sluice.process import Process


def open_kafka_log(process: Process, kafka: KafkaAddress, topics: TopicsState) -> KafkaLog:
    """Opens it, with a spool of this process's own. Blocking."""
    settings = process.settings
    counts = {name: state.partitions for name, state in topics.items()}
    spool = process.paths.data_dir / "spool.db"
    return KafkaLog(kafka, counts, spool, kafka_limits_of(settings))


def add_kafka_log(process: Process, event_log: KafkaLog) -> None:
    """Adds the open log, without which the process is not ready."""

    async def damaged() -> str:
        # Any other fault passes without a new start.
        await asyncio.shield(asyncio.wrap_future(event_log.damaged))
        return "the spool's file is damaged; the next start sets it aside"

    async def check() -> None:
        if event_log.fullness >= NEARLY_FULL:
            raise RuntimeError("Kafka does not answer and the spool is nearly full")

    def measure() -> None:
        metrics.LOG_QUEUED_BYTES.set(event_log.queued_bytes)
        metrics.SPOOL_BYTES.set(event_log.stored_bytes)

    process.ready["log"] = check
    process.faults.append(damaged)
    process.gauges.append(measure)
    process.stack.push_async_callback(asyncio.to_thread, event_log.close)
