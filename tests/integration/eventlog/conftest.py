from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.group_commit import Limits
from eventlog.sqlite_log import SqliteLog
from tests.components.fixtures import local_broker
from tests.components.kafka import KafkaBroker
from tests.integration.eventlog.edges import Edges
from tests.integration.eventlog.kafka_logs import KafkaLogs


class SqliteLogs:
    """Opens logs on one file, as one process after the other would."""

    refuses_when_full = True

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.db"
        self._open: list[SqliteLog] = []

    def open(self, partitions: int = 1, **limits: int) -> SqliteLog:
        log = SqliteLog(self.path, partitions, Limits(**limits))
        self._open.append(log)
        return log

    def close(self) -> None:
        for log in self._open:
            log.close()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("kafka", marks=pytest.mark.containers),
    ]
)
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """What each kind of log is opened through; another kind joins by a class of these methods."""
    opened: Any
    if request.param == "sqlite":
        opened = SqliteLogs(tmp_path)
    else:
        opened = KafkaLogs(request.getfixturevalue("kafka"), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def own_logs(tmp_path: Path) -> Iterator[SqliteLogs]:
    """The same for the kinds that keep the progress of their readers themselves."""
    opened = SqliteLogs(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., SqliteLog]]:
    logs: list[SqliteLog] = []

    def open_(**limits: int) -> SqliteLog:
        logs.append(SqliteLog(path, 2, Limits(**limits)))
        return logs[-1]

    yield open_
    for log in logs:
        log.close()


@pytest.fixture(scope="session")
def _stoppable_kafka() -> Iterator[KafkaBroker]:
    yield from local_broker()


@pytest.fixture
def stoppable_kafka(_stoppable_kafka: KafkaBroker) -> Iterator[KafkaBroker]:
    """A second broker, which a test may pause and kill: the next test finds it running."""
    yield _stoppable_kafka
    if _stoppable_kafka.pid is None:
        _stoppable_kafka.start()
    _stoppable_kafka.resume()


@pytest.fixture
def edges(stoppable_kafka: KafkaBroker, tmp_path: Path) -> Iterator[Edges]:
    opened = Edges(stoppable_kafka, tmp_path)
    yield opened
    stoppable_kafka.resume()
    opened.close()
