"""Runs git with nothing of this machine's own settings, and only where it was sent.

A secret goes to git in its environment, by `GIT_CONFIG_VALUE_…`: it is in no command line, in no
file, and in no text that this module gives out.
"""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from deploys.drivers.driver import Ended
from deploys.failures import CheckoutFailed
from deploys.remotes import Remote
from deploys.steps import GRACE_S, run_step
from deploys.supervision.orders import StepOrders
from deploys.supervision.spawning import Bounds, Start
from deploys.supervision.spools import Stream

PROTOCOLS = "https:http:ssh:git"
MAX_OUTPUT_BYTES = 64 << 20
MOST_COMPLAINT_BYTES = 16 << 10
"""Of stderr, its end. Servers write there what they want, up to `MAX_OUTPUT_BYTES`, and it is
searched for what it means: 400 KB took the event loop 24 s."""
MAX_PROCESSES = 64
DISK_EVERY_S = 0.5
LEAST_VERSION = (2, 37)
"""The first that connects to a pinned address: `http.curloptResolve`."""


class Git(Struct, frozen=True, kw_only=True):
    """How git is run."""

    home: Path
    """Git's HOME: it is made, and nothing is in it."""
    remote: Remote | None = None
    """Where it may go; `None`: nowhere."""
    ssh_key_file: Path | None = None
    ca_file: Path | None = None
    seconds: float
    disk_bytes: int
    memory_bytes: int
    """Of all its processes together."""


class Said(Struct, frozen=True, kw_only=True):
    """What git said."""

    ended: Ended
    output: bytes
    complaint: str
    """The end of its stderr, with the secret replaced if it were in it."""


async def run_git(
    git: Git,
    arguments: Sequence[str],
    *,
    folder: Path,
    cancel: asyncio.Event | None = None,
    index: Path | None = None,
) -> Said:
    """Runs git in a folder. Raises `CheckoutFailed` where there is no git."""
    program = find_git()
    git.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = git_environment(git)
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    start = Start(
        [program, *arguments],
        environment,
        str(folder),
        Bounds(git.memory_bytes, git.disk_bytes, MAX_PROCESSES, 5),
        "",
        is_wrapped=False,
        private="",
    )
    printed: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}

    async def keep(stream: Stream, content: bytes) -> None:
        printed[stream].append(content)

    ended = await run_step(
        StepOrders(start, git.seconds, GRACE_S, DISK_EVERY_S),
        keep,
        cancel=cancel or asyncio.Event(),
        output_bytes=MAX_OUTPUT_BYTES,
    )
    complaint = _without_secret(b"".join(printed["stderr"]), git.remote)
    return Said(
        ended=ended,
        output=b"".join(printed["stdout"]),
        complaint=complaint[-MOST_COMPLAINT_BYTES:].decode(errors="replace"),
    )


@cache
def find_git() -> str:
    """Returns the path of git. Raises `CheckoutFailed` where it is missing or too old."""
    program = shutil.which("git")
    if program is None:
        raise CheckoutFailed("This machine has no git. On Debian and Ubuntu: sudo apt install git")
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise CheckoutFailed(f"This machine's git is too old ({said.strip()}): {least} is needed")
    return program


def git_environment(git: Git) -> dict[str, str]:
    """Returns all that git finds in its environment."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(git.home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    settings = {
        # Larger files go through git in pieces, and are never in memory as a whole.
        "core.bigFileThreshold": "16m",
        "core.deltaBaseCacheLimit": "32m",
        # Each has such a cache and objects of its own; git would take one for each processor.
        "pack.threads": "2",
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "credential.helper": "",
        "fetch.recurseSubmodules": "false",
        "gc.auto": "0",
        "http.followRedirects": "false",
        "maintenance.auto": "false",
        "protocol.version": "2",
        "safe.directory": "*",
    }
    if git.ca_file is not None:
        settings["http.sslCAInfo"] = str(git.ca_file)
    if git.remote is not None:
        settings |= _remote_settings(git.remote)
        environment |= _remote_environment(git)
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment | {"GIT_CONFIG_COUNT": str(len(settings))}


def remote_url(remote: Remote) -> str:
    """Returns the URL that git is given: by its address, where git cannot be told otherwise."""
    if remote.scheme != "git":
        return remote.url
    host = f"[{remote.address}]" if ":" in remote.address else remote.address
    path = remote.url.split("/", 3)[3]
    return f"git://{host}:{remote.port}/{path}"


def _remote_settings(remote: Remote) -> Mapping[str, str]:
    if remote.scheme not in {"http", "https"}:
        return {}
    address = f"[{remote.address}]" if ":" in remote.address else remote.address
    # What is an address already needs no look-up, and curl would not take one of IPv6 here.
    is_name = remote.host != remote.address
    pin = f"{remote.host}:{remote.port}:{address}"
    settings = {"http.curloptResolve": pin} if is_name else {}
    if remote.header:
        # Of this repository alone, should git ever ask another.
        settings[f"http.{remote.url}.extraHeader"] = remote.header
    return settings


def _remote_environment(git: Git) -> Mapping[str, str]:
    remote = git.remote
    assert remote is not None
    if remote.scheme == "file":
        return {"GIT_ALLOW_PROTOCOL": "file"}
    if remote.scheme == "git":
        return {"GIT_OVERRIDE_VIRTUAL_HOST": f"{remote.host}:{remote.port}"}
    if remote.scheme == "ssh":
        return {"GIT_SSH_COMMAND": _ssh(git, remote), "GIT_SSH_VARIANT": "ssh"}
    return {}


def _ssh(git: Git, remote: Remote) -> str:
    key = git.ssh_key_file or "/dev/null"
    options = [
        *("BatchMode=yes", "IdentitiesOnly=yes", f"IdentityFile={key}"),
        *(f"HostName={remote.address}", f"HostKeyAlias={remote.host}"),
        *("StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={git.home}/known_hosts"),
    ]
    return " ".join(["ssh", "-F", "/dev/null", *(f"-o '{option}'" for option in options)])


def _without_secret(text: bytes, remote: Remote | None) -> bytes:
    if remote is None or not remote.header:
        return text
    secret = remote.header.rpartition(" ")[2]
    return text.replace(secret.encode(), b"[secret]")
