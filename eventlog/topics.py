"""Every topic of the log: its name, what its records carry, how they are keyed and kept.

Partition counts are fixed when a log is created (`partitions` in its own `meta` table, or the
broker's), because an id must meet the same partition for as long as its resend is recognised.
"""

from msgspec import Struct


class Topic(Struct, frozen=True):
    """One named stream of records."""

    name: str
    number: int
    """Stands in the keys of every log for as long as the topic lives: never changed or reused."""
    kind: str
    """The word for one item in outcomes and metrics."""
    spread: bool
    """Whether the topic has as many partitions as the log's setting says, or only one."""
    meaning: str


TRACES = Topic(
    name="raw.traces",
    number=1,
    kind="trace",
    spread=True,
    meaning="Batches of LLM calls as their senders wrote them, keyed by (project, trace id).",
)
SPANS = Topic(
    name="raw.spans",
    number=2,
    kind="span",
    spread=True,
    meaning="Batches of agent events as their senders wrote them, keyed by (project, span id).",
)
OUTCOMES = Topic(
    name="outcomes",
    number=3,
    kind="outcome",
    spread=False,
    meaning="Counts of what the edge refused, so that refusals are as durable as events.",
)
DEAD = Topic(
    name="dead",
    number=4,
    kind="dead letter",
    spread=False,
    meaning="Items that no step could take, with their reason; kept until retention.",
)

TOPICS = (TRACES, SPANS, OUTCOMES, DEAD)
AGENT_TOPICS = (TRACES.name, SPANS.name, OUTCOMES.name)
"""Those that the stream reads."""
BY_NAME = {topic.name: topic for topic in TOPICS}
PARTITION_BITS = 12
"""At most 4,096 partitions a topic."""


def number_of(topic: str, partition: int) -> int:
    """Returns the number of a partition: it needs no table, so a damaged log cannot lose it."""
    return BY_NAME[topic].number << PARTITION_BITS | partition
