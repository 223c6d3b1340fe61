"""The log that all workers share, as purging and the metrics of one of them ask for it."""

from collections.abc import Callable, Mapping, Set

from controlplane.progress import PartitionProgress
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_offsets import OffsetReader
from eventlog.kafka_topics import TopicsState
from eventlog.log import LogError, PartitionState, TopicPartition
from eventlog.records import DeadLetter
from eventlog.topics import AGENT_TOPICS
from processors.sink import Sink, tell_waiting
from processors.standing import progress_of, read_owners
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
        owners = await read_owners(self._progress, self._topics)
        theirs = {one: one._replace(topic=self._kafka.topic(one.topic)) for one in owners}
        ends = await self._offsets.read_ends(theirs.values())
        return {
            one: PartitionState(progress_of(owner), ends[theirs[one]].end)
            for one, owner in owners.items()
        }

    async def purge_dead_letters(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects."""
        await self._dead_letters.purge(project_ids)

    async def drop_dead_letters(self, named: Callable[[DeadLetter], bool]) -> None:
        """Drops the dead letters of which this is true."""
        await self._dead_letters.drop(named)

    async def measure_lag(self, sink: Sink) -> None:
        """Tells the metrics what waits in the partitions of this worker."""
        try:
            places = await self.places()
        except LogError as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        tell_waiting({one: places[one] for one in sink.partitions & places.keys()})
