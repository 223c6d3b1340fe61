"""A start that fails says why, and leaves nothing open for the next one to stumble over."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from controlplane.failures import Unavailable
from eventlog.log import LogUnavailable
from schemas.settings import Settings
from sluice import listening, node, room
from sluice.connections import Bounds
from sluice.listening import Server, bind
from sluice.lock import hold
from sluice.paths import paths_of
from sluice.process import Process
from sluice.room import DiskFull
from sluice.serve import serve
from tests.unit.sluice.places import free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), port=free_port())


async def test_what_was_open_is_closed_the_last_first(settings: Settings) -> None:
    closed: list[str] = []

    async def open_parts(process: Process) -> None:
        process.stack.callback(hold(process.paths.lock).close)
        process.stack.callback(closed.append, "first")
        process.stack.callback(closed.append, "second")
        raise RuntimeError("the third would not open")

    with pytest.raises(RuntimeError, match="the third"):
        await serve(settings, open_parts, lambda _: None)

    assert closed == ["second", "first"]
    hold(paths_of(settings).lock).close()
    bind(settings.host, settings.port).close()


async def test_parts_that_open_beside_the_one_that_fails_are_closed_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs: list[Any] = []
    open_log = node.SqliteLog

    def remember(*args: Any, **kwargs: Any) -> Any:
        logs.append(open_log(*args, **kwargs))
        return logs[0]

    async def store(process: Process) -> None:
        """Stands in for a store that cannot be opened."""
        raise Unavailable("no store here", retry_after_s=1)

    monkeypatch.setattr(node, "SqliteLog", remember)
    monkeypatch.setattr(node, "add_own_store", store)

    with pytest.raises(Unavailable):
        await serve(settings, node.open_parts, lambda _: None)

    with pytest.raises(LogUnavailable):
        await logs[0].check_room()
    hold(paths_of(settings).lock).close()


async def test_ctrl_c_in_the_middle_closes_what_is_still_being_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def store(process: Process) -> None:
        """Stands in for a store whose opening cannot be broken off."""
        begun.set()
        await may_end.wait()
        process.stack.callback(closed.set)
        raise Unavailable("no store here", retry_after_s=1)

    monkeypatch.setattr(node, "add_own_store", store)
    start = asyncio.create_task(serve(settings, node.open_parts, lambda _: None))
    await begun.wait()
    start.cancel()  # as asyncio's runner does at SIGINT
    may_end.set()

    with pytest.raises(asyncio.CancelledError):
        await start
    assert closed.is_set()
    hold(paths_of(settings).lock).close()


async def test_a_start_on_a_full_disk_says_so_and_makes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LEAST_BYTES", 1 << 62)

    with pytest.raises(DiskFull, match="the disk of .* is full"):
        await serve(settings, node.open_parts, lambda _: None)
    assert [file.name for file in paths_of(settings).data_dir.iterdir()] == ["lock"]


async def test_a_server_that_fails_before_it_listens_ends_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("no sockets left")

    monkeypatch.setattr(uvicorn.Server, "startup", fail)
    closed: list[str] = []

    async def open_parts(process: Process) -> None:
        process.stack.callback(closed.append, "part")

    with pytest.raises(OSError, match="no sockets left"):
        await asyncio.wait_for(serve(settings, open_parts, lambda _: None), 20)

    assert closed == ["part"]


async def test_a_server_that_ends_before_it_listens_is_no_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def end(*_: object, **__: object) -> None:
        """Ends as uvicorn does where it cannot start."""

    monkeypatch.setattr(uvicorn.Server, "serve", end)
    config = listening.config_of(None, proxies=(), graceful_s=1)

    with bind("127.0.0.1", free_port()) as listener, pytest.raises(RuntimeError, match="ended"):
        await asyncio.wait_for(Server(config, Bounds()).begin(listener), 20)
