"""Probers that are a part of an installation on Kafka and PostgreSQL share a region."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from schemas.uptime.probing import LEASE_S
from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.components.processes import freeze
from tests.e2e.cluster import Cluster, resume
from tests.e2e.remote_probers import Owner, gaps_s, of_installation, remote, slots_s
from tests.e2e.server import Server, create_project, wait_for
from tests.e2e.shop import Shop
from tests.integration.test_proxy import goes_to_edge

pytestmark = pytest.mark.alone

HAND_OVER_S = LEASE_S + 5
MONITORS = 20


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, kafka: KafkaBroker, postgres: Postgres
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("probers")
    with Cluster(folder, kafka, postgres, workers=1) as running:
        yield running


def owner_of(cluster: Cluster) -> Owner:
    return Owner(create_project(cluster.api, "Shop"), cluster.api)


def test_probers_share_the_monitors_of_all_projects_and_survive_each_other(
    tmp_path: Path, cluster: Cluster, shop: Shop
) -> None:
    owners = [owner_of(cluster) for _ in range(2)]
    monitors = [
        (owner, owner.add(shop.url, interval_seconds=2))
        for owner in owners
        for _ in range(MONITORS // 2)
    ]
    settings = cluster.api.settings
    with (
        of_installation(tmp_path / "one", settings) as one,
        of_installation(tmp_path / "two", settings) as two,
    ):
        wait_for(lambda: share(one, two), "a share each", timeout_s=30)
        rounds(shop, 2)

        # Frozen for longer than its lease: it must not go on as if nothing had been.
        freeze(one.pid)
        wait_for(lambda: looks_at(two) == MONITORS, "the other", timeout_s=HAND_OVER_S)
        rounds(shop, 2)
        resume(one)
        wait_for(lambda: share(one, two), "a share each again", timeout_s=30)
        one.kill()
        wait_for(lambda: looks_at(two) == MONITORS, "the other again", timeout_s=HAND_OVER_S)
        rounds(shop, 2)

        code, _ = two.stop()
        assert code == 0, two.tail()
        two.start()
        wait_for(lambda: looks_at(two) == MONITORS, "its share at once")
        rounds(shop, 2)
    cluster.wait_stored()

    for owner, monitor_id in monitors:
        checks = owner.checks(monitor_id)
        keys = [(found["slot"], found["attempt"]) for found in checks]
        assert len(keys) == len(set(keys))
        assert {found["outcome"] for found in checks} == {"ok"}
        assert max(gaps_s(slots_s(checks))) <= 2 + HAND_OVER_S


def test_a_remote_prober_of_one_project_works_for_a_cluster(
    tmp_path: Path, cluster: Cluster, shop: Shop
) -> None:
    owner, other = owner_of(cluster), owner_of(cluster)
    mine, theirs = owner.add(shop.url), other.add(shop.url)
    # As the proxy does it: what is sent goes to an edge, all else to an api.
    with (
        proxied(cluster) as url,
        remote(tmp_path / "remote", url, owner.prober_key) as prober,
        of_installation(tmp_path / "own", cluster.api.settings) as own,
    ):
        wait_for(lambda: looks_at(prober) == 1, "its own", timeout_s=30)
        wait_for(lambda: len(owner.checks(mine)) > 2, "checks of it", timeout_s=30)
        wait_for(lambda: len(other.checks(theirs)) > 2, "checks of the other's", timeout_s=30)
        told = own.output.read_text()
        assert told.count("looking at monitors") >= 1
    cluster.wait_stored()

    assert len({found["slot"] for found in owner.checks(mine)}) == len(owner.checks(mine))


@contextmanager
def proxied(cluster: Cluster) -> Iterator[str]:
    """Yields an address that passes what is sent on to an edge, and all else to an api."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            process = cluster.edge if goes_to_edge("POST", self.path) else cluster.api
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            answer = httpx.post(process.url + self.path, content=body, headers=kept, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def looks_at(prober: Server) -> int:
    """How many monitors it looks at."""
    return int(prober.metric("sluice_probe_targets"))


def share(*probers: Server) -> bool:
    """Tells whether each has monitors, and all of them together have each once."""
    counts = [looks_at(one) for one in probers]
    return min(counts) > 0 and sum(counts) == MONITORS


def rounds(shop: Shop, count: int) -> None:
    """Returns when each monitor was looked at so often."""
    before = shop.asked
    wait_for(lambda: shop.asked >= before + count * MONITORS, "rounds of checks", timeout_s=30)
