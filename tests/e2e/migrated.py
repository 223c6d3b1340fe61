"""A new installation whose stores are up to date: a copy of it starts in half the time."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

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
    _folders.append(tempfile.TemporaryDirectory(prefix="sluice-migrated-"))
    folder = Path(_folders[-1].name, "data")
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, capture_output=True)
    return folder


_folders: "list[tempfile.TemporaryDirectory[str]]" = []
"""Removed when the tests end."""
