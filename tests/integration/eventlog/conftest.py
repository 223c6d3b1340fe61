from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.group_commit import Limits
from eventlog.sqlite_log import SqliteLog


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


@pytest.fixture(params=[pytest.param(SqliteLogs, id="sqlite")])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """What each kind of log is opened through; another kind joins by a class of these methods."""
    factory: Callable[[Path], Any] = request.param
    opened = factory(tmp_path)
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
