"""Who follows a log beside others, more slowly than it grows, and over Kafka."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from api.deploys import feeds
from clickhouse.client import Warehouse
from eventlog.kafka_tail import KafkaTail
from schemas.kinds import DEPLOYS
from tests.integration.deploys.logs.followers import Followed, only_feed, rest, seqs, until
from tests.integration.deploys.logs.hosts import Host, line, store_lines
from tests.integration.eventlog.kafka_logs import KafkaLogs

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*event_loop_policy.*:DeprecationWarning"),
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("quick"),
]


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    """The loop of our servers."""
    return uvloop.EventLoopPolicy()


@pytest.mark.containers
async def test_lines_of_a_kafka_log_come_as_they_are_printed(
    warehouse: Warehouse, host: Host, deployment_id: str, kafka: Any, tmp_path: Path
) -> None:
    logs = KafkaLogs(kafka, tmp_path)
    event_log = logs.open(3)
    one = Followed(warehouse, host, event_log)
    tail = KafkaTail(logs.address, DEPLOYS.name)
    async with (
        one.serving(tail),
        one.follow(deployment_id) as client,
        one.writer(deployment_id) as log,
    ):
        heard: list[int] = []
        async with asyncio.timeout(60):
            while not heard:
                # Nobody says when the end of the topic is found.
                await log.write("stdout", b"begin\n")
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        heard.append(json.loads(await client.recv())["seq"])
                before = [line(deployment_id, seq) for seq in range(1, log.next_seq)]
                await store_lines(warehouse, host.project, *before)
        first = log.next_seq
        assert await seqs(client, first - 1 - heard[0]) == list(range(heard[0] + 1, first))
        await log.write("stdout", b"x\n" * 2_000)

        assert await seqs(client, 2_000) == list(range(first, first + 2_000))
    logs.close()


class TestManyViewers:
    async def test_a_slow_viewer_holds_up_nobody_and_misses_nothing(
        self,
        warehouse: Warehouse,
        followed: Followed,
        deployment_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(feeds, "KEPT_LINES", 100)
        count, padding = 6_000, "x" * 2_000
        async with (
            followed.follow(deployment_id, max_queue=1) as slow,
            followed.follow(deployment_id) as quick,
            followed.writer(deployment_id) as log,
        ):
            for first in range(1, count, 500):
                numbers = range(first, first + 500)
                text = "".join(f"line {seq} {padding}\n" for seq in numbers)
                await log.write("stdout", text.encode())
                # Who reads is shown all of them while nobody reads the other connection.
                assert await seqs(quick, 500) == list(numbers)
                stored = [line(deployment_id, n, message=f"line {n} {padding}") for n in numbers]
                await store_lines(warehouse, followed.host.project, *stored)
            feed = only_feed(followed)
            await until(lambda: feed._bytes < 2 * feeds.KEPT_BYTES)
            pages = followed.store.pages

            assert await seqs(slow, count) == list(range(1, count + 1))

        assert followed.store.pages > pages

    async def test_many_viewers_of_one_log_read_it_once(
        self,
        warehouse: Warehouse,
        followed: Followed,
        deployment_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(feeds, "PAGE_LINES", 100)
        old = [line(deployment_id, seq) for seq in range(1, 301)]
        await store_lines(warehouse, followed.host.project, *old)
        viewers = 200
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(followed.writer(deployment_id, 301))
            clients = [
                await stack.enter_async_context(followed.follow(deployment_id, ping_interval=None))
                for _ in range(viewers)
            ]
            replayed = await asyncio.gather(*(seqs(client, 300) for client in clients))
            pages, asked = followed.store.pages, followed.host.asked
            await log.write("stdout", b"live\n" * 50)
            live = await asyncio.gather(*(seqs(client, 50) for client in clients))
            followed.host.end(deployment_id)
            ends = await asyncio.gather(*(rest(client) for client in clients))

        assert all(one == list(range(1, 301)) for one in replayed)
        assert all(one == list(range(301, 351)) for one in live)
        assert [end["type"] for (end,) in ends] == ["end"] * viewers
        # Three pages of the store for all of them, and no question by a viewer.
        assert pages <= 5
        assert followed.store.pages == pages
        assert asked < viewers
