"""Repositories that tests make, and a server of git that asks for a token."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import encode_basic_auth, web

from deploys.checkout import Commit, Source, check_out
from deploys.settings import DeployerSettings

WHO = ("-c", "user.name=Ann Author", "-c", "user.email=ann@example.com")


class Repository:
    """A repository with a working tree, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """Runs git here and returns what it says."""
        command = ["git", "-C", str(self.folder), *WHO, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        """Commits these files and returns the commit's hash."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


def of(repository: Repository, branch: str = "main", commit: str = "") -> Source:
    return Source(app="shop", url=str(repository.folder), branch=branch, commit=commit)


async def fetched(settings: DeployerSettings, source: Source) -> tuple[Commit, Path]:
    folder = settings.folder / f"tree-{os.urandom(4).hex()}"
    folder.mkdir(parents=True)
    return await check_out(settings, source, folder, cancel=asyncio.Event()), folder


class GitServer:
    """What the server has heard."""

    def __init__(self, root: Path, token: str) -> None:
        self.root = root
        self.token = token
        self.port = 0
        self.heard: list[str] = []
        self.redirect = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def answer(self, request: web.Request) -> web.Response:
        """Answers as `git http-backend` does, to whoever has the token."""
        self.heard.append(request.path)
        if self.redirect and not request.path.startswith(self.redirect):
            return web.Response(status=301, headers={"Location": f"{self.url}{self.redirect}"})
        sent = request.headers.get("Authorization", "")
        if self.token and sent != encode_basic_auth("x-access-token", self.token):
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        return await self._backend(request)

    async def _backend(self, request: web.Request) -> web.Response:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        backend = await asyncio.create_subprocess_exec(
            *("git", "http-backend"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        said, _ = await backend.communicate(await request.read())
        head, _, body = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=body)


@asynccontextmanager
async def serve_git(root: Path, token: str = "") -> AsyncIterator[GitServer]:
    """Serves the repositories in a folder by HTTP, on a port of the loopback interface."""
    server = GitServer(root, token)
    # As git sends it: what is compressed is for the backend to read.
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
