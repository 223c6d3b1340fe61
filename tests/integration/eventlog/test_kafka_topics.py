"""The cluster's topics are made as they must be, and what is wrong with them is told at start."""

from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from eventlog import kafka_topics
from eventlog.kafka_address import BadAddress, KafkaAddress, KafkaSecurity, address_of
from eventlog.kafka_topics import TopicsError, TopicSettings, check_topics, ensure_topics
from eventlog.log import LogUnavailable
from eventlog.topics import DEAD, OUTCOMES, TOPICS
from schemas.kinds import SPANS, TRACES
from tests.integration.eventlog.kafka_logs import configure, own_address

SETTINGS = TopicSettings(partitions=3)


def test_missing_topics_are_named_with_the_command_that_makes_them(kafka: Any) -> None:
    address = own_address(kafka)

    with pytest.raises(TopicsError, match="sluice migrate") as raised:
        check_topics(address, SETTINGS)

    assert all(address.topic(topic.name) in str(raised.value) for topic in TOPICS)


def test_made_topics_are_found_right_with_their_partitions_and_names(kafka: Any) -> None:
    address = own_address(kafka)

    made = ensure_topics(address, SETTINGS)
    found = check_topics(address, SETTINGS)

    assert sorted(made) == sorted(address.topic(topic.name) for topic in TOPICS)
    counts = {name: state.partitions for name, state in found.items()}
    assert counts == {topic.name: 3 if topic.spread else 1 for topic in TOPICS}
    assert (counts[TRACES.name], counts[OUTCOMES.name], counts[DEAD.name]) == (3, 1, 1)
    assert len({state.log_id for state in found.values()}) == len(TOPICS)
    assert all(state.log_id.startswith("kafka:") for state in found.values())


def test_topics_that_exist_are_left_as_they_are(kafka: Any) -> None:
    address = own_address(kafka)
    ensure_topics(address, SETTINGS)
    before = check_topics(address, SETTINGS)

    assert ensure_topics(address, TopicSettings(partitions=5)) == []
    assert check_topics(address, SETTINGS) == before


def test_a_topic_that_was_made_anew_is_another_log(kafka: Any) -> None:
    address = own_address(kafka)
    ensure_topics(address, SETTINGS)
    before = check_topics(address, SETTINGS)
    name = address.topic(TRACES.name)
    admin = AdminClient(address.librdkafka())
    admin.delete_topics([name])[name].result(30)
    while name in admin.list_topics(timeout=30).topics:
        continue

    ensure_topics(address, SETTINGS)
    after = check_topics(address, SETTINGS)

    assert after[TRACES.name].log_id != before[TRACES.name].log_id
    assert after[SPANS.name] == before[SPANS.name]


def test_partitions_that_were_added_end_the_start(kafka: Any) -> None:
    """An id of the window would be met in another partition, and counted twice."""
    address = own_address(kafka)
    ensure_topics(address, SETTINGS)
    name = address.topic(SPANS.name)
    admin = AdminClient(address.librdkafka())
    admin.create_partitions([NewPartitions(name, 4)])[name].result(30)
    while len(admin.list_topics(name, timeout=30).topics[name].partitions) < 4:
        continue

    with pytest.raises(TopicsError, match=f"{name} has 4 partitions, not 3"):
        check_topics(address, SETTINGS)


@pytest.mark.parametrize(
    ("topic", "config", "value"),
    [
        (TRACES, "max.message.bytes", "1000000"),
        (SPANS, "cleanup.policy", "compact"),
        (DEAD, "cleanup.policy", "delete"),
        (OUTCOMES, "message.timestamp.type", "LogAppendTime"),
        (TRACES, "message.timestamp.after.max.ms", "3600000"),
    ],
)
def test_a_config_that_would_lose_or_refuse_records_ends_the_start(
    kafka: Any, topic: Any, config: str, value: str
) -> None:
    address = own_address(kafka)
    ensure_topics(address, SETTINGS)
    configure(address, topic.name, config, value)

    with pytest.raises(TopicsError) as raised:
        check_topics(address, SETTINGS)

    message = str(raised.value)
    assert f"topic {address.topic(topic.name)} has {config}={value}, not " in message
    assert f"--add-config {config}=" in message


def test_retention_is_as_set_and_then_the_operators(kafka: Any) -> None:
    address = own_address(kafka)
    ensure_topics(address, TopicSettings(partitions=1, retention_ms=3_600_000))

    assert configure(address, TRACES.name, "retention.ms", "7200000") == "3600000"
    check_topics(address, TopicSettings(partitions=1))


def test_a_cluster_that_is_away_is_no_error_of_the_topics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_topics, "ANSWER_S", 1.0)
    address = KafkaAddress(("127.0.0.1:9",))

    with pytest.raises(LogUnavailable):
        check_topics(address, SETTINGS)
    with pytest.raises(LogUnavailable):
        ensure_topics(address, SETTINGS)


def test_an_address_names_its_servers_with_a_default_port() -> None:
    address = address_of("kafka://a:1,b,[::1]:3", "x.", KafkaSecurity())

    assert address.servers == ("a:1", "b:9092", "[::1]:3")
    assert address.topic(TRACES.name) == "x.raw.traces"


@pytest.mark.parametrize(
    "url", ["a:1", "http://a:1", "kafka://", "kafka://a:b", "kafka://a:1,", "kafka://a:99999"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        address_of(url, "", KafkaSecurity())


def test_a_refused_address_does_not_show_a_password() -> None:
    with pytest.raises(BadAddress) as raised:
        address_of("kafka://me:hunter2@a:1", "", KafkaSecurity())

    assert "hunter2" not in str(raised.value)


def test_a_login_needs_a_name_and_a_password() -> None:
    with pytest.raises(BadAddress, match="SASL_SSL"):
        address_of("kafka://a:1", "", KafkaSecurity("SASL_SSL", username="me"))


def test_a_client_is_given_what_the_cluster_asks_for() -> None:
    security = KafkaSecurity("SASL_SSL", "SCRAM-SHA-512", "me", "hunter2", "/ca.pem")

    options = address_of("kafka://a:1", "", security).librdkafka()

    wanted = {
        "bootstrap.servers": "a:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hunter2",
        "ssl.ca.location": "/ca.pem",
    }
    assert wanted.items() <= options.items()
