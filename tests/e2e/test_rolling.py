"""Everything is restarted, one after the other, under load: no sender is ever refused."""

import json
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.e2e.audit import audit
from tests.e2e.cluster import Cluster
from tests.e2e.load import Ledger, Sent, make_items
from tests.e2e.server import Project, create_project

pytestmark = pytest.mark.slow

PATHS = {"trace": "/v1/traces/async", "span": "/v1/spans/async"}


class Senders:
    """Send as through a proxy: to another edge where the first does not take the connection.

    What an edge has begun to read is never sent again by a proxy, so any other failure counts.
    """

    def __init__(self, cluster: Cluster, projects: Sequence[Project], ledger: Ledger) -> None:
        self._urls = [edge.url for edge in cluster.edges]
        self._projects = projects
        self._ledger = ledger
        self._stop = threading.Event()
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._send_on, args=(n,)) for n in range(3)]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _send_on(self, seed: int) -> None:
        chance = random.Random(seed)
        # A proxy's connection to an edge that ends may be closed under it: it makes new ones.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(timeout=30, trust_env=False, verify=False, limits=limits) as client:
            while not self._stop.is_set():
                project = chance.choice(list(self._projects))
                kind = chance.choice(("trace", "span"))
                items = make_items(chance, kind)
                status = self._send(client, project, PATHS[kind], items, chance)
                self._ledger.add(Sent(project.project_id, kind, items, True, status))

    def _send(
        self,
        client: httpx.Client,
        project: Project,
        path: str,
        items: list[dict[str, object]],
        chance: random.Random,
    ) -> int | None:
        headers = {"Authorization": f"Bearer {project.key}"}
        urls = chance.sample(self._urls, len(self._urls))
        for url in urls:
            try:
                answer = client.post(url + path, content=json.dumps(items), headers=headers)
            except httpx.ConnectError:
                continue
            except httpx.TransportError as error:
                self.failures.append(repr(error))
                return None
            if answer.status_code != 202:
                self.failures.append(f"{answer.status_code} {answer.text[:200]}")
            return answer.status_code
        self.failures.append("no edge takes connections")
        return None


@pytest.mark.timeout(600)
def test_a_rolling_restart_of_everything_is_not_noticed_by_any_sender(
    tmp_path: Path, own_kafka: KafkaBroker, own_postgres: Postgres
) -> None:
    with Cluster(tmp_path / "c", own_kafka, own_postgres, edges=2) as cluster:
        ledger = Ledger()
        projects = [create_project(cluster, f"Project {n}") for n in range(2)]
        with Senders(cluster, projects, ledger) as senders:
            for server in (*cluster.edges, *cluster.workers, cluster.api, cluster.warehouse):
                code, _ = server.stop()
                assert code == 0, server.tail()
                server.start()
            own_kafka.restart()
            own_postgres.restart()
            for edge in cluster.edges:
                edge.wait_ready()
        found = audit(cluster, projects, ledger)

    assert senders.failures == []
    assert found["answered"] > 50
