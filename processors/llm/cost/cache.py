"""The compiled price table on disk: read it, or have it compiled by a process of its own.

A file is MAGIC, the SHA-256 of the rest, and the msgpack of a `PriceTable`. Its name holds the
version of genai-prices and a digest of what we add to it in `terms.toml` and `corrections.toml`,
so that a change of any compiles anew; older files stay, to explain older prices.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from processors.llm.cost.book import PriceBook
from processors.llm.cost.table import FORMAT, PriceTable

_MAGIC = b"SLPRICE1"
_DIGEST_BYTES = 32
# It takes about a second; the rest is for a machine that is busy starting.
_COMPILE_TIMEOUT_S = 120


class PriceTableError(Exception):
    """The price table could not be compiled, or what was compiled cannot be read."""


def load_book(cache_dir: Path) -> PriceBook:
    """The price book of the installed genai-prices, compiled into cache_dir when needed.

    May be called by several processes at once. Raises PriceTableError when compiling fails.
    """
    name = f"prices-{version('genai-prices')}-f{FORMAT}-{_additions_digest()}.msgpack"
    path = cache_dir.absolute() / name
    table = read_table(path)
    if table is None:
        _compile(path)
        table = read_table(path)
    if table is None:
        raise PriceTableError(f"{path} was compiled but cannot be read back")
    return PriceBook(table)


def read_table(path: Path) -> PriceTable | None:
    """The table in the file, or None when it is absent, unreadable or damaged."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    payload = sealed[len(_MAGIC) + _DIGEST_BYTES :]
    if sealed != seal(payload):
        return None
    try:
        return msgspec.msgpack.decode(payload, type=PriceTable)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def seal(payload: bytes) -> bytes:
    """The bytes of a file with this payload."""
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def _additions_digest() -> str:
    added = sorted(Path(__file__).parent.glob("*.toml"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in added)).hexdigest()[:8]


def _compile(path: Path) -> None:
    # The child must find the same packages as we do, wherever it is started.
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    search_path = os.pathsep.join([root, inherited] if inherited else [root])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "processors.llm.cost.compile", str(path)],
            env={**os.environ, "PYTHONPATH": search_path},
            capture_output=True,
            check=True,
            text=True,
            timeout=_COMPILE_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        reason = next(iter(error.stderr.strip().splitlines()[-1:]), "without a word")
        raise PriceTableError(f"compiling {path} failed: {reason}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PriceTableError(f"compiling {path} failed: {error}") from error
