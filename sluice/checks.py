"""Checks of an installation on this machine, each a finding with the way to mend what is wrong.

None makes or changes anything that is kept. `server_checks` looks at the server from outside.
"""

import os
import platform
import shutil
import stat
import sys
import time
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from clickhouse.client import Warehouse, path_of
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.directory import all_projects
from controlplane.errors import ControlPlaneError
from controlplane.keys import list_keys
from processors.cost.cache import PriceTableError, load_book
from schemas.settings import Settings, SettingsError
from sluice.lock import AlreadyRunning, hold
from sluice.paths import CONTROL_FILE, Paths, control_plane_file
from sluice.secret import FILE_NAME, find_secret

LEAST_PYTHON = (3, 11)
DISK_ERROR_BYTES = 1 << 30
DISK_WARNING_BYTES = 5 << 30
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
RESTORE_SECRET = f"restore {FILE_NAME} from a backup, or give the SLUICE_SECRET of before"


class Finding(NamedTuple):
    """What one check found."""

    name: str
    level: Literal["ok", "warning", "error"]
    text: str
    mend: str = ""


def ok(name: str, text: str) -> Finding:
    """Returns that something is as it should be."""
    return Finding(name, "ok", text)


def warning(name: str, text: str, mend: str) -> Finding:
    """Returns what works and should not stay so."""
    return Finding(name, "warning", text, mend)


def error(name: str, text: str, mend: str) -> Finding:
    """Returns what does not work."""
    return Finding(name, "error", text, mend)


