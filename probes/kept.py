"""What a prober keeps beside its results: its name, and what it was told to look at last.

One JSON file, for its owner alone: targets hold secrets, such as headers.
"""

import os
import secrets
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from schemas.uptime.probing import TargetsAnswer

OWNER_ONLY = 0o600
log = structlog.get_logger(__name__)


class Kept(Struct, frozen=True):
    """For the next start."""

    holder: str
    """The name under which the prober holds leases."""
    told: TargetsAnswer | None = None


def read_kept(path: Path) -> Kept:
    """Returns what was kept; a new name where nothing was, or the file cannot be read as such.

    Raises `OSError`.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        pass
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.error(
            "what was kept cannot be read, and is made anew", path=str(path), reason=str(error)
        )
    kept = Kept(secrets.token_hex(16))
    write_kept(path, kept)
    return kept


def write_kept(path: Path, kept: Kept) -> None:
    """Replaces the file as a whole. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    whole = path.with_name(f"{path.name}.new")
    whole.unlink(missing_ok=True)
    descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
