"""`sluice doctor` on a distributed installation: real Kafka and PostgreSQL, `sluice warehouse`."""

import asyncio
import os
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from confluent_kafka import Producer

from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog import kafka_topics
from eventlog.kafka_address import KafkaAddress, KafkaSecurity, address_of
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_topics import TopicSettings, check_topics, ensure_topics
from eventlog.topics import AGENT_TOPICS, DEAD, OUTCOMES, TOPICS
from schemas.checkpoints import Intent
from schemas.kinds import TRACES
from schemas.settings import Settings
from schemas.settings_reading import load
from sluice import cluster_checks
from sluice.checks import Finding, check_store_server
from sluice.findings import findings
from tests.components import forks
from tests.e2e.cluster import PARTITIONS, SECRET, STORE_READER, STORE_USER, Cluster
from tests.e2e.server import Server
from tests.integration.eventlog.kafka_logs import configure
from tests.integration.eventlog.logs import dead_letter
from tests.unit.sluice.places import free_port, listening

DOCTOR_S = 120
TABLES = "SELECT name FROM system.tables WHERE database = 'default'"

STREAMED = sum(PARTITIONS if topic.spread else 1 for topic in TOPICS if topic is not DEAD)
"""Partitions that workers take."""


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, kafka: Any, postgres: Any
) -> Iterator[Cluster]:
    """An installation that runs and that no test changes."""
    with Cluster(tmp_path_factory.mktemp("cluster"), kafka, postgres, workers=1) as running:
        yield running


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path) -> Settings:
    """Those of a further process, which does not run."""
    return settings_of(cluster.edge, PORT=str(free_port()), DATA_DIR=str(tmp_path / "data"))


def settings_of(server: Server, **others: str) -> Settings:
    named = {"DATA_DIR": str(server.data_dir), "PORT": str(server.port), **server.settings}
    return load({f"SLUICE_{name}": value for name, value in {**named, **others}.items()})


def changed(settings: Settings, **fields: Any) -> Settings:
    return msgspec.structs.replace(settings, **fields)


def examined(settings: Settings) -> list[Finding]:
    """What is found, of which nothing holds a password."""
    found = findings(settings)
    said = "".join(finding.text + finding.fix for finding in found)
    for user in (STORE_USER, STORE_READER):
        assert urllib.parse.quote(user.split(":")[1]) not in said
    return found


def named(found: list[Finding], name: str) -> list[Finding]:
    return [finding for finding in found if finding.name == name]


def wrong(found: list[Finding]) -> dict[str, Finding]:
    """The errors by name, one of each."""
    errors = [finding for finding in found if finding.level == "error"]
    assert len(errors) == len({finding.name for finding in errors}), errors
    return {finding.name: finding for finding in errors}


def run_doctor(server: Server, **others: str) -> "subprocess.CompletedProcess[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    mine = {"DATA_DIR": str(server.data_dir), "PORT": str(server.port), **server.settings, **others}
    ours = {f"SLUICE_{name}": value for name, value in mine.items()}
    environ = {**inherited, **ours, "COLUMNS": "200"}
    return forks.run(["doctor"], env=environ, timeout_s=DOCTOR_S)


