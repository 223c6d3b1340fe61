"""The fixtures of the real components, and what happens where a component is missing.

With `-m containers` they come from Docker, and only the tests that use them run.
"""

import functools
import os
from collections.abc import Callable, Iterator

import pytest

from tests.components import bubblewrap, chromium, containers, node, old_sdk, otlp_sdks
from tests.components import kafka as kafka_component
from tests.components import postgres as postgres_component
from tests.components.containers import ContainerBroker, ContainerPostgres
from tests.components.kafka import KafkaBroker
from tests.components.postgres import Postgres
from tests.e2e.migrated import prepare_store

REQUIRED = "SLUICE_TEST_REQUIRE"
"""Names the components, separated by commas, whose absence is a failure and not a skip."""
WHY_NOT: dict[str, Callable[[], str | None]] = {
    "kafka": kafka_component.why_not,
    "postgres": postgres_component.why_not,
    "chromium": chromium.why_not,
    "node": node.why_not,
    "old-sdk": old_sdk.why_not,
    "otlp-sdks": otlp_sdks.why_not,
    "containers": containers.why_not,
    "bubblewrap": bubblewrap.why_not,
}
SERVERS = {"kafka", "own_kafka", "stoppable_kafka", "postgres", "own_postgres"}
FROM_CONTAINERS = {"kafka", "postgres", "clickhouse_url"}


def pytest_configure(config: pytest.Config) -> None:
    """Read our variable before any test starts a command; who only hands tests out leaves it."""
    if config.getoption("dist", "no") == "no":
        _required()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test that uses a component: `-m containers` finds it, `make test` leaves it out."""
    # A parameter that brings Kafka or PostgreSQL says so itself.
    if item.get_closest_marker("containers") or SERVERS.intersection(
        getattr(item, "fixturenames", ())
    ):
        item.add_marker("slow")
    if FROM_CONTAINERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("containers")


def require(component: str) -> None:
    """Skip where the component is missing; fail where `SLUICE_TEST_REQUIRE` names it."""
    reason = WHY_NOT[component]()
    if reason is None:
        return
    if component in _required():
        pytest.fail(f"{REQUIRED} names {component}, but {reason}", pytrace=False)
    pytest.skip(f"no {component} here: {reason}")


def local_broker() -> Iterator[KafkaBroker]:
    """Run a local broker for as long as a fixture is asked for."""
    require("kafka")
    broker = KafkaBroker()
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[KafkaBroker | ContainerBroker]:
    """One broker for the whole run: a test prefixes its topics and groups, and never stops it."""
    if _on_containers(request):
        with containers.kafka_container() as container:
            yield container
    else:
        yield from local_broker()


@pytest.fixture
def own_kafka() -> Iterator[KafkaBroker]:
    """A local broker of the test's own, which it may stop, kill and pause."""
    yield from local_broker()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres | ContainerPostgres]:
    """One server for the whole run: a test takes a new database of it, and never stops it."""
    if _on_containers(request):
        with containers.postgres_container() as container:
            yield container
    else:
        yield from _local_server()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A local server of the test's own, which it may stop and kill."""
    yield from _local_server()


@pytest.fixture(scope="session")
def clickhouse_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A store for the whole run: chDB in a folder, with its tables, or an empty server."""
    if _on_containers(request):
        with containers.clickhouse_container() as url:
            yield url
    else:
        folder = tmp_path_factory.mktemp("chdb") / "data"
        prepare_store(folder)
        yield f"chdb://{folder / 'warehouse'}"


def _local_server() -> Iterator[Postgres]:
    require("postgres")
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


def _on_containers(request: pytest.FixtureRequest) -> bool:
    chosen = bool(request.config.option.markexpr == "containers")
    if chosen:
        require("containers")
    return chosen


@functools.cache
def _required() -> frozenset[str]:
    # Taken out: the variable has Sluice's prefix, and Sluice refuses one that it does not know.
    return frozenset(os.environ.pop(REQUIRED, "").split(","))
