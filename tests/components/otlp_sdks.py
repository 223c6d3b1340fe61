"""Exporters, instrumentations and SDKs that send over OTLP, in folders cached by their hash.

All but an old SDK of Langfuse's agree in their requirements. What that one needs besides lies in a
second folder, which comes before the first.
"""

import functools
import hashlib
import os
import sys
from functools import partial
from pathlib import Path

from tests.components.cached import Missing, cached, fetch

CLIENTS = Path(__file__).parents[1] / "clients"
NEW = CLIENTS / "otlp-sdks.txt"
LANGFUSE_3 = CLIENTS / "otlp-langfuse-3.txt"
# Wheels only: no code of a package runs, and none is compiled before it is needed.
OPTIONS = (
    *("--disable-pip-version-check", "--no-input", "install", "-q", "--require-hashes"),
    *("--no-deps", "--only-binary", ":all:", "--no-compile"),
)


def why_not() -> str | None:
    """Say why they cannot be had, `None` when they can; may install them."""
    found = _path_or_reason()
    return found if isinstance(found, str) else None


def path(*before: Path | str, with_langfuse_3: bool = False) -> str:
    """Return what `PYTHONPATH` must be, with folders that come first. Raises `Missing`."""
    found = _path_or_reason()
    if isinstance(found, str):
        raise Missing(found)
    new, old = found
    return os.pathsep.join([*map(str, before), *([str(old)] if with_langfuse_3 else []), str(new)])


@functools.cache
def _path_or_reason() -> tuple[Path, Path] | str:
    try:
        return _folder(NEW), _folder(LANGFUSE_3)
    except Missing as missing:
        return str(missing)


def _folder(lock: Path) -> Path:
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return cached(f"{lock.stem}-{version}-{digest[:16]}", partial(_install, lock))


def _install(lock: Path, folder: Path) -> None:
    fetch([sys.executable, "-m", "pip", *OPTIONS, "--target", str(folder), "-r", str(lock)], folder)
