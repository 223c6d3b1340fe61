"""Where things are when no other engine is named: everything under one data directory."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from schemas.settings import PREFIX, Settings, SettingsError
from sluice.certificates import with_certificates

CONTROL_FILE = "control.db"
DATABASES = re.compile(r"postgresql(\+\w+)?://|sqlite(\+\w+)?:///(?!:memory:)(?P<file>[^?]+)")
WAREHOUSES = re.compile(r"(https?|chdb)://.")
CREDENTIALS = re.compile(r"^(\w[\w+]*://)?.*@")


class Paths(NamedTuple):
    """Files and addresses of one installation."""

    data_dir: Path
    log: Path
    lock: Path
    store_lock: Path
    """Of the embedded store, which another process than that of the log may own."""
    cache: Path
    faust: Path
    checks: Path
    """What the prober of `sluice up` has seen and not delivered yet."""
    prober: Path
    """The same of `sluice prober`, of one region. Its other files are beside it."""
    deploys: Path
    """A deployer's copies of repositories, releases and instances."""
    database_url: str
    warehouse_url: str


def paths_of(settings: Settings) -> Paths:
    """Returns the places that the settings name. Raises `SettingsError` for a wrong address."""
    _refuse_unknown(settings)
    root = Path(settings.data_dir).expanduser().resolve()
    warehouse_url = settings.warehouse_url or f"chdb://{root / 'warehouse'}"
    return Paths(
        data_dir=root,
        log=root / "log.db",
        lock=root / "lock",
        store_lock=root / "warehouse.lock",
        cache=root / "cache",
        faust=root / "faust",
        checks=root / "checks.db",
        prober=root / f"prober-{settings.prober_region}.db",
        deploys=root / f"deploys-{settings.deploy_name}",
        database_url=settings.database_url or f"sqlite:///{root / CONTROL_FILE}",
        warehouse_url=with_certificates(warehouse_url, settings),
    )


def control_plane_file(paths: Paths) -> Path | None:
    """Returns the file of a control plane in SQLite, `None` for one on a server."""
    address = DATABASES.match(paths.database_url)
    file = address and address["file"]
    return Path(file) if file else None


def _refuse_unknown(settings: Settings) -> None:
    database = settings.database_url
    if database and not DATABASES.match(database):
        raise _not_an_address("database_url", "postgresql://… or sqlite:///FILE", database)
    if database.startswith("postgresql") and find_spec("asyncpg") is None:
        raise SettingsError(
            "SLUICE_DATABASE_URL: PostgreSQL needs its driver: pip install '.[postgres]'"
        )
    warehouse = settings.warehouse_url
    if warehouse and not WAREHOUSES.match(warehouse):
        raise _not_an_address("warehouse_url", "http://… or https://…", warehouse)
    if warehouse.startswith("http") and not _is_readable(warehouse):
        # Not shown: what a password is and what is not cannot be told here.
        raise SettingsError(
            f"{PREFIX}WAREHOUSE_URL cannot be read: / # ? @ [ ] in a password are written as"
            " %2F %23 %3F %40 %5B %5D"
        )


def _is_readable(url: str) -> bool:
    """Tells whether a password of the address has not become part of its port or path."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return "@" not in f"{parts.path}{parts.query}{parts.fragment}"


def _not_an_address(name: str, expected: str, given: str) -> SettingsError:
    # What follows a question mark may hold a password too.
    shown = CREDENTIALS.sub(r"\1***@", given).partition("?")[0]
    return SettingsError(f"{PREFIX}{name.upper()}: expected {expected}, not {shown!r}")
