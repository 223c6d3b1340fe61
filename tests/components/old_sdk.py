"""An old SDK of Sentry for Python, in a folder beside the current one, cached by its hashes."""

import functools
import hashlib
import sys
from pathlib import Path

from tests.components.cached import Missing, cached, fetch

REQUIREMENTS = Path(__file__).parents[1] / "clients" / "old-sentry-sdk.txt"
OPTIONS = ("--disable-pip-version-check", "--no-input")


def why_not() -> str | None:
    """Say why the old SDK cannot be had, `None` when it can; may install it."""
    found = _folder_or_reason()
    return found if isinstance(found, str) else None


def folder() -> Path:
    """Return what `PYTHONPATH` must name to import it. Raises `Missing`."""
    found = _folder_or_reason()
    if isinstance(found, str):
        raise Missing(found)
    return found


@functools.cache
def _folder_or_reason() -> Path | str:
    try:
        digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
        return cached(f"old-sentry-sdk-{digest[:16]}", _install)
    except Missing as missing:
        return str(missing)


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", *OPTIONS, "install", "-q", "--require-hashes"]
    wanted = ["--no-deps", "--target", str(folder), "-r", str(REQUIREMENTS)]
    fetch([*command, *wanted], folder)
