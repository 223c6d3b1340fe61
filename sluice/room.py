"""Whether the disk of the data directory has room. Without it every event is answered 503."""

import shutil
from pathlib import Path

LEAST_BYTES = 1 << 20
"""What log and store need for anything at all."""


class DiskFull(Exception):
    """Raised where nothing can be written; the message names the place."""


def refuse_full_disk(folder: Path) -> None:
    """Raises `DiskFull`."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise DiskFull(f"the disk of {folder} is full: {free} bytes are free")
