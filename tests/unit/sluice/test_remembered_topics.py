from pathlib import Path

import msgspec

from eventlog.kafka_topics import TopicState
from eventlog.topics import TOPICS
from sluice.cluster import _recall, _remember

STATE = TopicState(partitions=4, log_id="kafka:cluster/topic")


def test_topics_are_remembered_for_a_start_without_kafka(tmp_path: Path) -> None:
    topics = {topic.name: STATE for topic in TOPICS}

    _remember(tmp_path / "data" / "topics.json", topics)

    assert _recall(tmp_path / "data" / "topics.json") == topics


def test_what_an_older_version_remembered_lacks_a_topic_of_this_one(tmp_path: Path) -> None:
    older = {topic.name: STATE for topic in TOPICS[1:]}
    (tmp_path / "topics.json").write_bytes(msgspec.json.encode(older))

    assert _recall(tmp_path / "topics.json") is None
