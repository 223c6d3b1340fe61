"""What a repository and its server may take of this machine, and how that is said."""

import asyncio
import os
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import structs

from deploys.checkout import Source, check_out
from deploys.failures import Cancelled, CheckoutFailed
from deploys.git import MOST_COMPLAINT_BYTES, Git, run_git
from deploys.settings import MIB, DeployerSettings
from tests.integration.deploys.runner.repositories import Repository, fetched, of


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop.git")
    made.commit({"main.py": "print(1)\n", "static/a.txt": "a"})
    return made


@pytest.fixture
def settings(tmp_path: Path) -> DeployerSettings:
    return DeployerSettings(folder=tmp_path / "deployer", private_allowed=True)


class TestSizes:
    async def test_too_many_files_or_bytes_are_refused(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        repository.commit({"large": "x" * (3 << 20)})
        few = DeployerSettings(folder=settings.folder, private_allowed=True, checkout_files=2)
        small = DeployerSettings(
            folder=settings.folder, private_allowed=True, release_bytes=1 << 20
        )

        with pytest.raises(CheckoutFailed, match="has 3 files; 2 are allowed"):
            await fetched(few, of(repository))
        with pytest.raises(CheckoutFailed, match="take 3 MiB; 1 MiB are allowed"):
            await fetched(small, of(repository))

    async def test_a_fetch_beyond_its_size_is_ended(
        self, repository: Repository, settings: DeployerSettings
    ) -> None:
        (repository.folder / "noise").write_bytes(os.urandom(4 << 20))
        repository.commit({})
        small = DeployerSettings(folder=settings.folder, private_allowed=True, fetch_bytes=1 << 20)

        with pytest.raises(CheckoutFailed):
            await fetched(small, of(repository))

    async def test_more_than_git_may_say_is_too_much(
        self,
        repository: Repository,
        settings: DeployerSettings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("deploys.git.MAX_OUTPUT_BYTES", 2000)
        repository.commit({f"{number}.txt": "" for number in range(100)})

        with pytest.raises(CheckoutFailed, match="too many files or branches"):
            await fetched(settings, of(repository))

    async def test_of_what_git_complains_the_end_is_kept(
        self, settings: DeployerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "git"
        program.write_text("#!/bin/sh\nhead -c 400000 /dev/zero >&2\necho fatal: no >&2\nexit 1\n")
        program.chmod(0o700)
        monkeypatch.setattr("deploys.git.find_git", lambda: str(program))
        git = Git(home=settings.folder, seconds=20, disk_bytes=1 << 20, memory_bytes=0)

        said = await run_git(git, ["fetch"], folder=tmp_path)

        assert len(said.complaint) == MOST_COMPLAINT_BYTES
        assert said.complaint.endswith("fatal: no\n")


class TestMemory:
    async def test_what_a_server_says_to_be_large_is_not_made_space_for(
        self, settings: DeployerSettings, hostile: str
    ) -> None:
        small = structs.replace(settings, fetch_memory_bytes=16 * MIB)

        with pytest.raises(CheckoutFailed, match="needs more memory .*: 16 MiB"):
            await fetched(small, Source(app="shop", url=hostile, branch="main"))

    async def test_what_git_takes_all_together_is_bounded(self, settings: DeployerSettings) -> None:
        small = structs.replace(settings, fetch_memory_bytes=1 * MIB)
        async with _Silent() as port:
            source = Source(app="shop", url=f"http://localhost:{port}/x.git", branch="main")

            with pytest.raises(CheckoutFailed, match="needs more memory .*: 1 MiB"):
                await fetched(small, source)


class TestTime:
    async def test_a_server_that_is_silent_is_given_up(self, settings: DeployerSettings) -> None:
        async with _Silent() as port:
            short = DeployerSettings(
                folder=settings.folder, private_allowed=True, fetch_seconds=0.5
            )
            source = Source(app="shop", url=f"http://localhost:{port}/x.git", branch="main")

            with pytest.raises(CheckoutFailed, match="took longer than 0.5 s"):
                await fetched(short, source)

    async def test_a_fetch_can_be_cancelled(self, settings: DeployerSettings) -> None:
        cancel = asyncio.Event()
        folder = settings.folder / "tree"
        folder.mkdir(parents=True)
        async with _Silent() as port:
            source = Source(app="shop", url=f"http://localhost:{port}/x.git", branch="main")
            checkout = asyncio.create_task(check_out(settings, source, folder, cancel=cancel))
            asyncio.get_running_loop().call_later(0.5, cancel.set)

            with pytest.raises(Cancelled):
                await checkout


@pytest.fixture
async def hostile() -> AsyncIterator[str]:
    """The URL of a server whose only commit says that it has a gibibyte."""
    app = web.Application()
    app.router.add_get("/x.git/info/refs", _advertise)
    app.router.add_post("/x.git/git-upload-pack", _upload)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}/x.git"
    await runner.cleanup()


async def _advertise(_: web.Request) -> web.Response:
    said = ("version 2\n", "ls-refs\n", "fetch=shallow\n")
    body = _packet(b"# service=git-upload-pack\n") + b"0000"
    body += b"".join(_packet(one.encode()) for one in said) + b"0000"
    return web.Response(body=body, content_type="application/x-git-upload-pack-advertisement")


async def _upload(request: web.Request) -> web.Response:
    if b"command=ls-refs" in await request.read():
        body = _packet(b"c" * 40 + b" refs/heads/main\n")
    else:
        body = _packet(b"packfile\n") + _packet(b"\x01" + _pack(size=1 << 30))
    return web.Response(body=body + b"0000", content_type="application/x-git-upload-pack-result")


def _pack(size: int) -> bytes:
    """Returns the beginning of a pack with one commit: gitformat-pack(5)."""
    head = bytes([0x80 | 1 << 4 | size & 15])
    size >>= 4
    while size:
        head += bytes([size & 127 | (0x80 if size > 127 else 0)])
        size >>= 7
    return b"PACK" + struct.pack(">II", 2, 1) + head + zlib.compress(b"tree")


def _packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


class _Silent:
    """A server that takes connections and says nothing."""

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._take, "localhost", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
