"""How many records of the spool are in memory while Kafka refuses them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog import spool_drain
from eventlog.jobs import Jobs
from eventlog.kafka_records import Record, Report
from eventlog.log import BrokerRefused
from eventlog.spool_backlog import Backlog
from eventlog.spool_drain import Drain
from eventlog.spool_file import Entry, SpoolFile
from tests.integration.eventlog.logs import HEAD

ENTRIES = 20
REFUSED = BrokerRefused("too long")


class Broker:
    """Has each record or refuses it, and tells so when it is asked."""

    bytes = 0
    refuses = True

    def __init__(self) -> None:
        self._sent: list[Record] = []

    def is_stuck(self, _: Any) -> bool:
        return False

    def send(self, record: Record) -> None:
        self._sent.append(record)

    def tell(self, backlog: Backlog) -> None:
        error = REFUSED if self.refuses else None
        sent, self._sent = self._sent, []
        for record in sent:
            backlog.settle(Report(record, -1, error, is_open=False))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SpoolFile]:
    opened = SpoolFile(tmp_path / "spool.db", {HEAD.topic: 1}, 1 << 30)
    for number in range(ENTRIES):
        opened.append(HEAD, Entry(str(number), 0, False, 1, b"x" * 1000)).result(10)
    yield opened
    opened.close()


def test_what_kafka_refuses_takes_a_bounded_part_of_the_memory_and_goes_when_it_may(
    file: SpoolFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_drain, "PAGE_ENTRIES", 2)
    monkeypatch.setattr(spool_drain, "RETRIED_BYTES", 5000)
    backlog, jobs = Backlog(HEAD, handed=0, end=ENTRIES), Jobs()
    broker: Any = Broker()
    drain = Drain(file, broker, jobs)

    def advance(times: int) -> None:
        for _ in range(times):
            for _ in ("what was refused", "the next page"):
                drain.advance(backlog, time.monotonic() + 3600)
                while backlog.is_handing:
                    jobs.run_until(time.monotonic() + 10)
            broker.tell(backlog)

    advance(30)
    refused = [record.entry for record in backlog.again], backlog.handed
    broker.refuses = False
    advance(30)

    assert refused == ([0, 1, 2, 3, 4, 5], 6)
    assert sorted(backlog.take_gone()) == list(range(ENTRIES))
    assert (backlog.retried_bytes, backlog.is_done()) == (0, True)
