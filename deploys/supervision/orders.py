"""What a supervisor is told, and what it says of its app: both as JSON, between two processes."""

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple

from deploys.supervision.spawning import Bounds, Start

STATE_NAME = "state.json"


class StepOrders(NamedTuple):
    """One command that runs to its end."""

    start: Start
    seconds: float
    grace_s: float
    """How long it may take to end by itself once it was asked to."""
    disk_every_s: float


class AppOrders(NamedTuple):
    """An app that is to run until somebody stops it."""

    name: str
    start: Start
    spool_folder: str
    spool_file_bytes: int
    spool_files: int
    state_folder: str
    restart: str
    """`no`, `on-failure`, `always` or `unless-stopped`."""
    backoff_first_s: float
    backoff_max_s: float
    stable_after_s: float
    """Who has run this long begins anew with the shortest back-off."""
    max_restarts: int
    """Restarts in a row, none of which was stable, before it gives up."""
    grace_s: float
    disk_every_s: float


class AppState(NamedTuple):
    """What a supervisor says of its app."""

    name: str
    status: str
    """`running`, `waiting` (for its next start), `stopping`, `stopped`, `exited`, `crash_loop`."""
    pid: int
    """The supervisor's."""
    started: str
    app_pid: int
    """0 where the app does not run."""
    app_started: str
    restarts: int
    """How often it was started again, in all."""
    code: int
    """Exit code of its last run; -1 while there is none."""
    reason: str
    """Why that run ended, in words; empty where it ended by itself."""
    at_us: int
    cgroup: str


def dump(orders: StepOrders | AppOrders) -> bytes:
    """Returns orders as one line."""
    return json.dumps(orders).encode() + b"\n"


def load_step(line: bytes) -> StepOrders:
    """Returns what `dump` was given."""
    start, *rest = json.loads(line)
    return StepOrders(_start(start), *rest)


def load_app(line: bytes) -> AppOrders:
    """Returns what `dump` was given."""
    name, start, *rest = json.loads(line)
    return AppOrders(name, _start(start), *rest)


def _start(fields: list[Any]) -> Start:
    arguments, environment, folder, bounds, *rest = fields
    return Start(arguments, environment, folder, Bounds(*bounds), *rest)


def write_state(folder: str, state: AppState) -> None:
    """Replaces the state in one step: a reader sees the old one or the new one."""
    path = os.path.join(folder, STATE_NAME)
    # A full disk, or a folder that is gone: the app runs on.
    with suppress(OSError):
        with open(f"{path}.new", "w", opener=_private) as file:
            json.dump(state._asdict(), file)
        os.replace(f"{path}.new", path)


def read_state(folder: str) -> AppState | None:
    """Returns the last state; `None` where none was written, or it cannot be read."""
    try:
        with open(os.path.join(folder, STATE_NAME), "rb") as file:
            return AppState(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
