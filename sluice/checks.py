"""Checks of an installation on this machine, each a finding and how to fix it.

None makes or changes anything that is kept. `server_checks` looks at the server from outside.
"""

import os
import platform
import shutil
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from clickhouse.client import Warehouse, path_of
from clickhouse.clocks import clock_difference_s
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import MigrationError, ensure_migrated
from controlplane.contents import contents_of
from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database, newest_revision
from controlplane.failures import ControlPlaneError
from processors.llm.cost.cache import PriceTableError, load_book
from processors.retention import is_too_far
from schemas.settings import Settings, SettingsError
from sluice.lock import AlreadyRunning, hold
from sluice.paths import CONTROL_FILE, CREDENTIALS, Paths, control_plane_file
from sluice.room import DiskFull, refuse_full_disk
from sluice.secret import FILE_NAME, find_secret, other_secrets

DISK_ERROR_BYTES = 1 << 30
DISK_WARNING_BYTES = 5 << 30
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
MAX_CLOCK_DIFFERENCE_S = 5
RESTORE_SECRET = f"restore {FILE_NAME} from a backup, or give the SLUICE_SECRET of before"
MAKE_ROOM = "free some of the disk; what the log holds is stored then"
SET_CLOCK = "set the clock, and let NTP keep it: timedatectl set-ntp true"


class Finding(NamedTuple):
    """What one check found."""

    name: str
    level: Literal["ok", "warning", "error"]
    text: str
    fix: str = ""


def ok(name: str, text: str) -> Finding:
    """Returns that something is as it should be."""
    return Finding(name, "ok", text)


def warning(name: str, text: str, fix: str) -> Finding:
    """Returns what works and should not stay so."""
    return Finding(name, "warning", text, fix)


def error(name: str, text: str, fix: str) -> Finding:
    """Returns what does not work."""
    return Finding(name, "error", text, fix)


def shown(url: str) -> str:
    """Returns an address without what may be a secret in it."""
    return CREDENTIALS.sub(r"\1***@", url).partition("?")[0]


def first_line(failure: BaseException) -> str:
    """Returns what an error says, for a finding of one line."""
    return next(iter(str(failure).splitlines()), "")[:300] or type(failure).__name__


