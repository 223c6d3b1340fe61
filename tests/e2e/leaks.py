"""Looks for texts that must be nowhere: in rows, in files, in command lines, in answers.

Also a program, which prints all rows of a stopped server's store: chDB wants its own process.
"""

import base64
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote, quote_plus

import zstandard

from clickhouse.client import Warehouse

ZSTD = zstandard.FRAME_HEADER
LOOK_EVERY_S = 0.03
"""A fetch by git takes longer."""
TABLES = """
    SELECT table, groupArray(name)
    FROM system.columns
    WHERE database = currentDatabase() AND type NOT LIKE '%AggregateFunction%'
    GROUP BY table
"""


def forms(text: str) -> set[bytes]:
    """Returns how a text may stand somewhere: plain, in JSON, in URLs, in base64."""
    plain = text.encode()
    found = {plain, json.dumps(text)[1:-1].encode(), quote(text, safe="").encode()}
    found |= {quote_plus(text).encode(), quote(text).encode()}
    for before, skipped in enumerate((0, 2, 3)):
        whole = (before + len(plain)) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(bytes(before) + plain)[skipped:whole])
    return found


class Secrets:
    """Texts by their name; nothing of them is ever shown but the name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._forms = {name: forms(text) for name, text in texts.items()}

    def __len__(self) -> int:
        return len(self._forms)

    def within(self, content: bytes) -> set[str]:
        """Returns the names of those that stand in it."""
        return {name for name, some in self._forms.items() if any(one in content for one in some)}

    def leaks(self, parts: Iterable[tuple[str, bytes]]) -> list[str]:
        """Returns where which of them stand."""
        return [f"{where}: {name}" for where, some in parts for name in sorted(self.within(some))]


class Commands:
    """Notes the command line of every process that there is, for as long as the context lasts."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: set[bytes] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(file.read_bytes())


def rows_of(data_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Yields every row of a stopped server: of its SQLite files, and of its store."""
    for file in sorted(data_dir.glob("*.db")):
        with closing(sqlite3.connect(file)) as database:
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in names.fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                    yield f"{file.name} {table}", b"\n".join(map(_bytes_of, row))
    command = [sys.executable, "-m", "tests.e2e.leaks", str(data_dir / "warehouse")]
    ran = subprocess.run(command, capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stderr.decode()
    for line in ran.stdout.splitlines():
        table, _, encoded = line.partition(b"\t")
        yield f"store {table.decode()}", base64.b64decode(encoded)


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields every file below a folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield str(file.relative_to(folder)), file.read_bytes()


def _bytes_of(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    if not value.startswith(ZSTD):
        return value
    return zstandard.ZstdDecompressor().decompress(value, max_output_size=1 << 28)


def _print_rows(path: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    for table, columns in warehouse.query_now(TABLES, None, {}).rows:
        shown = ", ".join(f"toString(`{name}`)" for name in columns)
        for row in warehouse.query_now(f"SELECT {shown} FROM `{table}`", None, {}).rows:  # noqa: S608
            encoded = base64.b64encode("\n".join(map(str, row)).encode())
            sys.stdout.write(f"{table}\t{encoded.decode()}\n")
    warehouse.close()


if __name__ == "__main__":
    _print_rows(sys.argv[1])
