"""Images of releases: built from Dockerfiles, looked at, and removed with their release."""

import asyncio
from pathlib import Path

import msgspec

from deploys.drivers.driver import Ended, Image, Limits, Output, StartFailed
from deploys.drivers.engine import Engine
from deploys.steps import GRACE_S, run_step
from deploys.supervision.orders import StepOrders
from deploys.supervision.spawning import Bounds, Start

NONE = "no such image"
DISK_EVERY_S = 2.0


class _Config(msgspec.Struct, rename="pascal"):
    exposed_ports: dict[str, object] | None = None


class _Inspected(msgspec.Struct, rename="pascal"):
    size: int
    config: _Config | None = None


class DockerImages:
    """The images of one deployer. Each has the name of its release, below one name for all."""

    def __init__(self, engine: Engine, identity: str) -> None:
        self._engine = engine
        self._repository = f"sluice-{identity}"

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
        """Builds an image from the Dockerfile of a folder. Nothing of an environment is in it."""
        # The engine's own builder: the other one is a plugin, and holds no limit of memory.
        environment = {**self._engine.environment, "DOCKER_BUILDKIT": "0"}
        arguments = [*self._engine.command, "build", "--force-rm", "--tag", self.tag(name)]
        arguments += ["--ulimit", f"fsize={limits.disk_bytes}", *_memory(limits)]
        arguments += [] if network else ["--network", "none"]
        start = Start(
            [*arguments, str(folder)],
            environment,
            str(folder),
            # Of the program that asks, and of the folder that it sends.
            Bounds(0, limits.disk_bytes, 0, 0),
            cgroup="",
            is_wrapped=False,
            private="",
        )
        orders = StepOrders(start, limits.seconds, GRACE_S, DISK_EVERY_S)
        return await run_step(orders, out, cancel=cancel, output_bytes=limits.output_bytes)

    def tag(self, name: str) -> str:
        """Returns by which name the engine knows the image of a release."""
        return f"{self._repository}:{name}"

    async def find(self, name: str) -> Image | None:
        """Returns the image of a release; `None` where there is none. Raises `StartFailed`."""
        tag = self.tag(name)
        try:
            said = await self._engine.ask("image", "inspect", "--format", "{{json .}}", tag)
        except StartFailed as error:
            if NONE in str(error).lower():
                return None
            raise
        found = msgspec.json.decode(said, type=_Inspected)
        return Image(tag=tag, bytes=found.size, ports=_ports(found.config))

    async def names(self) -> list[str]:
        """Returns of which releases there are images. Raises `StartFailed`."""
        said = await self._engine.ask("image", "ls", "--format", "{{.Tag}}", self._repository)
        return sorted(said.split())

    async def remove(self, name: str) -> None:
        """Removes an image; it may be gone. Raises `StartFailed` where a container has it."""
        try:
            await self._engine.ask("image", "rm", self.tag(name))
        except StartFailed as error:
            if NONE not in str(error).lower():
                raise


def _memory(limits: Limits) -> list[str]:
    if not limits.memory_bytes:
        return []
    return ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]


def _ports(config: _Config | None) -> tuple[int, ...]:
    """Returns the TCP ports that an image says it listens on: keys such as `8080/tcp`."""
    exposed = (config.exposed_ports if config else None) or {}
    found = [
        port
        for port, _, protocol in (key.partition("/") for key in exposed)
        if protocol in {"", "tcp"} and port.isdigit()
    ]
    return tuple(sorted(map(int, found)))