def check_python() -> Finding:
    """Names the interpreter; with another than we need, nothing of ours can be installed."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
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
        fix = f"sudo chown -R $USER {path}, or name another: SLUICE_DATA_DIR"
        return error("data directory", f"{path} is not writable for this user", fix)
    if path.stat().st_mode & OTHERS:
        fix = f"chmod 700 {path}"
        return warning("data directory", f"other users of this machine may enter {path}", fix)
    return ok("data directory", f"{path} is private and writable")


def check_disk(paths: Paths, settings: Settings) -> Finding:
    """Looks at the disk space that is left."""
    free = shutil.disk_usage(paths.data_dir).free
    text = f"{free / (1 << 30):.1f} GiB are free"
    fix = "free some, keep less (SLUICE_RETENTION_DAYS), or move SLUICE_DATA_DIR to another disk"
    try:
        refuse_full_disk(paths.data_dir)
    except DiskFull as failure:
        return error("disk", f"{failure}; every event is answered 503", fix)
    if free < DISK_ERROR_BYTES:
        return error("disk", text, fix)
    if free < DISK_WARNING_BYTES:
        return warning("disk", text, fix)
    bound, most = "LOG_MAX_BYTES", settings.log_max_bytes
    if settings.kafka_url:
        bound, most = "SPOOL_MAX_BYTES", settings.spool_max_bytes
    if free < most:
        less = f"{fix}; or lower SLUICE_{bound}, now {most}"
        return warning("disk", f"{text}, less than the log may take", less)
    return ok("disk", text)


def check_secret(settings: Settings, paths: Paths) -> Finding:
    """Looks at the key that seals API keys."""
    name, path = "secret", paths.data_dir / FILE_NAME
    if settings.kafka_url and not settings.secret:
        fix = "openssl rand -base64 48 makes one; if one is in use, give that (or its secret.key)"
        text = "SLUICE_SECRET is not given, and every process but a worker needs the same"
        return error(name, text, fix)
    try:
        found = find_secret(settings.secret, paths.data_dir)
    except SettingsError as failure:
        fix = "openssl rand -base64 48 makes one" if settings.secret else RESTORE_SECRET
        return error(name, str(failure), fix)
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
    if now < RELEASED:
        return error("clock", f"it says {now:%Y-%m-%d %H:%M} UTC, which is past", SET_CLOCK)
    newest = max((file.stat().st_mtime for file in paths.data_dir.glob("*.db*")), default=0.0)
    ahead_s = newest - now.timestamp()
    if ahead_s > 60:
        return warning(
            "clock", f"it is {ahead_s:.0f} s behind the newest file of the data", SET_CLOCK
        )
    return ok("clock", f"it says {now:%Y-%m-%d %H:%M} UTC")


async def check_control_plane(settings: Settings, paths: Paths) -> Finding:
    """Opens the control plane, and what is sealed in it with the secret."""
    name, url = "control plane", paths.database_url
    file = control_plane_file(paths)
    if file is not None and not file.exists():
        return ok(name, "is made at the first start")
    again = "is SLUICE_DATABASE_URL right, and that server up?"
    if file is not None:
        again = "is SLUICE_DATABASE_URL right? Else restore control.db from a backup"
    try:
        secret = find_secret(settings.secret, paths.data_dir)
        vault = Vault(secret, other_secrets(settings)) if secret else None
    except (SettingsError, OSError, ValueError) as failure:
        return error(name, f"its API keys cannot be read: {failure}", RESTORE_SECRET)
    try:
        database = Database(url)
        try:
            return await _look_into(database, vault)
        finally:
            await database.close()
    except (ControlPlaneError, OSError, ValueError) as failure:
        return error(name, f"{shown(url)}: {first_line(failure)}", again)
    except Exception as failure:  # a missing table or a damaged file, in the driver's own classes
        fix = f"run: sluice migrate; if that fails: {again}"
        return error(name, f"{shown(url)}: {first_line(failure)}", fix)


async def _look_into(database: Database, vault: Vault | None) -> Finding:
    name, newest = "control plane", newest_revision()
    await database.ping()
    stored = await database.revision()
    if stored is None:
        return error(name, "it has no tables yet", "sluice migrate")
    if stored != newest:
        fix = "sluice migrate" if stored < newest else "install the newer version again"
        return error(name, f"it is at migration {stored}, this version has {newest}", fix)
    today = datetime.now(UTC).date()
    try:
        found = await contents_of(database, vault)
    except UnsealError:
        text = "the secret (SLUICE_SECRET, or else secret.key) is not the one that sealed it"
        return error(name, text, f"{RESTORE_SECRET}: every process needs the same")
    if vault is None and not found.is_sealed:
        return ok(name, "nothing is sealed yet")
    if vault is None:
        text = f"{found.projects} projects, whose API keys cannot be read without their secret"
        return error(name, text, RESTORE_SECRET)
    known = found.known_day
    if known is not None and is_too_far(today, known):
        text = f"nothing is deleted for its age: retention knows {known}, the clock says {today}"
        return warning(name, text, f"if the clock is right: sluice retention confirm {today}")
    if found.projects and not found.keys:
        return warning(name, "no API key can be read with this secret", "sluice key create")
    return ok(name, f"projects: {found.projects}, API keys: {found.keys}")


def check_store(paths: Paths) -> Finding:
    """Opens the embedded store of a stopped server."""
    path = path_of(paths.warehouse_url)
    if path is None or not path.exists():
        return ok("store", "is made at the first start")
    try:
        refuse_full_disk(path)
    except DiskFull as failure:
        return error("store", f"cannot store: {failure}", MAKE_ROOM)
    try:
        lock = hold(paths.store_lock)
    except AlreadyRunning as failure:
        return warning("store", str(failure), "a server is starting: try again")
    with lock:
        warehouse = Warehouse(paths.warehouse_url, readers=1)
        try:
            warehouse.query_now("SELECT 1", None, {})
        except Exception as failure:  # the engine's own classes: whatever it says is the finding
            fix = f"restore {path} from a backup; what the log still holds is stored again"
            return error("store", first_line(failure), fix)
        finally:
            warehouse.close()
    return ok("store", f"{path} opens")


def check_store_server(url: str, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Asks a ClickHouse server for its version, its tables and its clock."""
    name, where = "store", shown(url)
    warehouse = Warehouse(url, readers=1)
    try:
        version = warehouse.query_now("SELECT version()", None, {}).rows[0][0]
        found = [ok(name, f"{where} answers, ClickHouse {version}")]
        try:
            ensure_migrated(warehouse)
        except MigrationError as failure:
            found.append(error(name, f"{where}: {failure}", "sluice migrate, of this version"))
        return [*found, _compare_clocks(warehouse, clock)]
    except WarehouseUnavailable as failure:
        fix = "is SLUICE_WAREHOUSE_URL right, and that server up?"
        return [error(name, f"{where} does not answer: {first_line(failure)}", fix)]
    except Exception as failure:  # whatever the engine says is the finding
        fix = "is SLUICE_WAREHOUSE_URL (database, user, password, SLUICE_WAREHOUSE_CA_FILE) right?"
        return [error(name, f"{where}: {first_line(failure)}", fix)]
    finally:
        warehouse.close()


def _compare_clocks(warehouse: Warehouse, clock: Callable[[], float]) -> Finding:
    difference_s = clock_difference_s(warehouse, clock)
    text = f"the store's is {difference_s:.0f} s from this machine's"
    if difference_s > MAX_CLOCK_DIFFERENCE_S:
        return warning("store's clock", text, f"on both machines: {SET_CLOCK}")
    return ok("store's clock", text)


def check_prices(paths: Paths) -> Finding:
    """Loads the price table."""
    if not paths.data_dir.exists():
        return ok("prices", "are compiled at the first start")
    started = time.perf_counter()
    try:
        book = load_book(paths.cache)
    except PriceTableError as failure:
        fix = f"remove {paths.cache} and run: make up"
        return error("prices", first_line(failure), fix)
    ms = (time.perf_counter() - started) * 1000
    return ok("prices", f"{len(book.providers)} providers, loaded in {ms:.0f} ms")
