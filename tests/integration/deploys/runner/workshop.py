"""A deployer's own folder, with what tests start in it and look at."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import structs

from deploys.drivers.driver import AppCommand, Command, Driver, Ended, Instance, Limits, State
from deploys.drivers.processes import ProcessDriver, RunningProcess
from deploys.environments import app_environment, tool_path
from deploys.orphans import marked, read_identity
from deploys.places import Places
from deploys.ports import Ports
from deploys.settings import DeployerSettings
from deploys.supervision.kin import all_processes, is_alive
from deploys.supervision.orders import read_state
from deploys.supervision.spools import Cursor, Stream, read
from tests.components.processes import first_app_port

LIMITS = Limits(seconds=30, output_bytes=1 << 20, disk_bytes=64 << 20, processes=64)
PATH = tool_path()
ENDS_S = 5
WAIT_S = 30
"""For what comes in a moment, on a machine that others use."""


async def until(holds: Callable[[], object], what: str) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WAIT_S} s: {what}"
        await asyncio.sleep(0.01)


@contextmanager
def an_open_file() -> Iterator[None]:
    """A file of ours that whoever we start would inherit."""
    with open(os.devnull) as ours:
        os.set_inheritable(ours.fileno(), True)
        yield


def open_files(pid: int) -> dict[str, str]:
    """Returns the descriptors of a process, with what each is."""
    folder = f"/proc/{pid}/fd"
    found = {}
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found[name] = os.readlink(f"{folder}/{name}")
    return found


def resident_kib(pid: int) -> int:
    """Returns the memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        return int(file.read().split("VmRSS:")[1].split()[0])


def command_line(pid: int) -> bytes:
    """Returns that of a process; nothing where it is gone."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
    return b""


def command_lines() -> bytes:
    """Returns those of all that runs here."""
    return b"".join(command_line(process.pid) for process in all_processes())


def environment_of(pid: int) -> bytes:
    """Returns that of a process."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        return file.read()


def is_there(path: str) -> bool:
    """Tells whether there is such a file on this machine."""
    return os.path.exists(path)


def contents(folder: Path) -> bytes:
    """Returns all that is in the files of a folder, with their names."""
    found = b""
    for path in folder.rglob("*"):
        found += str(path).encode() + (path.read_bytes() if path.is_file() else b"")
    return found


class Workshop:
    """One deployer."""

    def __init__(self, folder: Path, make_driver: Callable[[DeployerSettings], Driver]) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(exist_ok=True)
        self.settings = DeployerSettings(
            folder=folder / "deployer", private_allowed=True, backoff_first_s=0.05, max_restarts=3
        )
        self.places = Places(self.settings.folder)
        self._make_driver = make_driver
        self.driver = make_driver(self.settings)
        self.ports = Ports(first_app_port(), first_app_port() + 99)
        self.printed: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self.started: list[Instance] = []

    def change(self, **changes: Any) -> None:
        """Goes on with other settings."""
        self.settings = structs.replace(self.settings, **changes)
        self.driver = self._make_driver(self.settings)

    async def out(self, stream: Stream, content: bytes) -> None:
        """Keeps what a step prints."""
        self.printed[stream] += content

    async def run(
        self, text: str, *, cancel: asyncio.Event | None = None, network: bool = True, **limits: Any
    ) -> Ended:
        """Runs a step of a build."""
        return await self.driver.run(
            self.command(text, network, limits), self.out, cancel or asyncio.Event()
        )

    def command(self, text: str, network: bool, limits: Mapping[str, Any]) -> Command:
        """Returns a step of a build."""
        return Command(
            text=text,
            folder=self.work,
            environment={"PATH": PATH},
            limits=structs.replace(LIMITS, **limits),
            network=network,
        )

    def app(self, text: str, name: str = "app-1", **changes: Any) -> AppCommand:
        """Returns an app with a port of its own."""
        port = self.ports.reserve()
        self.ports.let_app_bind(port)
        home = self.places.instance(name)
        command = AppCommand(
            name=name,
            text=text,
            folder=self.work,
            environment=app_environment(
                {}, folder=self.work, home=home, path=PATH, port=port, host="127.0.0.1"
            ),
            limits=LIMITS,
            port=port,
            restart="always",
            grace_s=5,
        )
        return structs.replace(command, **changes)

    async def start(self, text: str, name: str = "app-1", **changes: Any) -> Instance:
        """Starts an app."""
        app = self.app(text, name, **changes)
        instance = await self.driver.start(app, self.places.spool(name))
        self.started.append(instance)
        return instance

    def state(self, instance: Instance) -> State:
        """Returns how an app does."""
        return RunningProcess(instance).state()

    def output(self, name: str = "app-1", *, notes: bool = False) -> bytes:
        """Returns all that an app has printed, or what its supervisor says of it."""
        folder, cursor, found = str(self.places.spool(name)), Cursor(), b""
        while (reading := read(folder, cursor)).chunks:
            found += b"".join(c.content for c in reading.chunks if (c.stream == "system") == notes)
            cursor = reading.cursor
        return found

    def raw_output(self, name: str = "app-1") -> bytes:
        """Returns the file in which that is."""
        (file,) = self.places.spool(name).iterdir()
        return file.read_bytes()

    async def left(self) -> list[str]:
        """Returns what still runs once all that has ended by itself had the time to."""
        deadline = time.monotonic() + ENDS_S
        found = self.living()
        while found and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            found = self.living()
        return found

    def living(self) -> list[str]:
        """Returns what still runs of all that was started here, by any way to know it."""
        identity = read_identity(self.places)
        found = [f"{one.pid} of {name}" for one, name in marked(identity) if one.state != "Z"]
        for process in all_processes():
            with suppress(OSError):
                if os.readlink(f"/proc/{process.pid}/cwd").startswith(str(self.folder)):
                    found.append(f"{process.pid} in the folder")
        for instance in self.started:
            state = read_state(instance.folder)
            if is_alive(instance.pid, instance.started) or (
                state and state.app_pid and is_alive(state.app_pid, state.app_started)
            ):
                found.append(f"{instance.pid} supervises {instance.name}")
        return found


def plain(settings: DeployerSettings) -> Driver:
    """Returns the driver as it is where no cgroup is permitted."""
    return ProcessDriver(settings, cgroups=None)
