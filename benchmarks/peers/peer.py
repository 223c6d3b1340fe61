"""How a server that is compared is described, and how one from PyPI is installed."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

INSTALL_S = 900
BUSY_S = 5
"""How long a count waits for a file that somebody writes."""


class Place(NamedTuple):
    """Where one server runs."""

    programs: Path
    """The folder of the programs of its environment."""
    folder: Path
    """What it keeps, and nothing else."""
    port: int


class Peer(NamedTuple):
    """A server that is compared: each of them says the same of itself."""

    name: str
    version: str
    package: str
    """Its name on PyPI; empty where it is installed already."""
    works: Sequence[str]
    """The names of the works that it takes."""
    prepare: Callable[[Place], None]
    """Makes its folder ready before its first start."""
    commands: Callable[[Place], list[list[str]]]
    """Its processes, which may start others."""
    environ: Callable[[Place], Mapping[str, str]]
    ready: str
    """The path that answers 200 when it has started."""
    headers: Mapping[str, str]
    count: Callable[[Place, str], int]
    """How many events of a work it has stored; asked while it runs. Raises `CANNOT_COUNT`."""


CANNOT_COUNT = (OSError, ValueError, sqlite3.Error)
"""It may be starting, or writing: ask again."""


def rows_in(file: str, table: str) -> Callable[[Place, str], int]:
    """Counts the rows of a table of a SQLite file in the folder."""

    def count(place: Place, _: str) -> int:
        address = f"file:{place.folder / file}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    return count


def nothing_to_prepare(_: Place) -> None:
    """Does nothing: the server makes its own folder ready."""


def install(peer: Peer, environments: Path) -> Path:
    """Returns the programs of the peer's own environment; makes it where it is missing.

    Raises `subprocess.SubprocessError` where it cannot be installed.
    """
    if not peer.package:
        return Path(sys.executable).parent
    folder = environments / peer.name.lower()
    wanted = f"{peer.package}=={peer.version}"
    programs = folder / "bin"
    if _installed(programs, peer.package) != peer.version:
        wanted = f"{peer.package}=={peer.version}"
        print(f"Installing {wanted} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_S)
        pip = [str(programs / "pip"), "install", "-q", "--disable-pip-version-check", wanted]
        subprocess.run(pip, check=True, timeout=INSTALL_S)
    return programs


def _installed(programs: Path, package: str) -> str:
    """Returns the version of a package in an environment; empty where it is not there."""
    if not (programs / "python").exists():
        return ""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    command = [str(programs / "python"), "-c", ask]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
