"""The seam between who deploys and what runs: commands of a build, and apps that stay.

DriverUnavailable   this machine lacks what a driver needs; its text says what
StartFailed         an app, or a step, could not be started at all
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from deploys.supervision.spools import Stream

Reason = Literal["", "time", "output", "disk", "memory", "processes", "cancelled"]
Restart = Literal["no", "on-failure", "always", "unless-stopped"]
Status = Literal["running", "waiting", "stopping", "stopped", "exited", "crash_loop", "gone"]
Output = Callable[[Stream, bytes], Awaitable[None]]
"""Takes what a command prints, in pieces as they come: a piece may end within a line."""


class DriverUnavailable(Exception):
    """Raised when a driver cannot work on this machine."""


class StartFailed(Exception):
    """Raised when an app, or a step, could not be started."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a command may use, all its processes together."""

    cpu: float | None = None
    """Cores. Held by cgroups and Docker; else nothing holds it."""
    memory_bytes: int | None = None
    seconds: float
    """Of a build step. An app has no end."""
    output_bytes: int
    """Of a build step. An app's output is kept in files of a bounded size."""
    disk_bytes: int
    """Of its folder, and of each file that it writes."""
    processes: int


class Command(Struct, frozen=True, kw_only=True):
    """A step of a build: it runs to its end."""

    text: str
    """Given to `/bin/sh -c`."""
    folder: Path
    environment: Mapping[str, str]
    """All of it: nothing is added of the deployer's own."""
    limits: Limits
    network: bool
    writable: tuple[Path, ...] = ()
    """Other folders that it may write: caches."""
    image: str = ""
    """Of the driver docker: built from a Dockerfile, and without the folder."""
    language: str = ""
    """Of the driver docker: which of its plain images is taken where there is no other."""


class AppCommand(Struct, frozen=True, kw_only=True):
    """An app: it runs until somebody stops it."""

    name: str
    """Of the instance: ASCII letters, digits, `-` and `_`, used once."""
    text: str
    folder: Path
    """Of its release."""
    environment: Mapping[str, str]
    """With `PORT`."""
    writable: tuple[Path, ...] = ()
    """Other folders that it may write: its home."""
    limits: Limits
    port: int
    """Where it is reached, on `host`."""
    host: str = "127.0.0.1"
    inner_port: int = 0
    """Where it listens in a container; 0 where that is `port` too."""
    restart: Restart
    grace_s: float
    """How long it may take to end, when nobody is there to say otherwise."""
    image: str = ""
    """Of the driver docker: built from a Dockerfile. With an empty `text` its own command runs."""
    language: str = ""
    """As for a `Command`."""
    is_ours: bool = False
    """Whether it is a program of Sluice that runs no code of a project: no container has it."""


class Image(Struct, frozen=True, kw_only=True):
    """What a Dockerfile was built into."""

    tag: str
    bytes: int
    ports: tuple[int, ...]
    """That it says it listens on, the lowest first."""


class Ended(NamedTuple):
    """How a step ended."""

    code: int
    """As shells show it: 128 and more is a signal."""
    reason: Reason
    """The limit that ended it; empty when it ended by itself."""


class Instance(Struct, frozen=True, kw_only=True):
    """An app that runs, so that a deployer finds it again."""

    name: str
    driver: str
    host: str
    port: int
    pid: int
    """Of its supervisor."""
    started: str
    """When that began: with the pid it is one process."""
    folder: str
    """The instance's own."""
    namespace: str = ""
    """In which its supervisor has that pid; empty where its processes do not listen themselves, as
    in a container."""


class State(Struct, frozen=True, kw_only=True):
    """How an app does."""

    status: Status
    """`waiting`: for its next start; `gone`: its supervisor was killed, and the app with it."""
    restarts: int
    code: int
    """Exit code of its last run; -1 while there is none."""
    reason: str
    """Why that run ended, in words."""

    @property
    def has_ended(self) -> bool:
        """Tells whether it does not run now, be it that it is started again later."""
        return self.status in {"waiting", "stopped", "exited", "crash_loop", "gone"}


class Running(Protocol):
    """An app that a deployer watches."""

    instance: Instance

    def state(self) -> State:
        """Returns how it does now. It costs the reading of a small file, or less."""
        ...


class Images(Protocol):
    """Images of releases, by the id of the release."""

    async def build(
        self,
        folder: Path,
        name: str,
        limits: Limits,
        out: Output,
        *,
        cancel: asyncio.Event,
        network: bool,
    ) -> Ended:
        """Builds the Dockerfile of a folder, as `Driver.run` runs a step."""
        ...

    async def find(self, name: str) -> Image | None:
        """Returns an image; `None` where there is none. Raises `StartFailed`: nobody answers."""
        ...

    async def names(self) -> list[str]:
        """Returns of which releases there are images. Raises `StartFailed`."""
        ...

    async def remove(self, name: str) -> None:
        """Removes an image; it may be gone. Raises `StartFailed`."""
        ...


class Driver(Protocol):
    """Runs commands, and starts and stops apps."""

    name: str
    images: Images | None
    """`None` where Dockerfiles cannot be built."""

    async def check(self) -> None:
        """Raises `DriverUnavailable` where nothing can be built or started now."""
        ...

    async def run(self, command: Command, out: Output, cancel: asyncio.Event) -> Ended:
        """Runs a step of a build. `cancel` ends it: SIGTERM, and SIGKILL 5 s later.

        Raises `StartFailed` when its environment cannot be one. When it returns, nothing of the
        command runs any more. So it is when this task is cancelled, or the deployer is killed.
        """
        ...

    async def start(self, app: AppCommand, out_spool: Path) -> Instance:
        """Starts an app that outlives the deployer; its output goes into files of a folder.

        Raises `StartFailed`. Whether the app serves is for `deploys.health` to find out.
        """
        ...

    async def adopt(self, instance: Instance) -> Running | None:
        """Returns what was started before this deployer was; `None` where it is gone."""
        ...

    async def stop(self, instance: Instance, grace_s: float) -> None:
        """Ends an app: SIGTERM, and SIGKILL when it has taken too long. It may be called again."""
        ...

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Ends all that this deployer ever started but the instances with these names.

        It is for a deployer that begins: nothing of it may be building. Returns what was ended.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds itself, at the end of the deployer. Apps run on."""
        ...
