"""`sluice up --warehouse-port`: the store in a `sluice warehouse` of its own, as a child process.

Its users are then kept from the machine's files and from the network by the kernel. That could not
be done to the process that takes the events, because it needs both.
"""

import asyncio
import ctypes
import os
import secrets
import signal
import sys
from contextlib import suppress
from pathlib import Path

import httpx
from msgspec.structs import replace

from clickhouse.client import path_of
from schemas.settings import PREFIX, SECRETS, Settings, SettingsError
from sluice import node
from sluice.commands.warehouse import is_this_machine
from sluice.ending import ends_within
from sluice.paths import paths_of
from sluice.process import Process

OURS = "sluice-up"
"""The user of the warehouse that this process is."""
PROGRAM = "from sluice.cli import main; main()"
STOP_S, POLL_S = 5.0, 0.05
SET_PARENT_DEATH_SIGNAL = 1


async def open_parts(process: Process) -> None:
    """Starts the child on this data directory, and opens the parts of `sluice up` over it."""
    settings = process.settings
    if path_of(process.paths.warehouse_url) is None:
        raise SettingsError(
            f"--warehouse-port serves the embedded store, and {PREFIX}WAREHOUSE_URL names a server"
        )
    password = secrets.token_urlsafe(24)
    child = await _start(settings, process.paths.data_dir, password)
    process.stack.push_async_callback(_stop, child)
    await _answers(child, f"http://{_host(settings)}:{settings.warehouse_port}", password)
    address = f"http://{OURS}:{password}@{_host(settings)}:{settings.warehouse_port}"
    process.settings = replace(settings, warehouse_url=address)
    process.paths = paths_of(process.settings)
    process.faults.append(lambda: _ended(child))
    await node.open_parts(process)


async def _start(settings: Settings, data_dir: Path, password: str) -> asyncio.subprocess.Process:
    others = settings.warehouse_users
    if not others and not is_this_machine(settings.warehouse_host):
        raise SettingsError(
            f"{PREFIX}WAREHOUSE_USERS must be set to listen on {settings.warehouse_host}"
        )
    separator = "\n" if "\n" in others.strip() else ","
    users = separator.join(part for part in (others, f"{OURS}:{password}:write") if part)
    # What keeps users from the machine's secrets is given none of ours.
    secret = {f"{PREFIX}{name.upper()}{end}" for name in SECRETS for end in ("", "_FILE")}
    environment = {name: value for name, value in os.environ.items() if name not in secret}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "warehouse"),
        env={
            **environment,
            f"{PREFIX}WAREHOUSE_USERS": users,
            f"{PREFIX}WAREHOUSE_PORT": str(settings.warehouse_port),
            f"{PREFIX}DATA_DIR": str(data_dir),
        },
        # A Ctrl-C is for the parent, which stores through the child what it still has.
        start_new_session=True,
        preexec_fn=_end_with_parent,
        stdout=asyncio.subprocess.DEVNULL,
    )


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


async def _answers(child: asyncio.subprocess.Process, url: str, password: str) -> None:
    # Another warehouse that has the port answers too, but does not know this user.
    async with httpx.AsyncClient(auth=(OURS, password), trust_env=False) as client:
        while child.returncode is None:
            with suppress(httpx.TransportError):
                if (await client.get(url, params={"query": "SELECT 1"})).is_success:
                    return
            await asyncio.sleep(POLL_S)
    raise SettingsError("the warehouse did not start; its reason is above")


def _host(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(
        settings.warehouse_host, settings.warehouse_host
    )
    return f"[{host}]" if ":" in host else host


async def _ended(child: asyncio.subprocess.Process) -> str:
    code = await child.wait()
    return f"the warehouse ended with exit code {code}"


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    if not await ends_within(child.wait(), STOP_S):
        child.kill()
        await child.wait()
