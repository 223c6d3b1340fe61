"""The driver `process`: commands and apps as processes of the deployer's own user.

It bounds what they use and ends them whole; it hides nothing of the machine from them. A sandbox,
as bubblewrap, is the same driver with another way to write a command line.
"""

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, SIGUSR1
from typing import NamedTuple, Protocol

from deploys.cgroups import Cgroups
from deploys.drivers.driver import (
    AppCommand,
    Command,
    Ended,
    Images,
    Instance,
    Limits,
    Output,
    StartFailed,
    State,
    Status,
)
from deploys.orphans import end_marked, mark, read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings
from deploys.steps import GRACE_S, program, program_environment, run_step
from deploys.supervision.kin import is_alive, look_at, pid_namespace, send
from deploys.supervision.orders import AppOrders, StepOrders, dump, read_state
from deploys.supervision.spawning import Bounds, Start

SHELL = "/bin/sh"
BUILD_NICE = 5
"""Builds leave the processor to what serves."""
DISK_EVERY_S = 2.0
APP_DISK_EVERY_S = 60.0
START_TIMEOUT_S = 20.0
POLL_S = 0.02
KILL_TIMEOUT_S = 12.0


class Confined(NamedTuple):
    """A command, and what of the machine it is to have."""

    name: str
    text: str
    folder: Path
    writable: tuple[Path, ...]
    temporary: Path
    environment: Mapping[str, str]
    limits: Limits
    network: bool
    port: int = 0
    """On which it has to be reached; 0 where it is not an app."""
    inner_port: int = 0
    """Where it listens in a container."""
    image: str = ""
    language: str = ""
    is_ours: bool = False


class Wrapped(NamedTuple):
    """What starts a sandbox, which starts the command."""

    arguments: list[str]
    private: str
    """What it reads from descriptor 3."""
    is_sandbox: bool
    """Whether it is its content's parent, and so must not be asked to end before that has ended."""
    holds_limits: bool
    """Whether it holds limits itself, and its own processes need none."""


