"""What senders meet while something is away, and that all of it is there once afterwards."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.e2e.audit import audit
from tests.e2e.cluster import Cluster
from tests.e2e.load import Ledger, Load
from tests.e2e.payloads import trace
from tests.e2e.server import FAULTY, Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow

SMALL_SPOOL = 500_000
SMALL_DISK_PAGES = "40"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30, trust_env=False, verify=False) as opened:
        yield opened


def batch(size: int = 100) -> list[dict[str, Any]]:
    # What does not compress.
    return [trace(request_body={"text": secrets.token_hex(size // 2)}) for _ in range(10)]


def send(
    client: httpx.Client,
    cluster: Cluster,
    project: Project,
    items: list[dict[str, Any]] | None = None,
) -> httpx.Response:
    return client.post(
        f"{cluster.edge.url}/v1/traces/async",
        json=items or batch(),
        headers={"Authorization": f"Bearer {project.key}"},
    )


def fill(
    client: httpx.Client, cluster: Cluster, project: Project
) -> tuple[int, list[dict[str, Any]]]:
    """Sends until the edge refuses; returns how many it took, and what it refused."""
    for taken in range(200):
        items = batch(20_000)
        answer = send(client, cluster, project, items)
        if answer.status_code != 202:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            return taken, items
    raise AssertionError("the edge took everything")


def readiness(server: Server) -> int:
    return httpx.get(f"{server.url}/ready", timeout=30, trust_env=False).status_code


def stored(project: Project) -> int:
    return int(project.get("/v1/traces", limit=1).json()["total"])


@pytest.mark.timeout(400)
def test_a_broker_that_accepts_and_never_answers_is_not_noticed_by_senders(
    tmp_path: Path, own_kafka: KafkaBroker, postgres: Postgres, client: httpx.Client
) -> None:
    with Cluster(tmp_path / "c", own_kafka, postgres, workers=1) as cluster:
        project = create_project(cluster)
        own_kafka.pause()
        try:
            statuses = [send(client, cluster, project).status_code for _ in range(5)]
            cluster.edge.kill()
            cluster.edge.start()
            statuses += [send(client, cluster, project).status_code for _ in range(5)]
            worker = cluster.workers[0]
            wait_for(lambda: readiness(worker) == 503, "a worker that misses Kafka", timeout_s=60)
        finally:
            own_kafka.resume()
        cluster.wait_stored()
        wait_for(lambda: readiness(worker) == 200, "a worker that has Kafka", timeout_s=60)

        assert statuses == [202] * 10
        assert stored(project) == 100
        assert project.outcomes(kind="trace") == {"received": 100, "accepted": 100}


@pytest.mark.timeout(400)
def test_a_full_spool_says_come_again_and_keeps_nothing_of_what_it_refused(
    tmp_path: Path, own_kafka: KafkaBroker, postgres: Postgres, client: httpx.Client
) -> None:
    settings = {"SPOOL_MAX_BYTES": str(SMALL_SPOOL)}
    with Cluster(tmp_path / "c", own_kafka, postgres, workers=1, settings=settings) as cluster:
        project = create_project(cluster)
        own_kafka.stop()
        assert send(client, cluster, project).status_code == 202
        taken, refused = fill(client, cluster, project)
        own_kafka.start()
        cluster.wait_stored()

        assert taken
        assert stored(project) == 10 * (taken + 1)
        come_again(client, cluster, project, refused)
        assert stored(project) == 10 * (taken + 2)


@pytest.mark.timeout(400)
def test_a_full_disk_says_come_again_and_what_comes_again_is_there_once(
    tmp_path: Path, own_kafka: KafkaBroker, postgres: Postgres, client: httpx.Client
) -> None:
    disk = {"FAULT_DISK_PAGES": SMALL_DISK_PAGES}
    with Cluster(
        tmp_path / "c", own_kafka, postgres, workers=1, command=FAULTY, environ=disk
    ) as cluster:
        project = create_project(cluster)
        own_kafka.stop()
        assert send(client, cluster, project).status_code == 202
        taken, refused = fill(client, cluster, project)
        own_kafka.start()
        cluster.wait_stored()

        assert taken
        # What a disk took before it was full stays.
        assert stored(project) >= 10 * (taken + 1)
        come_again(client, cluster, project, refused)
        assert stored(project) == 10 * (taken + 2)


def come_again(
    client: httpx.Client, cluster: Cluster, project: Project, items: list[dict[str, Any]]
) -> None:
    def is_taken() -> bool:
        return send(client, cluster, project, items).status_code == 202

    wait_for(is_taken, "events to be taken again", timeout_s=30)
    cluster.wait_stored()


@pytest.mark.timeout(400)
def test_a_store_and_a_control_plane_that_are_away_keep_nobody_from_sending(
    tmp_path: Path, kafka: KafkaBroker, own_postgres: Postgres, client: httpx.Client
) -> None:
    with Cluster(tmp_path / "c", kafka, own_postgres, workers=1) as cluster:
        project = create_project(cluster)
        assert send(client, cluster, project).status_code == 202
        cluster.warehouse.kill()
        own_postgres.kill()

        statuses = [send(client, cluster, project).status_code for _ in range(5)]
        worker = cluster.workers[0]
        wait_for(
            lambda: worker.metric("sluice_lag_seconds", topic="raw.traces") > 0,
            "a worker to tell that it lags",
            timeout_s=60,
        )

        own_postgres.start()
        cluster.warehouse.start()
        cluster.wait_stored()
        assert statuses == [202] * 5
        assert stored(project) == 60


@pytest.mark.timeout(400)
def test_a_clock_that_jumps_by_an_hour_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, kafka: KafkaBroker, postgres: Postgres
) -> None:
    clock = {"FAULT_CLOCK_S": "3600"}
    with Cluster(tmp_path / "c", kafka, postgres, command=FAULTY, environ=clock) as cluster:
        ledger = Ledger()
        projects = [create_project(cluster)]
        load = Load(projects, ledger, seed="clock", copies=2, url=cluster.edge.url, goes_on=True)
        load.start(2)
        wait_for(lambda: len(ledger.requests) > 40, "some load", timeout_s=60)
        cluster.workers[0].kill()
        cluster.workers[0].start()
        wait_for(lambda: len(ledger.requests) > 80, "more load", timeout_s=60)
        load.stop()

        audit(cluster, projects, ledger)
