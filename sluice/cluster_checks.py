"""Checks of what the processes of a distributed installation share: its engines, Kafka's topics
and how far they are stored."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures

from clickhouse.client import path_of
from controlplane.database import Database
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_topics import (
    FOREVER_MS,
    FoundTopic,
    FoundTopics,
    TopicsError,
    TopicSettings,
    TopicsState,
    ensure_usable,
    read_topics,
)
from eventlog.log import LogUnavailable
from eventlog.topics import DEAD, TOPICS, Topic
from processors.standing import standing_of
from schemas.settings import Settings, SettingsError
from sluice.checks import (
    Finding,
    check_control_plane,
    check_store_server,
    error,
    first_line,
    ok,
    shown,
    warning,
)
from sluice.cluster import kafka_of, server_paths, topic_settings_of
from sluice.log_checks import OLD_S, check_dead_letters
from sluice.paths import Paths, control_plane_file

HOUR_MS = 3_600_000
LIMIT_S = 25.0
"""For one part of an engine, where a question or two take no answer."""
KAFKA_LIMIT_S = 3 * LIMIT_S
"""Its parts are asked when the topics are known."""
STORE_LIMIT_S = 20.0
"""Its client would wait for five minutes."""
KAFKA_FIX = "is SLUICE_KAFKA_URL right, are the brokers up, and do SLUICE_KAFKA_SECURITY_… fit?"

Check = Callable[[], list[Finding]]


def begin(name: str, check: Check, fix: str, *, limit_s: float = LIMIT_S) -> Check:
    """Starts a check of what may be away; the returned function waits for what it found.

    It comes back within the limit and never raises: an engine that hangs, or fails as nobody
    foresaw, is a finding and hides no other.
    """
    found: futures.Future[list[Finding]] = futures.Future()
    deadline = time.monotonic() + limit_s

    def run() -> None:
        try:
            found.set_result(check())
        except BaseException as failure:
            found.set_exception(failure)

    def wait() -> list[Finding]:
        futures.wait([found], max(0.0, deadline - time.monotonic()))
        if not found.done():
            return [error(name, f"no answer within {limit_s:g} s", fix)]
        failure = found.exception()
        return [error(name, first_line(failure), fix)] if failure else found.result()

    # A daemon: what hangs must not hold up the end of the command.
    threading.Thread(target=run, name=f"check-{name}", daemon=True).start()
    return wait


def check_cluster(settings: Settings, paths: Paths) -> list[Finding]:
    """Asks every engine at the same time, so that none holds up another."""
    waits = [
        begin("Kafka", lambda: check_kafka(settings, paths), KAFKA_FIX, limit_s=KAFKA_LIMIT_S),
        begin(
            "control plane",
            lambda: [asyncio.run(check_control_plane(settings, paths))],
            "is SLUICE_DATABASE_URL right, and that server up?",
        ),
    ]
    if path_of(paths.warehouse_url) is None:
        waits.append(begin_store_server(paths.warehouse_url))
    return [*check_shared(settings, paths), *(one for wait in waits for one in wait())]


def begin_store_server(url: str) -> Check:
    """Starts the check of a ClickHouse server, which may take a question and not answer it."""
    fix = f"is SLUICE_WAREHOUSE_URL right ({shown(url)}), and that server up?"
    return begin("store", lambda: check_store_server(url), fix, limit_s=STORE_LIMIT_S)


def check_shared(settings: Settings, paths: Paths) -> list[Finding]:
    """Looks whether every store is one that several processes can reach."""
    found = []
    try:
        server_paths(paths)
    except SettingsError as failure:
        fix = "SLUICE_WAREHOUSE_URL=http://USER:PASSWORD@HOST:8123/DATABASE"
        found.append(error("store", str(failure), fix))
    file = control_plane_file(paths)
    if file is not None and not settings.database_url:
        text = f"it is {file}, of this data directory alone, for SLUICE_DATABASE_URL is not given"
        fix = "SLUICE_DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE"
        found.append(warning("control plane", text, fix))
    return found


def check_kafka(settings: Settings, paths: Paths) -> list[Finding]:
    """Looks at the topics as a process does at its start, and then at what is in them."""
    address, wanted = kafka_of(settings), topic_settings_of(settings)
    servers = ", ".join(address.servers)
    wrong: list[Finding] = []
    topics: TopicsState = {}
    found = FoundTopics({}, 0)
    try:
        found = read_topics(address)
        topics = ensure_usable(found.topics, address, wanted)
    except LogUnavailable as failure:
        return [error("Kafka", f"{servers} does not answer: {failure}", KAFKA_FIX)]
    except TopicsError as failure:
        fix = "as it says; sluice migrate makes what does not exist, and changes nothing else"
        wrong = [error("topics", f"at {servers}: {failure}", fix)]
    waits = []
    if DEAD.name in found.topics:
        waits.append(begin("dead letters", lambda: _check_dead(address), KAFKA_FIX))
    if topics and _is_there(paths):
        fix = "fix the control plane and Kafka first"
        stream = begin("stream", lambda: asyncio.run(_check_stream(paths, address, topics)), fix)
        waits.append(stream)
    keeping = _check_keeping(found, address, wanted)
    answers = ok("Kafka", f"{servers} answers")
    return [answers, *wrong, *keeping, *(one for wait in waits for one in wait())]


def _is_there(paths: Paths) -> bool:
    # To look into a file of SQLite that is not there would make it.
    file = control_plane_file(paths)
    return file is None or file.exists()


def _check_dead(address: KafkaAddress) -> list[Finding]:
    with KafkaDeadLetters(address) as box:
        return [check_dead_letters(box.summaries())]


def _check_keeping(
    cluster: FoundTopics, address: KafkaAddress, wanted: TopicSettings
) -> list[Finding]:
    """Looks at what is the operator's to change: copies, and how long records are kept."""
    least = max(wanted.replication, min(2, cluster.brokers))
    found: list[Finding] = []
    names = []
    for topic in TOPICS:
        # What does not exist is told already.
        if one := cluster.topics.get(topic.name):
            names.append(address.topic(topic.name))
            found += _wrong_copies(names[-1], one, least)
            found += _short_retention(names[-1], topic, one.configs, wanted)
    if found or not names:
        return found
    return [ok("topics", f"{', '.join(names)} have the copies and times that are set")]


