"""A node stops to its end, whatever of it does not answer."""

from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from controlplane.errors import Unavailable
from eventlog.log import LogUnavailable
from eventlog.sqlite_log import SqliteLog
from schemas.settings import Settings
from sluice.lock import hold
from sluice.node import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node whose stream was never started."""
    node = Node(Settings(data_dir=str(tmp_path)))
    node.log = SqliteLog(node.paths.log)
    node.warehouse = Warehouse("http://127.0.0.1:1")
    return node


async def test_a_control_plane_that_is_away_does_not_keep_the_rest_open(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> int:
        raise Unavailable("the database is away", retry_after_s=1)

    monkeypatch.setattr(node.keyring, "flush_last_used", away)

    closed = await node.stop(0)

    assert closed
    with pytest.raises(LogUnavailable):
        await node.log.append_refusals([])
    hold(node.paths.lock).close()
