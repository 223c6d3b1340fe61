"""The driver `docker`: commands and apps in containers.

A release is a folder here too: it is mounted, at its own path, into a container of a plain image.
With a Dockerfile it is an image instead (`deploys.drivers.images`). The supervisor runs
`docker run`, which passes signals on and prints what the container prints; what it leaves behind is
found by a label.
"""

import asyncio
import os
import shlex
from collections.abc import Collection
from contextlib import suppress

import structlog

from deploys.drivers.driver import DriverUnavailable, Limits, StartFailed
from deploys.drivers.engine import Engine
from deploys.drivers.processes import SHELL, Confined, Wrapped
from deploys.orphans import VARIABLE
from deploys.supervision.spawning import PRIVATE

LABEL = "sluice.deployed-as"
IMAGES = {"python": "python:3.13-bookworm", "node": "node:22-bookworm"}
"""Of what has no Dockerfile, by its language."""
PLAIN_IMAGE = "debian:12"
NETWORKS = ("network", "ls", "--quiet", "--filter")
MAKE_NETWORK = ("network", "create", "--opt", "com.docker.network.bridge.enable_icc=false")
ROUNDS = 100
ROUND_S = 0.05
FIRST = """\
trap 'asked=1; kill -TERM -1' TERM
asked=
/bin/sh -c "$0" &
while :; do
  wait $!
  code=$?
  kill -0 $! 2>/dev/null || break
done
while [ "$asked" ] && kill -0 -1 2>/dev/null; do sleep 0.1 || sleep 1; done
exit $code
"""
"""The first process of a container: it passes SIGTERM on, and waits for the last one to end.

With it the kernel ends all others there. A shell without this would ignore the signal, or end at
once and take those with it that still save their work.
"""
FIRST_CLEAR = """\
{docker} ps -aq --filter label={label} | xargs -r {docker} rm -f >/dev/null
exec "$@"
"""
"""Should a `docker run` have been killed, its container has the port still."""

log = structlog.get_logger(__name__)


class Docker:
    """An engine of Docker, asked by its command line."""

    name = "docker"

    def __init__(self, engine: Engine, identity: str, image: str) -> None:
        """Takes the image of what has no Dockerfile; empty for one that has its language."""
        self._engine = engine
        self._identity = identity
        self._image = image
        self._own_network = f"sluice-{identity}"
        self._making = asyncio.Lock()

    async def check(self) -> None:
        """Makes the network of our containers. Raises `DriverUnavailable` where no engine answers.

        In it no container reaches another one: apps of different projects have nothing in common.
        """
        await self._engine.check()
        # Two at once would make two of one name, and then the engine takes neither.
        async with self._making:
            try:
                if not (await self._engine.ask(*NETWORKS, f"name=^{self._own_network}$")).strip():
                    await self._engine.ask(*MAKE_NETWORK, self._own_network)
            except StartFailed as error:
                raise DriverUnavailable(f"Docker has no network for apps: {error}") from error

    def wrap(self, confined: Confined) -> Wrapped | None:
        """Returns what runs a command in a container; no image has a program of Sluice."""
        if confined.is_ours:
            return None
        label = self._label(confined.name)
        # Not the engine's own logs: what is printed is kept once, by us, and bounded.
        options = ["--rm", "--label", label, "--log-driver", "none"]
        options += ["--security-opt", "no-new-privileges", *_limits(confined.limits)]
        options += ["--env-file", f"/dev/fd/{PRIVATE}", *self._network(confined)]
        if confined.text:
            # Not by an entry point of the image: that is for its own command.
            options += ["--entrypoint", SHELL]
        command = ["-c", FIRST, confined.text] if confined.text else []
        if confined.image:
            # An image of ours is here or nowhere: somebody else could have published its name.
            options += ["--pull", "never"]
        else:
            options += ["--user", f"{os.getuid()}:{os.getgid()}"]
            options += ["--workdir", str(confined.folder), "--volume", f"{confined.temporary}:/tmp"]
            for folder in (confined.folder, confined.temporary, *confined.writable):
                options += ["--volume", f"{folder}:{folder}"]
        docker = self._engine.command
        run = [*docker, "run", *options, self._image_of(confined), *command]
        clear = FIRST_CLEAR.format(docker=shlex.join(docker), label=shlex.quote(label))
        return Wrapped(
            [SHELL, "-c", clear, "sh", *run],
            _environment(confined),
            is_sandbox=False,
            holds_limits=True,
        )

    async def clear(self, name: str) -> None:
        """Removes the containers of a command or an app, and waits until they are gone."""
        asked = ("ps", "--all", "--quiet", *_filter(self._label(name)))
        try:
            for _ in range(ROUNDS):
                if not (found := (await self._engine.ask(*asked)).split()):
                    return
                # One that ends by itself is about to be removed: that takes its time.
                await self._remove(found)
                await asyncio.sleep(ROUND_S)
        except StartFailed as error:
            # Whoever comes by the same name clears first, and a deployer that begins sweeps.
            log.warning("containers could not be removed", name=name, reason=str(error))

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Removes all containers of this deployer but those to keep."""
        own = f"{self._identity}."
        wanted = "{{.ID}} {{.Label " + f'"{LABEL}"' + "}}"
        try:
            said = await self._engine.ask("ps", "--all", *_filter(LABEL), "--format", wanted)
            found = [line.split(" ", 1) for line in said.splitlines() if " " in line]
            lost = {
                one: label.removeprefix(own)
                for one, label in found
                if label.startswith(own) and label.removeprefix(own) not in keep
            }
            await self._remove(list(lost))
        except StartFailed as error:
            # An engine that is away runs nothing, and removes these when it comes again (`--rm`).
            log.warning("no container could be looked for", reason=str(error))
            return []
        return list(lost.values())

    def _image_of(self, confined: Confined) -> str:
        return confined.image or self._image or IMAGES.get(confined.language, PLAIN_IMAGE)

    def _label(self, name: str) -> str:
        return f"{LABEL}={self._identity}.{name}"

    def _network(self, confined: Confined) -> list[str]:
        options = ["--network", self._own_network if confined.network else "none"]
        if confined.port:
            options += ["--publish", f"127.0.0.1:{confined.port}:{confined.inner_port}"]
        return options

    async def _remove(self, containers: list[str]) -> None:
        if containers:
            with suppress(StartFailed):  # One that ends by itself meanwhile is gone as well.
                await self._engine.ask("rm", "--force", "--volumes", *containers)


def _filter(label: str) -> list[str]:
    return ["--filter", f"label={label}"]


def _limits(limits: Limits) -> list[str]:
    found = ["--pids-limit", str(limits.processes), "--ulimit", f"fsize={limits.disk_bytes}"]
    if limits.memory_bytes:
        found += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    return [*found, "--cpus", f"{limits.cpu:g}"] if limits.cpu else found


def _environment(confined: Confined) -> str:
    """Returns the lines of a file of Docker's; it knows no way to write a value with line ends."""
    lines = []
    for name, value in confined.environment.items():
        if confined.image and name == "TMPDIR":
            continue  # That folder is not mounted there.
        if "\n" in value or "\r" in value or name != name.strip() or name.startswith("#"):
            raise StartFailed(f"Docker cannot hold the variable {name[:100]!r}: it has line ends")
        lines.append(f"{name}={value}\n")
    return "".join(lines) or f"{VARIABLE}=\n"