def _wrong_copies(name: str, topic: FoundTopic, least: int) -> Iterator[Finding]:
    copies, current = topic.copies, topic.current
    needed = int(topic.configs["min.insync.replicas"])
    if current < needed:
        text = f"{name} takes nothing: {current} copies are current, min.insync.replicas={needed}"
        yield error("topics", text, "start the brokers that are down")
    elif current < copies:
        text = f"a partition of {name} has {current} current copies of {copies}"
        yield warning("topics", text, "start the broker that is down, or wait until it caught up")
    if copies < least:
        text = f"a partition of {name} has {copies} copies, not {least} on different brokers"
        yield warning("topics", text, "give it more with kafka-reassign-partitions.sh")
    if needed < copies - 1:
        text = f"{name} has min.insync.replicas={needed}, of {copies} copies"
        yield warning("topics", text, _alter(name, "min.insync.replicas", copies - 1))


def _short_retention(
    name: str, topic: Topic, config: Mapping[str, str], wanted: TopicSettings
) -> Iterator[Finding]:
    kept_ms, kept_bytes = int(config["retention.ms"]), int(config["retention.bytes"])
    setting, wanted_ms = "SLUICE_KAFKA_RETENTION_HOURS", wanted.retention_ms
    if topic is DEAD:
        setting, wanted_ms = "SLUICE_RETENTION_DAYS", wanted.dead_retention_ms
    if "delete" not in config["cleanup.policy"]:
        return
    if kept_ms >= 0 and (wanted_ms == FOREVER_MS or kept_ms < wanted_ms):
        says = "for ever" if wanted_ms == FOREVER_MS else f"{wanted_ms / HOUR_MS:g} h"
        text = f"{name} keeps records for {kept_ms / HOUR_MS:g} h, {setting} says {says}"
        fix = f"{_alter(name, 'retention.ms', wanted_ms)}; or set {setting} to less"
        yield warning("topics", text, fix)
    if kept_bytes >= 0:
        text = f"{name} has retention.bytes={kept_bytes}: records may go before they are stored"
        yield warning("topics", text, _alter(name, "retention.bytes", -1))


def _alter(name: str, config: str, value: int) -> str:
    return (
        "kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics"
        f" --entity-name {name} --add-config {config}={value}"
    )


async def _check_stream(paths: Paths, address: KafkaAddress, topics: TopicsState) -> list[Finding]:
    """Compares what the checkpoints call stored with what Kafka holds."""
    database = Database(paths.database_url)
    try:
        found = await standing_of(database, address, topics, old_s=OLD_S)
    finally:
        await database.close()
    if found.gone:
        return [error("stream", text, "as that page says") for text in found.gone]
    text = f"{found.waiting} records wait to be stored, of {found.partitions} partitions"
    if found.never_taken:
        text = f"no worker has ever taken {found.never_taken} of them; {text}"
        return [warning("stream", text, "start a worker: sluice worker")]
    if found.old:
        fix = "is a worker up, and does the store take rows? The workers' log lines tell"
        return [warning("stream", f"{text}, {found.old} of them for more than {OLD_S} s", fix)]
    return [ok("stream", text)]
