"""What `sluice api` can say of a pipeline that others run, and how it reaches dead letters."""

from pathlib import Path
from typing import Any

import pytest

from api.dead_letters import ProjectDeadLetters
from api.pages.pipeline.standing import Standing
from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog.kafka_dead import KafkaDeadLetters
from eventlog.kafka_put import Put, RecordWriter
from eventlog.records import encode_chunks
from schemas.settings import Settings
from sluice.pipeline_state import add_shared_pipeline
from sluice.process import Process
from tests.integration.eventlog.kafka_logs import check_topics, made, own_address
from tests.integration.eventlog.logs import HEAD, PROJECT, chunk, dead_letter

pytestmark = pytest.mark.slow


def process_of(broker: Any, prefix: str, database: Database, folder: Path) -> Process:
    url = f"kafka://{broker.bootstrap}" if broker else "kafka://127.0.0.1:9"
    settings = Settings(
        data_dir=str(folder), kafka_url=url, kafka_topic_prefix=prefix, log_partitions=1
    )
    process = Process(settings)
    add_shared_pipeline(process, database)
    return process


async def test_it_counts_what_waits_and_says_when_nobody_stores_it(
    kafka: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluice.pipeline_state.LATE_S", -60.0)
    monkeypatch.setattr("sluice.pipeline_state.READINESS_S", 0.0)
    address = own_address(kafka)
    made(address)
    process = process_of(kafka, address.topic_prefix, database, tmp_path)
    ask = process.state["standing"]
    nothing: Standing = await ask()
    RecordWriter(address).put([Put(HEAD, None, encode_chunks([chunk(b"one")]), "r1")])

    waiting: Standing = await ask()
    await claim_all(address, database)
    claimed: Standing = await ask()

    assert (nothing.lag_s, nothing.waiting, nothing.stopped) == (0.0, 0, "")
    assert (waiting.lag_s, waiting.waiting) == (None, 1)
    assert waiting.stopped == "no worker has taken some partitions"
    assert waiting.unknown["spool_bytes"].startswith("Each edge")
    assert (claimed.waiting, claimed.late, claimed.stopped) == (1, 1, "")
    await process.stop(0.0)


async def claim_all(address: Any, database: Database) -> None:
    from sluice.cluster import topic_settings_of

    progress = PartitionProgress(database)
    topics = check_topics(address, topic_settings_of(Settings(log_partitions=1)))
    for name, state in topics.items():
        for number in range(state.partitions):
            await progress.claim(state.log_id, name, number, "a worker")


async def test_a_project_reaches_its_own_dead_letters_in_kafka(
    kafka: Any, database: Database, tmp_path: Path
) -> None:
    address = own_address(kafka)
    made(address)
    with KafkaDeadLetters(address) as worker:
        await worker.append([dead_letter("a"), dead_letter("b")])
    process = process_of(kafka, address.topic_prefix, database, tmp_path)
    reached: ProjectDeadLetters = process.state["dead_letters"]

    await reached.replay(PROJECT, "a", b'{"trace_id":"t"}')
    await reached.discard(PROJECT, ["b"])

    states = [(one.ref, one.replayed, one.discarded) for one in await reached.summaries(PROJECT)]
    assert states == [("a", True, False), ("b", False, True)]
    await process.stop(0.0)


async def test_a_kafka_that_is_away_leaves_it_unknown_with_the_reason(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventlog.kafka_topics.ANSWER_S", 0.5)
    process = process_of(None, "none.", database, tmp_path)

    found: Standing = await process.state["standing"]()

    assert (found.lag_s, found.waiting) == (None, None)
    assert "Kafka does not answer" in found.unknown["lag_s"]
    await process.stop(0.0)


async def test_without_kafka_it_offers_nothing(database: Database, tmp_path: Path) -> None:
    process = Process(Settings(data_dir=str(tmp_path)))
    before = dict(process.state)

    add_shared_pipeline(process, database)

    assert process.state == before
