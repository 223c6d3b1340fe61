"""Finds processes of ours that nobody watches any more, and ends them: those and no others.

Each command that a deployer starts has `DEPLOYED_AS` in its environment: the deployer's own
random word, and the name of what it belongs to. All that descends from it has it too.
"""

import os
import secrets
import signal
import time
from collections.abc import Collection
from contextlib import suppress

from deploys.places import Places
from deploys.supervision.kin import Process, all_processes, send

ROUNDS = 100
ROUND_S = 0.02
VARIABLE = "DEPLOYED_AS"


def read_identity(places: Places) -> str:
    """Returns the word by which a deployer knows its own; it is made once for its folder."""
    places.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError), places.identity.open("x") as file:
        file.write(secrets.token_hex(8))
    return places.identity.read_text()


def mark(identity: str, name: str) -> dict[str, str]:
    """Returns what goes into the environment of a command."""
    return {VARIABLE: f"{identity}.{name}"}


def marked(identity: str) -> list[tuple[Process, str]]:
    """Returns the processes that carry this deployer's mark, with what each belongs to."""
    start = f"{VARIABLE}={identity}.".encode()
    found = []
    for process in all_processes():
        for entry in _environment(process.pid).split(b"\0"):
            if entry.startswith(start):
                found.append((process, entry.removeprefix(start).decode(errors="replace")))
    return found


def end_marked(identity: str, *, only: str = "", keep: Collection[str] = ()) -> list[str]:
    """Kills what carries the mark: of one name, or of all but those to keep. Returns the names.

    A process that forks meanwhile is found in the next round; after some rounds this gives up. It
    blocks.
    """
    ended: set[str] = set()
    for _ in range(ROUNDS):
        found = [
            (process, name)
            for process, name in marked(identity)
            if process.state != "Z" and name not in keep and (not only or name == only)
        ]
        if not found:
            break
        for process, _name in found:
            send(process, signal.SIGSTOP)
        ended |= {name for process, name in found if send(process, signal.SIGKILL)}
        time.sleep(ROUND_S)
    return sorted(ended)


def _environment(pid: int) -> bytes:
    # Of a process of another user this cannot be read: it is not ours.
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        if os.fstat(file.fileno()).st_uid in {os.geteuid(), 0}:
            return file.read()
    return b""
