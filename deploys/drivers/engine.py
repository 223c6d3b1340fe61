"""An engine of Docker on this machine, asked by its command line."""

import asyncio
import os
import shutil

from deploys.drivers.driver import DriverUnavailable, StartFailed
from deploys.places import Places
from deploys.settings import DeployerSettings

ASK_TIMEOUT_S = 30.0
MISSING = (
    "The driver docker needs the program docker. On Debian and Ubuntu: sudo apt install docker.io"
)


class Engine:
    """What every part of the driver `docker` asks."""

    def __init__(self, settings: DeployerSettings) -> None:
        self._host = settings.docker_host
        # With a configuration of its own: no plugin and no login of whoever runs Sluice.
        self._config = Places(settings.folder).folder / "docker-config"

    @property
    def command(self) -> list[str]:
        """How every command line of it begins. It is looked up each time: it may come later."""
        program = shutil.which("docker") or "docker"
        return [program, "--config", str(self._config), "--host", self._host]

    @property
    def environment(self) -> dict[str, str]:
        """What the program itself finds: nothing of ours, and of no project."""
        return {"PATH": os.defpath}

    async def check(self) -> None:
        """Raises `DriverUnavailable` where none answers."""
        if shutil.which("docker") is None:
            raise DriverUnavailable(MISSING)
        try:
            await self.ask("version", "--format", "{{.Server.Version}}")
        except StartFailed as error:
            where = self._host.removeprefix("unix://")
            raise DriverUnavailable(
                f"No engine of Docker answers at {where} (SLUICE_DEPLOY_DOCKER_HOST). Is it "
                f"started, and may the user of Sluice open that socket? It said: {error}"
            ) from error

    async def ask(self, *arguments: str) -> str:
        """Returns what it answers. Raises `StartFailed` with what it says instead."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self.environment,
            )
        except OSError as error:
            raise StartFailed(f"docker could not be started: {error}") from error
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                said, complaint = await process.communicate()
        except TimeoutError:
            raise StartFailed(f"Docker did not answer within {ASK_TIMEOUT_S:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            raise StartFailed(complaint.decode(errors="replace").strip()[:500])
        return said.decode()
