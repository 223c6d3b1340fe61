"""Runs clients of others: those of Node and Python as programs, those of browsers in a page.

Each does what `programs/` says: the scenario "once", "many" or "untilTold", with a DSN of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser, Page, Response

from tests.components import node, old_sdk

PROGRAMS = Path(__file__).with_name("programs")
FINISH_S = 60


class Run(Protocol):
    """One scenario of one client."""

    def tell_over(self) -> None:
        """Ends the scenario "untilTold"."""

    def results(self) -> dict[str, Any]:
        """Waits for its end, and returns what the client made and what it was answered."""


class Program:
    """A process of Node or Python."""

    def __init__(self, command: list[str], environ: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell_over(self) -> None:
        """Closes its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        # `communicate` would close it again.
        self._process.stdin = None

    def results(self) -> dict[str, Any]:
        """Waits for its end. Its last line is what it tells."""
        output, _ = self._process.communicate(timeout=FINISH_S)
        assert self._process.returncode == 0
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found


class Opened:
    """A page with an SDK in it, of another origin than the server's."""

    def __init__(self, page: Page, sdk: str, dsn: str, task: str) -> None:
        self._page = page
        self._task = task
        self._statuses: list[int] = []
        page.on("response", self._hear)
        page.evaluate(
            "(given) => { globalThis.ended = globalThis.start(...given); }", [sdk, dsn, task]
        )

    def tell_over(self) -> None:
        """Calls what the page waits for."""
        self._page.evaluate("globalThis.tellOver()")

    def results(self) -> dict[str, Any]:
        """Waits for its end, and for the answers to its beacons, which no script sees."""
        found: dict[str, Any] = self._page.evaluate("globalThis.ended")
        self._page.goto("about:blank")
        self._page.wait_for_timeout(200)
        return {**found, "statuses": self._statuses}

    def _hear(self, response: Response) -> None:
        if response.request.method == "POST":
            self._statuses.append(response.status)


class Bundle:
    """The programs beside what npm installed, and the page that esbuild makes of them, served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True)
        modules = node.modules()
        (folder / "node_modules").symlink_to(modules)
        esbuild = [str(modules / ".bin" / "esbuild"), "pages.mjs", "--bundle", "--log-level=error"]
        subprocess.run([*esbuild, "--outfile=pages.js"], cwd=folder, check=True, timeout=60)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()

    def in_node(self, name: str, dsn: str, task: str) -> Run:
        """Starts a program of Node."""
        return Program(["node", str(self.folder / f"{name}.mjs"), dsn, task])

    def in_page(self, browser: Browser, sdk: str, dsn: str, task: str) -> Run:
        """Starts an SDK in a page of its own."""
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{self._server.server_port}/page.html")
        return Opened(page, sdk, dsn, task)


def in_old_python(dsn: str, task: str) -> Run:
    """Starts a program with the old SDK for Python."""
    command = [sys.executable, str(PROGRAMS / "sentry_python.py"), dsn, task]
    return Program(command, {"PYTHONPATH": str(old_sdk.folder())})


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""
