"""Where things are when no other engine is named: everything under one data directory."""

from pathlib import Path
from typing import NamedTuple

from schemas.settings import Settings


class Paths(NamedTuple):
    """Files and addresses of one installation."""

    data_dir: Path
    log: Path
    lock: Path
    cache: Path
    faust: Path
    database_url: str
    warehouse_url: str


def paths_of(settings: Settings) -> Paths:
    """Returns the places that the settings name."""
    root = Path(settings.data_dir).expanduser().resolve()
    return Paths(
        data_dir=root,
        log=root / "log.db",
        lock=root / "lock",
        cache=root / "cache",
        faust=root / "faust",
        database_url=settings.database_url or f"sqlite:///{root / 'control.db'}",
        warehouse_url=settings.warehouse_url or f"chdb://{root / 'warehouse'}",
    )
