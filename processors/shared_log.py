"""The log that all workers share, as purging and the metrics of one of them ask for it."""

from collections.abc import Mapping, Set

from controlplane.progress import PartitionProgress
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_offsets import OffsetReader
from eventlog.kafka_topics import TopicsState
from eventlog.log import LogError, PartitionState, TopicPartition
from eventlog.topics import AGENT_TOPICS
from processors.sink import Sink
from schemas import metrics
from schemas.projects import ProjectId


class SharedLog:
    """How far its partitions have come, whoever owns them."""

    def __init__(
        self,
        kafka: KafkaAddress,
        topics: TopicsState,
        progress: PartitionProgress,
        *,
        offsets: OffsetReader,
        dead_letters: KafkaDeadLetters,
    ) -> None:
        self.trouble = ""
        """Why Kafka did not answer when it was asked last, empty when it did."""
        self.log_ids: Mapping[str, str] = {name: topics[name].log_id for name in AGENT_TOPICS}
        """What rows of each topic name as their log."""
        self._kafka = kafka
        self._topics = topics
        self._progress = progress
        self._offsets = offsets
        self._dead_letters = dead_letters

    async def places(self) -> Mapping[TopicPartition, PartitionState]:
        """Returns how far each partition has come, whoever owns it. Raises `LogUnavailable`."""
        stored: dict[TopicPartition, int] = {}
        for name in AGENT_TOPICS:
            held = await self._progress.read(self._topics[name].log_id, name)
            for number in range(self._topics[name].partitions):
                one = held.get(number)
                stored[TopicPartition(name, number)] = one.stored_through if one else -1
        theirs = {one: one._replace(topic=self._kafka.topic(one.topic)) for one in stored}
        ends = await self._offsets.read_ends(list(theirs.values()))
        return {one: PartitionState(at, ends[theirs[one]].end) for one, at in stored.items()}

    async def purge_dead_letters(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects."""
        await self._dead_letters.purge(project_ids)

    async def measure_lag(self, sink: Sink) -> None:
        """Tells the metrics how far behind the partitions of this worker are."""
        for topic in AGENT_TOPICS:
            # First: it needs no other system, so its alarm works while Kafka is down.
            metrics.LAG_SECONDS.labels(topic).set(sink.lag_s(topic))
        try:
            places = await self.places()
        except LogError as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        records = dict.fromkeys(AGENT_TOPICS, 0)
        for one in sink.partitions & places.keys():
            records[one.topic] += places[one].next_offset - 1 - places[one].stored_through
        for topic, waiting in records.items():
            metrics.LAG_RECORDS.labels(topic).set(waiting)
