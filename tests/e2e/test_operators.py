"""Who may read the metrics, and what asking for them costs."""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping

import pytest
from prometheus_client import CollectorRegistry

from api.operations import Operations, Shared
from schemas.metrics import REGISTRY
from tests.e2e.server import Server

TOKEN = "a-token-of-some-length"
ELSEWHERE = [
    {"X-Forwarded-For": "192.0.2.1"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose metrics have a token."""
    settings = {"METRICS_TOKEN": TOKEN}
    with Server(tmp_path_factory.mktemp("guarded") / "data", settings=settings) as server:
        yield server


class TestWithoutToken:
    def test_this_machine_may_read(self, server: Server) -> None:
        assert server.client(None).get("/metrics").status_code == 200

    def test_what_alarms_watch_is_there_before_it_is_counted(self, server: Server) -> None:
        """A series that begins at 1 has not risen for Prometheus."""
        text = server.client(None).get("/metrics").text

        for kind in ("trace", "span", "unknown"):
            assert f'sluice_items_dead_total{{kind="{kind}"}} ' in text
        for table in ("traces", "spans", "outcomes"):
            for reason in ("store", "access", "rows", "log", "control plane", "resources"):
                labels = f'{{reason="{reason}",table="{table}"}}'
                assert f"sluice_insert_failures_total{labels} " in text

    @pytest.mark.parametrize("headers", ELSEWHERE, ids=lambda headers: next(iter(headers)))
    def test_who_came_through_a_proxy_may_not(
        self, server: Server, headers: dict[str, str]
    ) -> None:
        assert server.client(None).get("/metrics", headers=headers).status_code == 403


class TestWithToken:
    @pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"])
    def test_nobody_may_read_without_it(self, guarded: Server, given: str | None) -> None:
        headers = {} if given is None else {"Authorization": given.encode()}

        answer = guarded.client(None).get("/metrics", headers=headers)

        assert answer.status_code == 401
        assert "sluice_" not in answer.text

    @pytest.mark.parametrize("through", [{}, *ELSEWHERE])
    def test_anybody_may_with_it(self, guarded: Server, through: dict[str, str]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}", **through}

        answer = guarded.client(None).get("/metrics", headers=headers)

        assert answer.status_code == 200
        assert "sluice_items_received_total" in answer.text


class Costly:
    """Probes that count how often they are asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.refreshed = 0

    def checks(self) -> Mapping[str, Awaitable[None]]:
        self.asked += 1
        return {"store": self._fail()}

    async def metrics(self) -> CollectorRegistry:
        return REGISTRY

    def refresh_gauges(self) -> None:
        self.refreshed += 1
        time.sleep(0.05)

    async def _fail(self) -> None:
        raise RuntimeError("at db.internal")


class TestCost:
    async def test_any_number_of_readers_costs_one_rendering_at_a_time(self) -> None:
        probes = Costly()
        operations = Operations(probes, "")

        texts = await asyncio.gather(*(operations.metrics.get() for _ in range(40)))
        checks = await asyncio.gather(*(operations.readiness.get() for _ in range(40)))

        assert (probes.refreshed, probes.asked) == (1, 1)
        assert len(set(texts)) == 1
        assert checks[0] == {"store": "RuntimeError: at db.internal"}

    async def test_it_is_rendered_anew_after_that(self) -> None:
        count = 0

        async def work() -> int:
            nonlocal count
            count += 1
            return count

        shared = Shared(work, 60.0)
        first = await shared.get()
        shared._began_at -= 60.0

        assert (first, await shared.get()) == (1, 2)

    async def test_who_gives_up_takes_nothing_from_the_others(self) -> None:
        go = asyncio.Event()

        async def work() -> str:
            await go.wait()
            return "done"

        shared = Shared(work, 60.0)
        hasty, patient = (asyncio.create_task(shared.get()) for _ in range(2))
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        go.set()

        assert await patient == "done"