def check_python() -> Finding:
    """Looks at the interpreter."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < LEAST_PYTHON:
        return error("python", found, "install Python 3.11 or newer, remove .venv, run make up")
    return ok("python", found)


def check_data_dir(paths: Paths) -> Finding:
    """Looks at the rights of the data directory."""
    path = paths.data_dir
    if not path.exists():
        parent = next(parent for parent in path.parents if parent.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return ok("data directory", f"{path} is made at the first start")
        return error("data directory", f"{parent} is not writable", f"sudo chown $USER {parent}")
    if not path.is_dir():
        return error("data directory", f"{path} is no directory", "name another: SLUICE_DATA_DIR")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        mend = f"sudo chown -R $USER {path}, or name another: SLUICE_DATA_DIR"
        return error("data directory", f"{path} is not writable for this user", mend)
    if path.stat().st_mode & OTHERS:
        mend = f"chmod 700 {path}"
        return warning("data directory", f"other users of this machine may enter {path}", mend)
    return ok("data directory", f"{path} is private and writable")


def check_disk(paths: Paths, settings: Settings) -> Finding:
    """Looks at the room that is left."""
    free = shutil.disk_usage(paths.data_dir).free
    text = f"{free / (1 << 30):.1f} GiB are free"
    mend = "make room, keep less (SLUICE_RETENTION_DAYS), or move SLUICE_DATA_DIR to another disk"
    if free < DISK_ERROR_BYTES:
        return error("disk", text, mend)
    if free < DISK_WARNING_BYTES:
        return warning("disk", text, mend)
    if free < settings.log_max_bytes:
        less = f"{mend}; or lower SLUICE_LOG_MAX_BYTES, now {settings.log_max_bytes}"
        return warning("disk", f"{text}, less than the log may take", less)
    return ok("disk", text)


def check_secret(settings: Settings, paths: Paths) -> Finding:
    """Looks at the key that seals API keys."""
    name, path = "secret", paths.data_dir / FILE_NAME
    try:
        found = find_secret(settings.secret, paths.data_dir)
    except SettingsError as failure:
        mend = "openssl rand -base64 48 makes one" if settings.secret else RESTORE_SECRET
        return error(name, str(failure), mend)
    except (OSError, UnicodeDecodeError) as failure:
        return error(name, f"{path}: {failure}", f"sudo chown $USER {path}; chmod 600 {path}")
    if settings.secret:
        return ok(name, "comes from SLUICE_SECRET")
    if found is None:
        if (paths.data_dir / CONTROL_FILE).exists():
            return error(name, f"{path} is missing", RESTORE_SECRET)
        return ok(name, "is made at the first start")
    if path.stat().st_mode & OTHERS:
        return error(name, f"other users may read {path}", f"chmod 600 {path}")
    return ok(name, f"{path} is private and readable")


def check_clock(paths: Paths) -> Finding:
    """Compares the clock with what it must be later than."""
    now = datetime.now(UTC)
    mend = "set the clock, and let NTP keep it: timedatectl set-ntp true"
    if now < RELEASED:
        return error("clock", f"it says {now:%Y-%m-%d %H:%M} UTC, which is past", mend)
    newest = max((file.stat().st_mtime for file in paths.data_dir.glob("*.db*")), default=0.0)
    ahead_s = newest - now.timestamp()
    if ahead_s > 60:
        return warning("clock", f"it is {ahead_s:.0f} s behind the newest file of the data", mend)
    return ok("clock", f"it says {now:%Y-%m-%d %H:%M} UTC")


async def check_control_plane(settings: Settings, paths: Paths) -> Finding:
    """Opens the control plane, and the sealed keys with the secret."""
    name = "control plane"
    file = control_plane_file(paths)
    if file is not None and not file.exists():
        return ok(name, "is made at the first start")
    try:
        secret = find_secret(settings.secret, paths.data_dir)
    except (SettingsError, OSError, ValueError) as failure:
        return error(name, f"its API keys cannot be read: {failure}", RESTORE_SECRET)
    try:
        projects, keys = await _read_control_plane(paths.database_url, secret)
    except (ControlPlaneError, OSError, ValueError) as failure:
        mend = "is SLUICE_DATABASE_URL right? For SQLite: restore control.db from a backup"
        return error(name, str(failure), mend)
    except Exception as failure:  # a missing table or a damaged file, in the driver's own classes
        mend = "run: sluice migrate; if that fails, restore control.db from a backup"
        return error(name, str(failure).splitlines()[0], mend)
    if projects and secret is None:
        text = f"{projects} projects, whose API keys cannot be read without their secret"
        return error(name, text, RESTORE_SECRET)
    if projects and not keys:
        mend = "sluice key create; if there were keys, give the old SLUICE_SECRET back"
        return warning(name, "no API key can be read with this secret", mend)
    return ok(name, f"{projects} projects, {keys} API keys")


async def _read_control_plane(url: str, secret: str | None) -> tuple[int, int]:
    """Returns how many projects there are, and how many of their keys the secret opens."""
    database = Database(url)
    try:
        await database.ping()
        projects = await all_projects(database)
        if secret is None:
            return len(projects), 0
        vault = Vault(secret)
        listed = [await list_keys(database, vault, row.project_id) for row in projects]
        return len(projects), sum(map(len, listed))
    finally:
        await database.close()


def check_store(paths: Paths) -> Finding:
    """Opens the store of a stopped server, or asks a ClickHouse server."""
    url = paths.warehouse_url
    path = path_of(url)
    if path is None:
        mend = "is SLUICE_WAREHOUSE_URL right, and that server up?"
        return _ask_store(url, "the ClickHouse server answers", mend)
    if not path.exists():
        return ok("store", "is made at the first start")
    try:
        lock = hold(paths.lock)
    except AlreadyRunning as failure:
        return warning("store", str(failure), "a server is starting: try again")
    with lock:
        mend = f"restore {path} from a backup; what the log still holds is stored again"
        return _ask_store(url, f"{path} opens", mend)


def check_prices(paths: Paths) -> Finding:
    """Loads the price table."""
    if not paths.data_dir.exists():
        return ok("prices", "are compiled at the first start")
    started = time.perf_counter()
    try:
        book = load_book(paths.cache)
    except PriceTableError as failure:
        mend = f"remove {paths.cache} and run: make up"
        return error("prices", str(failure).splitlines()[0], mend)
    ms = (time.perf_counter() - started) * 1000
    return ok("prices", f"{len(book.providers)} providers, loaded in {ms:.0f} ms")


def _ask_store(url: str, works: str, mend: str) -> Finding:
    warehouse = Warehouse(url, readers=1)
    try:
        warehouse.query_now("SELECT 1", None, {})
    except Exception as failure:  # the engine's own classes: whatever it says is the finding
        return error("store", str(failure).splitlines()[0][:300], mend)
    finally:
        warehouse.close()
    return ok("store", works)
