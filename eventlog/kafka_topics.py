"""The cluster's topics: made by `sluice migrate`, and checked by every process at its start."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection

# The package exports the second without saying so to type checkers.
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from eventlog.kafka_address import KafkaAddress
from eventlog.log import LogError, LogUnavailable
from eventlog.topics import DEAD, TOPICS, Topic

ANSWER_S = 15.0
POLL_S = 0.1
FRAME_BYTES = 1 << 20
"""What a record may have beside one item of the greatest size."""
FOR_EVER_MS = 2**63 - 1

log = structlog.get_logger(__name__)


class TopicsError(LogError):
    """Raised when the cluster's topics are not what this installation needs."""


FOREVER_MS = -1
"""Of Kafka: records are not deleted for their age."""


class TopicSettings(Struct, frozen=True):
    """What the topics of an installation are made with."""

    partitions: int
    """Of the topics that are spread; for good, because a resent id must meet the same one."""
    replication: int = 1
    retention_ms: int = 7 * 86_400_000
    retention_bytes: int = -1
    """Of each partition; -1 is no bound."""
    dead_retention_ms: int = FOREVER_MS
    """Of dead letters; a tombstone takes one away before."""
    max_item_bytes: int = 16 << 20


class TopicState(NamedTuple):
    """One topic as it was found."""

    partitions: int
    log_id: str
    """Of this topic of this cluster alone: one that is made anew has another."""


TopicsState = Mapping[str, TopicState]
"""By our name of the topic."""


class FoundTopic(NamedTuple):
    """One topic with all that its operator may change."""

    state: TopicState
    copies: int
    """Of the partition that has the fewest, as the next."""
    current: int
    """Copies that are up to date."""
    configs: Mapping[str, str]


class FoundTopics(NamedTuple):
    """What a cluster has of our topics, by our names."""

    topics: Mapping[str, FoundTopic]
    brokers: int


def max_message_bytes(max_item_bytes: int) -> int:
    """Returns how long a record may be: its items are bounded, but one item is never split."""
    return max_item_bytes + FRAME_BYTES