class Sandbox(Protocol):
    """What isolates commands."""

    name: str

    async def check(self) -> None:
        """Raises `DriverUnavailable` where it cannot be had now."""
        ...

    def wrap(self, confined: Confined) -> Wrapped | None:
        """Returns how a command is run within it; `None` for one that runs outside of it.

        The program that does so is outside of it. It gets nothing of the command's environment, for
        what a project sets there, as `LD_PRELOAD`, would have a say in it.
        """
        ...

    async def clear(self, name: str) -> None:
        """Ends what it has of a command whose own processes have ended."""
        ...

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Ends all that it has of this deployer but the instances to keep, and names it."""
        ...


class ProcessDriver:
    """Commands as processes."""

    def __init__(
        self,
        settings: DeployerSettings,
        *,
        cgroups: Cgroups | None,
        sandbox: Sandbox | None = None,
        images: Images | None = None,
    ) -> None:
        self.name = sandbox.name if sandbox else "process"
        self._settings = settings
        self._places = Places(settings.folder)
        self._identity = read_identity(self._places)
        self._cgroups = cgroups
        self._sandbox = sandbox
        self.images = images

    async def check(self) -> None:
        """Raises `DriverUnavailable` where the sandbox cannot be had now."""
        if self._sandbox:
            await self._sandbox.check()

    async def run(self, command: Command, out: Output, cancel: asyncio.Event) -> Ended:
        """Runs a step of a build to its end: see `Driver`."""
        name = f"step-{secrets.token_hex(8)}"
        async with self._temporary(name) as temporary:
            start = self._start(
                Confined(
                    name=name,
                    text=command.text,
                    folder=command.folder,
                    writable=command.writable,
                    temporary=temporary,
                    environment=command.environment,
                    limits=command.limits,
                    network=command.network,
                    image=command.image,
                    language=command.language,
                )
            )
            orders = StepOrders(start, command.limits.seconds, GRACE_S, DISK_EVERY_S)
            try:
                return await run_step(
                    orders, out, cancel=cancel, output_bytes=command.limits.output_bytes
                )
            finally:
                await self._clear(name)

    async def start(self, app: AppCommand, out_spool: Path) -> Instance:
        """Starts an app under a supervisor of its own: see `Driver`."""
        folder = self._places.instance(app.name)
        await self._end_earlier(app.name)
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        start = self._start(
            Confined(
                name=app.name,
                text=app.text,
                folder=app.folder,
                writable=app.writable,
                temporary=temporary,
                environment=app.environment,
                limits=app.limits,
                network=True,
                port=app.port,
                inner_port=app.inner_port or app.port,
                image=app.image,
                language=app.language,
                is_ours=app.is_ours,
            )
        )
        start = start._replace(bounds=start.bounds._replace(nice=0))
        pid, started = await _start_supervisor(self._orders(app, start, out_spool))
        return Instance(
            name=app.name,
            driver=self.name,
            host=app.host,
            port=app.port,
            pid=pid,
            started=started,
            folder=str(folder),
            # Of a container it is the engine that listens.
            namespace=pid_namespace() if self.images is None or app.is_ours else "",
        )

    async def adopt(self, instance: Instance) -> "RunningProcess | None":
        """Returns an app whose supervisor runs: see `Driver`."""
        if not is_alive(instance.pid, instance.started):
            return None
        return RunningProcess(instance)

    async def stop(self, instance: Instance, grace_s: float) -> None:
        """Ends an app and all that it has started: see `Driver`."""
        for number, seconds in (
            (SIGTERM, grace_s),
            (SIGUSR1, KILL_TIMEOUT_S),
            (SIGKILL, KILL_TIMEOUT_S),
        ):
            if await self._ended_by(instance, number, seconds):
                break
        # Of an app whose supervisor was killed something may be left.
        await asyncio.to_thread(end_marked, self._identity, only=instance.name)
        await self._clear(instance.name)
        await _remove(Path(instance.folder) / "tmp")

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Ends all that this deployer has started but the instances to keep: see `Driver`."""
        ended = []
        for folder in _folders(self._places.instances):
            state = read_state(str(folder))
            if folder.name in keep:
                continue
            if state and is_alive(state.pid, state.started):
                ended.append(folder.name)
                await self.stop(_of(state.name, self.name, state.pid, state.started, folder), 0)
            await _remove(folder)
        ended += await asyncio.to_thread(end_marked, self._identity, keep=keep)
        for name in self._cgroups.names() if self._cgroups else ():
            if name not in keep:
                await self._clear(name)
        if self._sandbox:
            ended += await self._sandbox.sweep(keep)
        await _remove(self._places.temporary)
        return ended

    def close(self) -> None:
        """Gives back what it holds itself. Apps run on, in whatever they are in."""
        if self._cgroups:
            self._cgroups.close()

    async def _end_earlier(self, name: str) -> None:
        """Ends what a deployer has started by a name that was killed before it could note it."""
        folder = self._places.instance(name)
        if (state := read_state(str(folder))) is not None:
            await self.stop(_of(name, self.name, state.pid, state.started, folder), GRACE_S)

    async def _ended_by(self, instance: Instance, number: int, seconds: float) -> bool:
        """Signals a supervisor. Returns whether it has ended within this time."""
        found = look_at(instance.pid)
        if found is None or found.started != instance.started or not send(found, number):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while is_alive(instance.pid, instance.started):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_S)
        return True

    def _start(self, confined: Confined) -> Start:
        _check_environment(confined.environment)
        own = mark(self._identity, confined.name)
        inside = {**confined.environment, "TMPDIR": str(confined.temporary), **own}
        limits = confined.limits
        bounds = Bounds(limits.memory_bytes or 0, limits.disk_bytes, limits.processes, BUILD_NICE)
        cgroup = self._cgroups.make(confined.name, limits) if self._cgroups else ""
        start = Start(
            arguments=[SHELL, "-c", confined.text],
            environment=inside,
            folder=str(confined.folder),
            bounds=bounds,
            cgroup=cgroup,
            is_wrapped=False,
            private="",
        )
        if self._sandbox is None:
            return start
        wrapped = self._sandbox.wrap(confined._replace(environment=inside))
        if wrapped is None:
            return start
        return start._replace(
            arguments=wrapped.arguments,
            environment={"PATH": os.defpath, **own},
            bounds=Bounds(0, limits.disk_bytes, 0, 0) if wrapped.holds_limits else bounds,
            is_wrapped=wrapped.is_sandbox,
            private=wrapped.private,
        )

    def _orders(self, app: AppCommand, start: Start, out_spool: Path) -> AppOrders:
        settings = self._settings
        return AppOrders(
            name=app.name,
            start=start,
            spool_folder=str(out_spool),
            spool_file_bytes=settings.spool_file_bytes,
            spool_files=settings.spool_files,
            state_folder=str(self._places.instance(app.name)),
            restart=app.restart,
            backoff_first_s=settings.backoff_first_s,
            backoff_max_s=settings.backoff_max_s,
            stable_after_s=settings.stable_after_s,
            max_restarts=settings.max_restarts,
            grace_s=app.grace_s,
            disk_every_s=APP_DISK_EVERY_S,
        )

    @asynccontextmanager
    async def _temporary(self, name: str) -> AsyncIterator[Path]:
        folder = self._places.temporary / name
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        finally:
            await _remove(folder)

    async def _clear(self, name: str) -> None:
        if self._sandbox:
            await self._sandbox.clear(name)
        if self._cgroups:
            self._cgroups.end(name)
            self._cgroups.remove(name)


class RunningProcess:
    """An app under its supervisor."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def state(self) -> State:
        """Returns what the supervisor said last, if it lives."""
        said = read_state(self.instance.folder)
        if said is None:
            return State(status="gone", restarts=0, code=-1, reason="nothing is known of it")
        ends: tuple[Status, ...] = ("stopped", "exited", "crash_loop")
        status: Status = said.status  # type: ignore[assignment]  # it wrote one of these words
        if status not in ends and not is_alive(self.instance.pid, self.instance.started):
            return State(
                status="gone", restarts=said.restarts, code=-1, reason="its supervisor was killed"
            )
        return State(status=status, restarts=said.restarts, code=said.code, reason=said.reason)


def _check_environment(environment: Mapping[str, str]) -> None:
    """Raises `StartFailed` for what no environment can hold."""
    for name, value in environment.items():
        # A zero byte would end an option of the sandbox, and begin another one.
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise StartFailed(f"the environment cannot hold {name[:100]!r}")


async def _start_supervisor(orders: AppOrders) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *program("supervisor", orders.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=program_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            said, complaint = await process.communicate(dump(orders))
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        raise StartFailed(f"no supervisor was there within {START_TIMEOUT_S:g} s") from None
    if not said:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise StartFailed(f"the supervisor did not start: {last}")
    pid, started = json.loads(said)
    return pid, started


async def _remove(folder: Path) -> None:
    # What a build has put there may be large.
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _of(name: str, driver: str, pid: int, started: str, folder: Path) -> Instance:
    return Instance(
        name=name, driver=driver, host="", port=0, pid=pid, started=started, folder=str(folder)
    )


def _folders(parent: Path) -> list[Path]:
    return [found for found in parent.iterdir() if found.is_dir()] if parent.exists() else []
