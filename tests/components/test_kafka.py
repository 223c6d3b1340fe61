"""The broker of the tests is a real one: it keeps what it took, and can be lost in every way."""

import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from tests.components import kafka
from tests.components.containers import ContainerBroker
from tests.components.fixtures import require
from tests.components.kafka import KafkaBroker, admin
from tests.components.processes import ServerFailed

pytestmark = pytest.mark.slow

WAIT_S = 30.0
QUIET = {"log_level": 0, "reconnect.backoff.max.ms": 200}


@pytest.fixture
def topic() -> str:
    return f"components-{uuid.uuid4().hex}"


def create(bootstrap: str, topic: str) -> None:
    client = admin(bootstrap)
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(WAIT_S)


def produce(bootstrap: str, topic: str, value: bytes, timeout_s: float = WAIT_S) -> str | None:
    """Send one record and return the name of its error, `None` when the broker has it."""
    errors: list[KafkaError | None] = []
    limit = {"message.timeout.ms": int(timeout_s * 1000), "acks": "all"}
    producer = Producer({"bootstrap.servers": bootstrap, **limit, **QUIET})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    producer.flush(2 * timeout_s)
    (error,) = errors
    return None if error is None else str(error.name())


def consume(bootstrap: str, topic: str, count: int) -> Iterator[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, **QUIET})
    consumer.assign([TopicPartition(topic, 0, 0)])
    for message in consumer.consume(count, WAIT_S):
        assert message.error() is None
        yield message.value()
    consumer.close()


def test_a_start_that_fails_says_why() -> None:
    require("kafka")
    broker = KafkaBroker({"num.io.threads": "0"})

    with pytest.raises(ServerFailed, match="num.io.threads"):
        broker.start()
    broker.close()


def test_a_topic_that_nobody_created_is_not_made(
    kafka: KafkaBroker | ContainerBroker, topic: str
) -> None:
    assert produce(kafka.bootstrap, topic, b"lost", timeout_s=3) is not None


def test_what_was_produced_is_consumed(kafka: KafkaBroker | ContainerBroker, topic: str) -> None:
    create(kafka.bootstrap, topic)

    errors = [produce(kafka.bootstrap, topic, value) for value in (b"one", b"two")]

    assert errors == [None, None]
    assert list(consume(kafka.bootstrap, topic, 2)) == [b"one", b"two"]


@pytest.mark.parametrize("end", [KafkaBroker.kill, KafkaBroker.stop])
def test_a_broker_that_went_down_comes_back_on_its_port_with_its_records(
    own_kafka: KafkaBroker, topic: str, end: Callable[[KafkaBroker], None]
) -> None:
    create(own_kafka.bootstrap, topic)
    produce(own_kafka.bootstrap, topic, b"before")
    end(own_kafka)
    while_down = produce(own_kafka.bootstrap, topic, b"nobody hears this", timeout_s=1)

    own_kafka.start()
    produce(own_kafka.bootstrap, topic, b"after")

    assert while_down == "_MSG_TIMED_OUT"
    assert list(consume(own_kafka.bootstrap, topic, 2)) == [b"before", b"after"]


def test_a_paused_broker_accepts_connections_and_never_answers(
    own_kafka: KafkaBroker, topic: str
) -> None:
    client = admin(own_kafka.bootstrap)
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(WAIT_S)
    host, port = own_kafka.bootstrap.split(":")

    own_kafka.pause()
    with socket.create_connection((host, int(port)), timeout=WAIT_S):
        error = produce(own_kafka.bootstrap, topic, b"unanswered", timeout_s=4)
    own_kafka.resume()

    assert error == "_MSG_TIMED_OUT"
    # Its controller takes it for dead at first; a test that resumed it may go on at once.
    second = f"{topic}-second"
    client.create_topics([NewTopic(second, 1, 1)])[second].result(WAIT_S)
    assert produce(own_kafka.bootstrap, topic, b"answered") is None


def test_an_artifact_that_is_not_the_one_we_know_is_not_run(tmp_path: Path) -> None:
    for line in kafka.HASHES.read_text().splitlines():
        (tmp_path / line.split()[1]).write_text("something else")

    with pytest.raises(kafka.Missing, match=r"other files than kafka.sha256 names: .*kafka_2"):
        kafka.check_hashes(tmp_path)
