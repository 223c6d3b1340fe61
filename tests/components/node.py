"""Node, with the clients of others that npm installs for the tests, and what bundles them.

They are those of `tests/clients/package-lock.json`, each with its hash, cached by the lock's.
"""

import functools
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from tests.components.cached import Missing, cached, fetch

LOCK = Path(__file__).parents[1] / "clients" / "package-lock.json"
# What @sentry/node asks for.
OLDEST_NODE = (20, 19)


def why_not() -> str | None:
    """Say why no client for JavaScript runs here, `None` when one does; may install them."""
    found = _modules_or_reason()
    return found if isinstance(found, str) else None


def modules() -> Path:
    """Return the folder `node_modules`, installed once a machine. Raises `Missing`."""
    found = _modules_or_reason()
    if isinstance(found, str):
        raise Missing(found)
    return found


@functools.cache
def _modules_or_reason() -> Path | str:
    try:
        _require_node()
        digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
        return cached(f"npm-{digest[:16]}", _install) / "node_modules"
    except Missing as missing:
        return str(missing)


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("the npm packages are not cached and there is no npm in PATH")
    for path in (LOCK, LOCK.with_name("package.json")):
        shutil.copy(path, folder)
    # No script of a package runs.
    fetch([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def _require_node() -> None:
    node = shutil.which("node")
    if node is None:
        raise Missing("there is no node in PATH")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60)
    version = re.match(r"v(\d+)\.(\d+)", done.stdout)
    if version is None or tuple(map(int, version.groups())) < OLDEST_NODE:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise Missing(f"the clients need Node {oldest} or newer, node is {done.stdout.strip()}")
