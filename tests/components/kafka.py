"""A real Kafka broker for the tests: KRaft, one node.

Its artifacts come from Maven Central and are cached by version.
"""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.components.processes import ServerProcess, free_ports, freeze

POM = Path(__file__).with_name("pom.xml")
HASHES = POM.with_name("kafka.sha256")
"""Of every artifact, as `sha256sum` writes it."""
OLDEST_JAVA = 17
# Below pytest's own limit of a test, which the first test that needs the broker pays from.
DOWNLOAD_S = 240.0
START_S = 60.0
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
LOG_FLAGS = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)
# As fast and as small as one node may be; the test's own settings come on top.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "min.insync.replicas": "1",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A paused worker must be able to outsleep its session within a test.
    "group.min.session.timeout.ms": "1000",
    # A broker that was killed is not let in again before its old session has ended.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "200",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # The default of 128 MB is a quarter of this heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.index.size.max.bytes": "1048576",
}


class Missing(Exception):
    """The broker cannot be had here: no Java, no Maven, or its artifacts are out of reach."""


class KafkaBroker:
    """One broker with a port and a data folder of its own, which both outlast stops and kills."""

    def __init__(self, settings: Mapping[str, str] = NO_SETTINGS) -> None:
        """Take further broker settings; the broker is started by `start`. Raises `Missing`."""
        self._classpath = f"{artifacts()}/*"
        self._process = ServerProcess("kafka")
        port, controller_port = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._properties = self._process.folder / "server.properties"
        self._formatted = False
        listeners = f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}"
        own = {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "log.dirs": str(self._process.folder / "data"),
        }
        lines = [f"{key}={value}\n" for key, value in (SETTINGS | own | dict(settings)).items()]
        self._properties.write_text("".join(lines))

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs, `None` else."""
        return self._process.pid

    def start(self) -> None:
        """Start the broker and return when it serves. Raises `ServerFailed` with its log's end."""
        if not self._formatted:
            # A random one may begin with a dash, which the tool would take for an option.
            identity = urlsafe_b64encode(b"slu" + uuid.uuid4().bytes[3:]).decode().rstrip("=")
            formatting = ("format", "-t", identity, "-c", str(self._properties))
            self._process.run(*self._java("kafka.tools.StorageTool"), *formatting)
            self._formatted = True
        self._process.start(*self._java("kafka.Kafka"), str(self._properties))
        self._wait_until_it_serves()

    def stop(self) -> None:
        """Shut down gracefully and wait until that is done; nothing when it is down."""
        self._process.stop(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker with SIGKILL; nothing when it is down."""
        self._process.kill()

    def restart(self) -> None:
        """Stop gracefully and start again, on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Stop the process with SIGSTOP: connections are accepted and never answered."""
        self._process.check()
        freeze(self._process.pid or 0)

    def resume(self) -> None:
        """Let a paused broker go on and return when it serves.

        After a pause of some seconds its own controller takes it for dead and must let it in again.
        """
        self._process.send(signal.SIGCONT)
        self._wait_until_it_serves()

    def close(self) -> None:
        """Kill the broker and remove its data. May be called twice."""
        self._process.close()

    def _java(self, main: str) -> tuple[str, ...]:
        flags = ("-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto", "-Djava.awt.headless=true")
        # Of the two compilers the quick one alone: what the other gains, no test lives to see.
        quick = "-XX:TieredStopAtLevel=1"
        return ("java", quick, *flags, *LOG_FLAGS, "-cp", self._classpath, main)

    def _wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + START_S
        client = admin(self.bootstrap)
        while not serves(client):
            self._process.check()
            if time.monotonic() > deadline:
                raise self._process.failure(f"did not serve within {START_S:.0f} s")
            threading.Event().wait(0.05)


def admin(bootstrap: str) -> AdminClient:
    """Return a client that comes back fast to a broker that was away, and says nothing of it."""
    quick = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 100, "log_level": 0}
    return AdminClient({"bootstrap.servers": bootstrap, **quick})


def serves(client: AdminClient) -> bool:
    """Say whether the broker would take a topic: it answers, and its controller has let it in."""
    probe = [NewTopic("probe", num_partitions=1, replication_factor=1)]
    answers = client.create_topics(probe, request_timeout=2, validate_only=True)
    try:
        answers["probe"].result(timeout=START_S)
    except KafkaException:
        return False
    return True


def why_not() -> str | None:
    """Say why no broker can be started here, `None` when it can; may download the artifacts."""
    try:
        artifacts()
    except Missing as missing:
        return str(missing)
    return None


@functools.cache
def _artifacts_or_reason() -> Path | str:
    try:
        return _prepared_artifacts()
    except Missing as missing:
        return str(missing)


def artifacts() -> Path:
    """Return the folder with the broker's jars, downloaded once a machine. Raises `Missing`."""
    found = _artifacts_or_reason()
    if isinstance(found, str):
        raise Missing(found)
    return found


def _prepared_artifacts() -> Path:
    _require_java()
    version = ElementTree.parse(POM).findtext(".//{*}kafka.version")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice-tests"
    folder = cache / f"kafka-{version}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("Kafka's artifacts are not cached and there is no mvn in PATH to fetch them")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _download(maven, folder)
    return folder


def _download(maven: str, folder: Path) -> None:
    """Fetch into a folder beside the wanted one: it takes the name only when it is whole."""
    partial = folder.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    # -U: a failure of yesterday is not taken for today's.
    command = [maven, "-B", "-q", "-U", "-f", str(POM), "dependency:copy-dependencies"]
    try:
        done = subprocess.run(
            [*command, f"-DoutputDirectory={partial}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOWNLOAD_S,
        )
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if "ERROR" in line]
            raise Missing(f"mvn could not fetch Kafka: {' '.join(lines[:1]) or done.stdout[-500:]}")
        check_hashes(partial)
        partial.rename(folder)
    except subprocess.TimeoutExpired:
        raise Missing(f"mvn could not fetch Kafka within {DOWNLOAD_S:.0f} s") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_hashes(folder: Path) -> None:
    """Compare with what `kafka.sha256` names: these files, and no other. Raises `Missing`."""
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    wanted = {name: digest for digest, name in map(str.split, HASHES.read_text().splitlines())}
    wrong = sorted(name for name, _ in found.items() ^ wanted.items())
    if wrong:
        raise Missing(f"mvn fetched other files than {HASHES.name} names: {', '.join(wrong)}")


def _require_java() -> None:
    java = shutil.which("java")
    if java is None:
        raise Missing("there is no java in PATH")
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    version = re.search(r'version "(\d+)', done.stderr + done.stdout)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise Missing(f"Kafka needs Java {OLDEST_JAVA} or newer, java is {version and version[1]}")