def ensure_topics(address: KafkaAddress, settings: TopicSettings) -> list[str]:
    """Makes the topics that are missing and returns their names in the cluster.

    Topics that exist are left as they are: `check_topics` tells what is wrong with them. May be
    called twice, and by several at one time. Raises `TopicsError` and `LogUnavailable`.
    """
    admin = _admin(address)
    existing = _asked(lambda: admin.list_topics(timeout=ANSWER_S)).topics
    missing = [topic for topic in TOPICS if address.topic(topic.name) not in existing]
    made = []
    for name, future in (_create(admin, address, missing, settings) if missing else {}).items():
        try:
            future.result(ANSWER_S)
            made.append(name)
            log.info("topic created", topic=name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise _failure(error, f"topic {name} cannot be created") from error
    _wait_until_known(admin, [address.topic(topic.name) for topic in TOPICS])
    return made


def read_topics(address: KafkaAddress) -> FoundTopics:
    """Describes the topics that exist. Raises `LogUnavailable`, and `TopicsError` if refused."""
    admin = _admin(address)
    names = {address.topic(topic.name): topic.name for topic in TOPICS}
    described = _describe(admin, list(names))
    cluster = _asked(lambda: admin.describe_cluster(request_timeout=ANSWER_S).result(ANSWER_S))
    configs = _describe_configs(admin, list(described))
    found = {}
    for name, topic in described.items():
        # As Kafka's own tools write it: safe in an address.
        topic_id = str(topic.topic_id).replace("+", "-").replace("/", "_")
        found[names[name]] = FoundTopic(
            TopicState(len(topic.partitions), f"kafka:{cluster.cluster_id}/{topic_id}"),
            copies=min(len(one.replicas) for one in topic.partitions),
            current=min(len(one.isr) for one in topic.partitions),
            configs=configs[name],
        )
    return FoundTopics(found, len(cluster.nodes))


def check_topics(address: KafkaAddress, settings: TopicSettings) -> TopicsState:
    """Looks whether every topic is as it has to be. Raises `TopicsError` and `LogUnavailable`."""
    return ensure_usable(read_topics(address).topics, address, settings)


def ensure_usable(
    found: Mapping[str, FoundTopic], address: KafkaAddress, settings: TopicSettings
) -> TopicsState:
    """Returns the topics if every one is as it has to be. Raises `TopicsError`.

    Replication and retention are the operator's to change; partitions are not.
    """
    wrong: list[str] = []
    for topic in TOPICS:
        name = address.topic(topic.name)
        if topic.name not in found:
            wrong.append(f"topic {name} does not exist; `sluice migrate` creates it")
            continue
        count = found[topic.name].state.partitions
        wanted = settings.partitions if topic.spread else 1
        if count != wanted:
            wrong.append(
                f"topic {name} has {count} partitions, not {wanted}: partitions are never added to"
                " a topic that is in use, because a resent id must meet the same one; set"
                f" SLUICE_LOG_PARTITIONS to what the topics were made with ({count} here)"
            )
    for topic in TOPICS:
        if topic.name in found:
            wrong += _wrong_configs(topic, found[topic.name].configs, address, settings)
    if wrong:
        raise TopicsError("; ".join(wrong))
    return {name: one.state for name, one in found.items()}


def _wait_until_known(admin: AdminClient, names: Sequence[str]) -> None:
    """Returns when the brokers have heard of the topics from the controller."""
    deadline = time.monotonic() + ANSWER_S
    while len(_describe(admin, names)) < len(names):
        if time.monotonic() > deadline:
            raise LogUnavailable(f"Kafka made {', '.join(names)}, but does not show them")
        time.sleep(POLL_S)


def _create(
    admin: AdminClient, address: KafkaAddress, topics: Iterable[Topic], settings: TopicSettings
) -> "dict[str, Future[None]]":
    new = [
        NewTopic(
            address.topic(topic.name),
            num_partitions=settings.partitions if topic.spread else 1,
            replication_factor=settings.replication,
            config={
                **_needed(topic, settings),
                "min.insync.replicas": str(max(1, settings.replication - 1)),
                **_retention(topic, settings),
            },
        )
        for topic in topics
    ]
    created: dict[str, Future[None]] = _asked(
        lambda: admin.create_topics(new, operation_timeout=ANSWER_S)
    )
    return created


def _retention(topic: Topic, settings: TopicSettings) -> dict[str, str]:
    if topic is DEAD:
        return {"retention.ms": str(settings.dead_retention_ms)}
    return {
        "retention.ms": str(settings.retention_ms),
        "retention.bytes": str(settings.retention_bytes),
    }


def _needed(topic: Topic, settings: TopicSettings) -> dict[str, str]:
    """Returns the configs without which records would be refused, lost or not found again."""
    return {
        "cleanup.policy": "compact,delete" if topic is DEAD else "delete",
        "max.message.bytes": str(max_message_bytes(settings.max_item_bytes)),
        # The spool looks its records up by the time that it gave them itself, and an edge whose
        # clock is wrong must not be refused for it.
        "message.timestamp.type": "CreateTime",
        "message.timestamp.before.max.ms": str(FOR_EVER_MS),
        "message.timestamp.after.max.ms": str(FOR_EVER_MS),
    }


def _wrong_configs(
    topic: Topic, configs: Mapping[str, str], address: KafkaAddress, settings: TopicSettings
) -> Iterator[str]:
    name = address.topic(topic.name)
    for key, wanted in _needed(topic, settings).items():
        value = configs.get(key, "nothing")
        if not _is_enough(key, value, wanted):
            yield (
                f"topic {name} has {key}={value}, not {wanted}; fix it with: kafka-configs.sh"
                f" --bootstrap-server {address.servers[0]} --alter --entity-type topics"
                f" --entity-name {name} --add-config {key}={wanted}"
            )


def _is_enough(key: str, value: str, wanted: str) -> bool:
    if key == "cleanup.policy":
        # Dead letters that are compacted and never deleted are the operator's choice.
        is_dead = "compact" in wanted
        return set(value.split(",")) == set(wanted.split(",")) or (is_dead and value == "compact")
    if key.endswith((".bytes", ".ms")):
        # A day of clock skew is enough; a bound of hours is the broker's own default.
        least = 86_400_000 if key.endswith(".ms") else int(wanted)
        return value.lstrip("-").isdigit() and int(value) >= least
    return value == wanted


def _describe(admin: AdminClient, names: Sequence[str]) -> dict[str, Any]:
    futures = _asked(
        lambda: admin.describe_topics(TopicCollection(list(names)), request_timeout=ANSWER_S)
    )
    described = {}
    for name, future in futures.items():
        try:
            described[name] = future.result(ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _failure(error, f"topic {name} cannot be looked at") from error
        except TimeoutError as error:
            raise LogUnavailable("Kafka does not answer") from error
    return described


def _describe_configs(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    if not resources:
        return {}
    answers = _asked(lambda: admin.describe_configs(resources, request_timeout=ANSWER_S))
    return {
        resource.name: {key: str(one.value) for key, one in _asked(answer.result).items()}
        for resource, answer in answers.items()
    }


def _admin(address: KafkaAddress) -> AdminClient:
    return AdminClient(address.librdkafka() | {"log_level": 0})


def _asked(question: Any) -> Any:
    """Asks the cluster. Raises `LogUnavailable` when it is away, `TopicsError` if it refuses."""
    try:
        return question()
    except KafkaException as error:
        raise _failure(error, "Kafka cannot be asked for its topics") from error
    except TimeoutError as error:
        raise LogUnavailable("Kafka does not answer") from error


def _failure(error: KafkaException, what: str) -> LogError:
    cause: KafkaError = error.args[0]
    # Librdkafka's own codes are below zero: the brokers were not reached.
    kind = LogUnavailable if cause.code() < 0 or cause.retriable() else TopicsError
    return kind(f"{what}: {cause.name()}: {cause.str()}")