class TestWell:
    def test_beside_an_edge_everything_is_well_and_said(self, cluster: Cluster) -> None:
        ran = run_doctor(cluster.edge)

        assert ran.returncode == 0, ran.stdout + ran.stderr
        for line in (
            f"Kafka: {cluster.broker.bootstrap} answers",
            f"records wait to be stored, of {STREAMED} partitions",
            "dead letters: none wait",
            "ClickHouse 26.",
            "store's clock: the store's is 0 s from this machine's",
            "control plane: projects: 1, API keys: 1",
            f"nothing waits for Kafka in {cluster.edge.data_dir / 'spool.db'}",
            f"process {cluster.edge.pid} holds the data directory",
            "server's log: works",
        ):
            assert line in ran.stdout
        assert "FAIL" not in ran.stdout

    def test_a_worker_is_asked_where_it_listens(self, cluster: Cluster) -> None:
        # It has none itself.
        ran = run_doctor(cluster.workers[0], SECRET=SECRET)

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "server's stream: works" in ran.stdout

    def test_where_no_process_runs_it_makes_nothing(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        found = examined(settings)

        assert not wrong(found)
        assert list(tmp_path.iterdir()) == []


class TestAway:
    def test_a_broker_that_is_away_hides_nothing_else(
        self,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(kafka_topics, "ANSWER_S", 1.0)
        port = free_port()

        found = examined(changed(settings, kafka_url=f"kafka://127.0.0.1:{port}"))

        errors = wrong(found)
        assert list(errors) == ["Kafka"]
        assert f"127.0.0.1:{port} does not answer" in errors["Kafka"].text
        assert "SLUICE_KAFKA_URL" in errors["Kafka"].fix
        assert {"store", "control plane"} <= {one.name for one in found if one.level == "ok"}

    def test_a_control_plane_that_is_away_hides_nothing_else(self, settings: Settings) -> None:
        url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/sluice"

        found = examined(changed(settings, database_url=url))

        errors = wrong(found)
        assert set(errors) == {"control plane", "stream"}
        assert "does not answer" in errors["control plane"].text
        assert "hunter2" not in str(found)
        assert "SLUICE_DATABASE_URL" in errors["control plane"].fix
        assert {"Kafka", "store"} <= {one.name for one in found if one.level == "ok"}

    def test_a_store_that_accepts_and_never_answers_is_waited_for_with_a_bound(
        self,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(cluster_checks, "STORE_LIMIT_S", 1.0)
        port = free_port()
        started = time.monotonic()

        with listening(port):
            found = examined(changed(settings, warehouse_url=f"http://127.0.0.1:{port}"))
            took_s = time.monotonic() - started

        errors = wrong(found)
        assert list(errors) == ["store"]
        assert "no answer within 1 s" in errors["store"].text
        assert f"SLUICE_WAREHOUSE_URL right (http://127.0.0.1:{port})" in errors["store"].fix
        assert took_s < 30

    def test_what_is_away_ends_the_command_with_1(self, cluster: Cluster) -> None:
        port = free_port()

        ran = run_doctor(cluster.edge, WAREHOUSE_URL=f"http://127.0.0.1:{port}")

        assert ran.returncode == 1
        assert f"http://127.0.0.1:{port} does not answer" in ran.stdout
        assert "fix: is SLUICE_WAREHOUSE_URL right" in ran.stdout


class TestNotMigrated:
    def test_missing_topics_are_named_and_none_is_made(self, settings: Settings) -> None:
        found = examined(changed(settings, kafka_topic_prefix="nobodys."))

        errors = wrong(found)
        assert list(errors) == ["topics"]
        assert "topic nobodys.raw.traces does not exist" in errors["topics"].text
        assert "sluice migrate" in errors["topics"].fix
        assert wrong(examined(changed(settings, kafka_topic_prefix="nobodys."))) == errors

    def test_too_few_partitions_are_an_error_that_names_both_numbers(
        self, settings: Settings
    ) -> None:
        found = examined(changed(settings, log_partitions=PARTITIONS + 2))

        text = wrong(found)["topics"].text
        assert f"has {PARTITIONS} partitions, not {PARTITIONS + 2}" in text
        assert "SLUICE_LOG_PARTITIONS" in text

    def test_a_store_without_tables_is_an_error_and_gets_none(
        self, settings: Settings, bare: Server
    ) -> None:
        name, password, _ = STORE_USER.split(":")
        url = f"http://{name}:{urllib.parse.quote(password)}@127.0.0.1:{bare.port}"

        errors = wrong(examined(changed(settings, warehouse_url=url)))

        assert list(errors) == ["store"]
        assert "no tables yet" in errors["store"].text
        assert "sluice migrate" in errors["store"].fix
        assert ask(bare, TABLES) == ""

    def test_a_control_plane_without_tables_is_an_error_and_gets_none(
        self, settings: Settings, postgres: Any
    ) -> None:
        empty = changed(settings, database_url=postgres.new_database())

        errors = wrong(examined(empty))

        assert set(errors) == {"control plane", "stream"}
        assert "sluice migrate" in errors["control plane"].fix
        assert wrong(examined(empty))["control plane"] == errors["control plane"]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Server]:
    """A store whose tables were dropped."""
    settings = {"WAREHOUSE_USERS": STORE_USER}
    server = Server(tmp_path / "bare", settings=settings, role="warehouse", ready="/ping")
    server.settings["WAREHOUSE_PORT"] = str(server.port)
    with server:
        # Those that feed others first.
        for table in sorted(ask(server, TABLES).split(), key=lambda name: "_feed" not in name):
            ask(server, f"DROP TABLE {table} SYNC")
        yield server


def ask(store: Server, sql: str) -> str:
    name, password, _ = STORE_USER.split(":")
    answer = httpx.post(
        store.url, content=sql, auth=(name, password), trust_env=False, verify=False
    )
    assert answer.status_code == 200, answer.text
    return answer.text.strip()


class TestSecret:
    def test_another_one_is_an_error_with_the_way_back(self, settings: Settings) -> None:
        errors = wrong(examined(changed(settings, secret=SECRET[::-1])))

        assert list(errors) == ["control plane"]
        assert "is not the one that sealed it" in errors["control plane"].text
        assert "SLUICE_SECRET" in errors["control plane"].fix
        assert SECRET not in str(errors)

    def test_none_is_an_error(self, settings: Settings) -> None:
        errors = wrong(examined(changed(settings, secret="")))

        assert set(errors) == {"secret", "control plane"}
        assert "SLUICE_SECRET is not given" in errors["secret"].text


@pytest.fixture
def fresh(settings: Settings, postgres: Any, tmp_path: Path) -> Settings:
    """Topics and checkpoints that no worker has touched."""
    prefix = f"{tmp_path.name}{time.monotonic_ns()}."
    made = changed(settings, kafka_topic_prefix=prefix, database_url=postgres.new_database())
    ensure_topics(address(made), TopicSettings(partitions=PARTITIONS))

    async def migrate() -> None:
        database = Database(made.database_url)
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
    return made


def address(settings: Settings) -> KafkaAddress:
    return address_of(settings.kafka_url, settings.kafka_topic_prefix, KafkaSecurity())


def take_all(settings: Settings, stored_through: int = -1, pending: Intent | None = None) -> None:
    """Owns every partition, as workers do, and calls one of them stored that far."""

    async def take() -> None:
        topics = check_topics(address(settings), TopicSettings(partitions=PARTITIONS))
        database = Database(settings.database_url)
        checkpoints = PartitionProgress(database)
        for name in AGENT_TOPICS:
            for number in range(topics[name].partitions):
                claim = await checkpoints.claim(topics[name].log_id, name, number, "test")
                if name == TRACES.name and number == 0:
                    place = (topics[name].log_id, name, number, claim.epoch)
                    await checkpoints.complete(*place, stored_through)
                    if pending is not None:
                        await checkpoints.declare(*place, pending)
        await database.close()

    asyncio.run(take())


def produce(settings: Settings, topic: str, timestamp_ms: int) -> None:
    producer = Producer(address(settings).librdkafka())
    name = address(settings).topic(topic)
    producer.produce(name, b"x", partition=0, timestamp=timestamp_ms)
    assert producer.flush(30) == 0


class TestInTheTopics:
    def test_partitions_that_no_worker_took_are_a_warning(self, fresh: Settings) -> None:
        (stream,) = named(findings(fresh), "stream")

        assert stream.level == "warning"
        assert f"no worker has ever taken {STREAMED} of them" in stream.text
        assert "sluice worker" in stream.fix

    def test_records_that_wait_are_counted_and_old_ones_are_a_warning(
        self, fresh: Settings
    ) -> None:
        take_all(fresh)
        now_ms = int(time.time() * 1000)
        produce(fresh, OUTCOMES.name, now_ms)
        (new,) = named(findings(fresh), "stream")

        produce(fresh, TRACES.name, now_ms - 300_000)
        (old,) = named(findings(fresh), "stream")

        assert (new.level, new.text) == (
            "ok",
            f"1 records wait to be stored, of {STREAMED} partitions",
        )
        assert old.level == "warning"
        assert "2 records wait" in old.text
        assert "1 of them for more than 60 s" in old.text

    def test_progress_that_is_gone_is_an_error_that_names_the_page(self, fresh: Settings) -> None:
        take_all(fresh, stored_through=99)

        errors = wrong(findings(fresh))

        assert list(errors) == ["stream"]
        assert "raw.traces/0 ends at 0, and 100 is next to store" in errors["stream"].text
        assert "docs/operations.md, 'Offsets that are gone'" in errors["stream"].text

    def test_a_block_that_ends_behind_the_log_is_an_error(self, fresh: Settings) -> None:
        take_all(fresh, pending=Intent(0, 9, by_parts=False, epoch="e"))

        errors = wrong(findings(fresh))

        assert list(errors) == ["stream"]
        assert "the block of 0 to 9 may be half-written" in errors["stream"].text

    def test_dead_letters_that_wait_are_a_warning(self, fresh: Settings) -> None:
        with KafkaDeadLetters(address(fresh)) as box:
            asyncio.run(box.append([dead_letter("one"), dead_letter("two")]))

        (dead_letters,) = named(findings(fresh), "dead letters")

        assert (dead_letters.level, dead_letters.text) == ("warning", "2 wait")

    @pytest.mark.parametrize(
        ("config", "value", "names"),
        [
            ("retention.ms", "3600000", "SLUICE_KAFKA_RETENTION_HOURS says 168 h"),
            ("retention.bytes", "1000000", "may go before they are stored"),
            ("min.insync.replicas", "2", "takes nothing"),
        ],
    )
    def test_settings_of_a_topic_that_lose_or_refuse_records_are_told(
        self, fresh: Settings, config: str, value: str, names: str
    ) -> None:
        configure(address(fresh), TRACES.name, config, value)

        (found,) = named(findings(fresh), "topics")

        assert found.level == ("error" if config == "min.insync.replicas" else "warning")
        assert names in found.text
        assert address(fresh).topic(TRACES.name) in found.text
        assert found.fix

    def test_fewer_copies_than_set_are_a_warning_for_each_topic(self, fresh: Settings) -> None:
        found = named(findings(changed(fresh, kafka_replication=3)), "topics")

        assert [one.level for one in found] == ["warning"] * len(TOPICS)
        assert all("has 1 copies, not 3" in one.text for one in found)


def test_a_clock_that_differs_from_the_store_s_is_a_warning(settings: Settings) -> None:
    found = check_store_server(settings.warehouse_url, clock=lambda: time.time() + 30)

    assert [one.level for one in found] == ["ok", "warning"]
    assert "NTP" in found[1].fix
