"""A new installation whose stores are up to date: a copy of it starts in half the time."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.components.cached import cached

ROOT = Path(__file__).resolve().parents[2]
MADE_OF = ("clickhouse", "controlplane", "processors", "schemas")
"""Packages whose code or statements make it."""
KEPT_S = 86_400
"""Since it was last asked for: each change of the code makes another one."""
OTHER_PLACES = frozenset({"SECRET", "DATABASE_URL", "WAREHOUSE_URL", "KAFKA_URL"})
"""Settings with which an installation is not the files of its folder."""
MAKE = """
import asyncio, os, sys
from pathlib import Path
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane.database import Database
from processors.llm.cost.cache import load_book

async def make_control_plane():
    database = Database(f"sqlite:///{folder / 'control.db'}")
    await database.migrate()
    await database.close()

os.umask(0o077)
folder = Path(sys.argv[1])
folder.mkdir()
asyncio.run(make_control_plane())
warehouse = Warehouse(f"chdb://{folder / 'warehouse'}")
migrate(warehouse)
warehouse.close()
load_book(folder / "cache")
"""


def prepare(folder: Path, settings: Mapping[str, str]) -> None:
    """Makes the folder of a new installation, unless there is one or the settings name others."""
    if not folder.exists() and OTHER_PLACES.isdisjoint(settings):
        shutil.copytree(_migrated(), folder, symlinks=True)


def prepare_store(folder: Path) -> None:
    """Makes the folder of a new `sluice warehouse`, unless there is one."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        shutil.copytree(_migrated() / "warehouse", folder / "warehouse", symlinks=True)


@cache
def _migrated() -> Path:
    folder = cached(f"migrated-{_version()}", _make)
    os.utime(folder)
    return folder / "data"


def _make(folder: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(folder / "data")]
    subprocess.run(command, check=True, capture_output=True)
    for other in folder.parent.glob("migrated-*[0-9a-f]"):
        if other.stat().st_mtime < time.time() - KEPT_S:
            shutil.rmtree(other, ignore_errors=True)


def _version() -> str:
    """Returns a hash of all that it is made of."""
    found = hashlib.sha256(f"{sys.version} {MAKE}".encode())
    files = [file for name in MADE_OF for file in (ROOT / name).rglob("*.*")]
    for file in sorted((*files, ROOT / "requirements" / "run.txt")):
        if file.suffix in (".py", ".sql", ".toml", ".txt") and file.exists():
            found.update(f"{file.relative_to(ROOT)}\n".encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:24]
