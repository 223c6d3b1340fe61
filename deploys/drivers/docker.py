"""The driver `docker`: commands and apps in containers, and images from Dockerfiles.

A release is a folder here too: it is mounted, at its own path, into a container of a plain image.
With a Dockerfile it is an image instead. The supervisor runs `docker run`, which passes signals on
and prints what the container prints; what it leaves behind is found by a label.
"""

import asyncio
import os
import shlex
import shutil
from collections.abc import Collection
from pathlib import Path

from deploys.drivers.driver import DriverUnavailable, Ended, Limits, Output, StartFailed
from deploys.drivers.processes import SHELL, Confined, Wrapped
from deploys.orphans import VARIABLE
from deploys.places import Places
from deploys.settings import DeployerSettings
from deploys.steps import GRACE_S, run_step
from deploys.supervision.orders import StepOrders
from deploys.supervision.spawning import PRIVATE, Bounds, Start

LABEL = "sluice.deployed-as"
ASK_TIMEOUT_S = 30
OF_THE_IMAGE = {"PATH", "HOME", "VIRTUAL_ENV", "PWD", "TMPDIR", "LANG", "LC_ALL", "TERM"}
"""What an image from a Dockerfile says better than we do."""
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


class Docker:
    """An engine of Docker, asked by its command line."""

    name = "docker"

    def __init__(self, settings: DeployerSettings, identity: str) -> None:
        program = shutil.which("docker")
        if program is None:
            raise DriverUnavailable(
                "The driver docker needs the program docker. On Debian and Ubuntu: "
                "sudo apt install docker.io"
            )
        self._settings = settings
        self._identity = identity
        # With a configuration of its own: no plugin and no login of whoever runs Sluice.
        config = str(Places(settings.folder).folder / "docker-config")
        self._docker = [program, "--config", config, "--host", settings.docker_host]

    async def check(self) -> None:
        """Raises `DriverUnavailable` where no engine answers."""
        try:
            await self._ask("version", "--format", "{{.Server.Version}}")
        except (StartFailed, TimeoutError) as error:
            raise DriverUnavailable(
                f"No Docker answers at {self._settings.docker_host}: {error}"
            ) from error

    def wrap(self, confined: Confined) -> Wrapped:
        """Returns what runs a command in a container."""
        label = self._label(confined.name)
        # Not the engine's own logs: what is printed is kept once, by us, and bounded.
        options = ["--rm", "--label", label, "--log-driver", "none"]
        options += ["--security-opt", "no-new-privileges", *_limits(confined.limits)]
        options += ["--env-file", f"/dev/fd/{PRIVATE}", *self._network(confined)]
        text = [SHELL, "-c", FIRST, confined.text] if confined.text else []
        if not confined.image:
            options += ["--user", f"{os.getuid()}:{os.getgid()}"]
            options += ["--workdir", str(confined.folder), "--volume", f"{confined.temporary}:/tmp"]
            for folder in (confined.folder, confined.temporary, *confined.writable):
                options += ["--volume", f"{folder}:{folder}"]
        run = [*self._docker, "run", *options, confined.image or self._settings.docker_image]
        clear = FIRST_CLEAR.format(docker=shlex.join(self._docker), label=shlex.quote(label))
        return Wrapped(
            [SHELL, "-c", clear, "sh", *run, *text],
            _environment(confined),
            is_sandbox=False,
            holds_limits=True,
        )

    async def clear(self, name: str) -> None:
        """Removes the containers of a command or an app."""
        await self._remove(await self._containers(f"{LABEL}={self._identity}.{name}"))

    async def sweep(self, keep: Collection[str]) -> list[str]:
        """Removes all containers of this deployer but those to keep."""
        kept = {self._label(name) for name in keep}
        said = await self._ask(
            *("ps", "--all", "--filter", f"label={LABEL}"),
            *("--format", '{{.ID}} {{.Label "' + LABEL + '"}}'),
        )
        found = [line.split(" ", 1) for line in said.splitlines() if " " in line]
        own = f"{self._identity}."
        lost = {
            one: label.removeprefix(own)
            for one, label in found
            if label.startswith(own) and f"{LABEL}={label}" not in kept
        }
        await self._remove(list(lost))
        return list(lost.values())

    async def build(
        self, folder: Path, tag: str, limits: Limits, out: Output, *, cancel: asyncio.Event
    ) -> Ended:
        """Builds an image from the Dockerfile of a folder. Nothing of an environment is in it."""
        network = [] if self._settings.build_network else ["--network", "none"]
        memory = ["--memory", str(limits.memory_bytes)] if limits.memory_bytes else []
        arguments = [*self._docker, "build", "--force-rm", "--tag", tag]
        arguments += [*network, *memory, str(folder)]
        environment = {"PATH": os.defpath, "DOCKER_BUILDKIT": "0"}
        bounds = Bounds(0, 0, 0, 0)
        start = Start(arguments, environment, str(folder), bounds, "", is_wrapped=False, private="")
        orders = StepOrders(start, limits.seconds, GRACE_S, GRACE_S)
        return await run_step(orders, out, cancel=cancel, output_bytes=limits.output_bytes)

    async def remove_image(self, tag: str) -> None:
        """Removes an image; one that is not there, or is used, stays as it is."""
        process = await self._start("image", "rm", tag)
        await process.communicate()

    def _label(self, name: str) -> str:
        return f"{LABEL}={self._identity}.{name}"

    def _network(self, confined: Confined) -> list[str]:
        if confined.port:
            return ["--publish", f"127.0.0.1:{confined.port}:{confined.port}"]
        return [] if confined.network else ["--network", "none"]

    async def _containers(self, label: str) -> list[str]:
        return (await self._ask("ps", "--all", "--quiet", "--filter", f"label={label}")).split()

    async def _remove(self, containers: list[str]) -> None:
        if containers:
            # One that ends by itself meanwhile is gone as well.
            process = await self._start("rm", "--force", "--volumes", *containers)
            await process.communicate()

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._docker,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath},
        )

    async def _ask(self, *arguments: str) -> str:
        process = await self._start(*arguments)
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                said, complaint = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        if process.returncode:
            raise StartFailed(complaint.decode(errors="replace").strip()[:500])
        return said.decode()


def _limits(limits: Limits) -> list[str]:
    found = ["--pids-limit", str(limits.processes), "--ulimit", f"fsize={limits.disk_bytes}"]
    if limits.memory_bytes:
        found += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    return [*found, "--cpus", f"{limits.cpu:g}"] if limits.cpu else found


def _environment(confined: Confined) -> str:
    """Returns the lines of a file of Docker's; it knows no way to write a value with line ends."""
    lines = []
    for name, value in confined.environment.items():
        if confined.image and name in OF_THE_IMAGE:
            continue
        if "\n" in value or "\r" in value or name != name.strip() or name.startswith("#"):
            raise StartFailed(f"Docker cannot hold the variable {name[:100]!r}: it has line ends")
        lines.append(f"{name}={value}\n")
    return "".join(lines) or f"{VARIABLE}=\n"
