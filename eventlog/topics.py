"""Every topic of the log: those of the systems, and the two that all systems share.

Partition counts are fixed when a log is created (`partitions` in its own `meta` table, or the
broker's), because an id must meet the same partition for as long as its resend is recognised.
"""

from msgspec import Struct

from schemas.kinds import SYSTEMS


class Topic(Struct, frozen=True):
    """One named stream of records."""

    name: str
    number: int
    """Stands in the keys of every log for as long as the topic lives: never changed or reused."""
    spread: bool
    """Whether the topic has as many partitions as the log's setting says, or only one."""
    meaning: str


OUTCOMES = Topic(
    name="outcomes",
    number=3,
    spread=False,
    meaning="Counts of what the edge rejected, so that they are as durable as events.",
)
DEAD = Topic(
    name="dead",
    number=4,
    spread=False,
    meaning="Items that no step could take, with their reason; kept until retention.",
)

TOPICS = (
    *(
        Topic(topic.name, topic.number, spread=True, meaning=topic.meaning)
        for system in SYSTEMS
        for topic in system.topics
    ),
    OUTCOMES,
    DEAD,
)
AGENT_TOPICS = tuple(topic.name for topic in TOPICS if topic is not DEAD)
"""Those that the stream reads."""
BY_NAME = {topic.name: topic for topic in TOPICS}
PARTITION_BITS = 12
"""At most 4,096 partitions a topic."""


def number_of(topic: str, partition: int) -> int:
    """Returns the number of a partition: it needs no table, so a damaged log cannot lose it."""
    return BY_NAME[topic].number << PARTITION_BITS | partition
