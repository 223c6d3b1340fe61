"""A deployer in a process of its own, which kills itself where it is told to.

The product knows nothing of this: what it calls at each step is replaced here by the same with a
look at a file, which names the place: `after switch`. The file goes before the process does.
"""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from controlplane.crypto import Vault
from controlplane.database import Database
from deploys.apps import App
from deploys.places import Places
from deploys.releases import Releases
from schemas.deploys.lines import Line
from schemas.projects import ProjectId
from tests.integration.controlplane.conftest import SECRET
from tests.integration.deploys.running import World

CALLED = {
    "deploys.deployer": ("claim",),
    "deploys.pruning": ("forget_releases",),
    "deploys.building": ("enter", "check_out", "note_commit", "note_release"),
    "deploys.runs": ("start_app", "note_start", "wait_until_healthy", "switch"),
    "deploys.keeping": ("end_instance", "start_app", "move_instance"),
}
"""What is awaited on the way, by the module that does so."""


class Killed(World):
    """A world whose lines are in a file, as durable as a log: its process is killed, no machine."""

    async def _send(self, _: ProjectId, lines: Sequence[Line]) -> None:
        with lines_file(self.folder).open("ab") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)


def lines_file(folder: Path) -> Path:
    return folder / "lines"


def order_file(folder: Path) -> Path:
    """Names the place of the next kill."""
    return folder / "kill-at"


def pid_file(folder: Path) -> Path:
    return folder / "pid"


class Killer:
    """Kills this process at the place that the file names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pass_by(self, place: str) -> None:
        order = order_file(self._folder)
        if order.exists() and order.read_text() == place:
            if place == "after check_out":
                self._leave_as_git()
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Returns the same call, with a place before it and one after it."""

        async def called(*given: Any, **named: Any) -> Any:
            place = f"{name} {given[2]}" if name == "enter" else name
            self.pass_by(f"before {place}")
            found = await call(*given, **named)
            if found is not None or name != "claim":
                self.pass_by(f"after {place}")
            return found

        return called

    def around_now(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """As `around`, of what is not awaited."""

        def called(*given: Any, **named: Any) -> Any:
            self.pass_by(f"before {name}")
            found = call(*given, **named)
            self.pass_by(f"after {name}")
            return found

        return called

    def _leave_as_git(self) -> None:
        """Leaves what a git does that is killed while it fetches."""
        for mirror in (Places(self._folder / "deploys").folder / "mirrors").iterdir():
            (mirror / "shallow.lock").touch()
            (mirror / "refs" / "sluice" / "fetched.lock").touch()
            (mirror / "objects" / "pack" / "tmp_pack_x").touch()


def arm(killer: Killer) -> None:
    """Puts the places into what a deployer calls."""
    for module_name, names in CALLED.items():
        module = importlib.import_module(module_name)
        for name in names:
            setattr(module, name, killer.around(name, getattr(module, name)))
    App.end = killer.around("App.end", App.end)  # type: ignore[method-assign]
    Releases.finish = killer.around_now("finish", Releases.finish)  # type: ignore[method-assign]


async def run(url: str, folder: Path) -> None:
    """Runs the deployer until somebody kills it."""
    pid_file(folder).write_text(str(os.getpid()))
    arm(Killer(folder))
    async with Killed(Database(url), Vault(SECRET), folder).deployer():
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], Path(sys.argv[2])))
