"""The same components from Docker, by testcontainers: Kafka, PostgreSQL and ClickHouse."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

import docker
from docker.errors import DockerException
from testcontainers.community.clickhouse import ClickHouseContainer
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from tests.components import kafka
from tests.components.processes import free_ports

POSTGRES_IMAGE = "postgres:17"
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.9"  # the engine that chDB carries
CONTROLLER = "127.0.0.1:19093"


class ContainerBroker(NamedTuple):
    """A broker that tests share and cannot stop."""

    bootstrap: str


class ContainerPostgres:
    """A server that tests share; each takes a new database of it."""

    def __init__(self, container: PostgresContainer) -> None:
        self._container = container
        self._numbers = itertools.count()

    def new_database(self, template: str = "") -> str:
        """Create a database, empty or as another that nobody uses now, and return its URL."""
        name = f"test_{next(self._numbers)}"
        made = self._container.exec(
            ["createdb", "-U", "sluice", *(("-T", template) if template else ()), name]
        )
        if made.exit_code:
            raise RuntimeError(made.output.decode(errors="replace"))
        base = self._container.get_connection_url(driver=None)
        return f"{base.rpartition('/')[0]}/{name}"


def why_not() -> str | None:
    """Say why no container can be started here, `None` when it can."""
    try:
        docker.from_env().ping()
    except DockerException as error:
        return f"Docker does not answer: {error}"
    return None


@contextmanager
def kafka_container() -> Iterator[ContainerBroker]:
    """Run Apache's own image, of the version and with the settings of the local broker."""
    version = ElementTree.parse(kafka.POM).findtext(".//{*}kafka.version")
    container = DockerContainer(f"apache/kafka:{version}")
    # Brokers tell clients where to go, so the port must be known before the start.
    (port,) = free_ports(1)
    bootstrap = f"{container.get_docker_client().host()}:{port}"
    own = {
        "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{CONTROLLER}",
        "advertised.listeners": f"PLAINTEXT://{bootstrap}",
        "controller.quorum.voters": f"1@{CONTROLLER}",
    }
    for key, value in (kafka.SETTINGS | own).items():
        container.with_env(f"KAFKA_{key.upper().replace('.', '_')}", value)
    with container.with_bind_ports(port, port):
        deadline = time.monotonic() + kafka.START_S
        client = kafka.admin(bootstrap)
        while not kafka.serves(client):
            if time.monotonic() > deadline:
                raise TimeoutError(b"".join(container.get_logs()).decode(errors="replace")[-4000:])
        yield ContainerBroker(bootstrap)


@contextmanager
def postgres_container() -> Iterator[ContainerPostgres]:
    """Run the official image."""
    with PostgresContainer(POSTGRES_IMAGE, username="sluice", password="sluice") as container:
        yield ContainerPostgres(container)


@contextmanager
def clickhouse_container() -> Iterator[str]:
    """Run the official image and give its URL, as `SLUICE_WAREHOUSE_URL` takes it."""
    with ClickHouseContainer(
        CLICKHOUSE_IMAGE, username="sluice", password="sluice-tests", dbname="default"
    ) as container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(8123)
        yield f"http://sluice:sluice-tests@{host}:{port}/default"
