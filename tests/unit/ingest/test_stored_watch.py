import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.failures import Unavailable
from eventlog.kafka_topics import TopicState
from eventlog.log import TopicPartition
from ingest import stored_watch
from ingest.stored_watch import StoredWatch
from schemas.kinds import TRACES

TOPICS = {TRACES.name: TopicState(partitions=1, log_id="kafka:cluster/topic")}


class Progress:
    """Checkpoints that cannot be read a few times."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.failures = 2

    async def read(self, log_id: str, topic: str) -> Mapping[int, Any]:
        if self.failures:
            self.failures -= 1
            raise self.failure
        return {0: SimpleNamespace(progress=SimpleNamespace(stored_through=7))}


@pytest.mark.parametrize(
    "failure", [Unavailable("away", retry_after_s=1), RuntimeError("a table is missing")]
)
async def test_whoever_waits_is_answered_when_the_checkpoints_can_be_read_again(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_watch, "TROUBLE_PAUSE_S", 0.01)
    progress: Any = Progress(failure)
    watch = StoredWatch(progress, TOPICS)

    async with asyncio.timeout(10):
        await watch.wait_stored({TopicPartition(TRACES.name, 0): 7})
        progress.failures = 2
        await watch.wait_stored({TopicPartition(TRACES.name, 0): 7})

    await watch.close()
