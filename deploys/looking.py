"""A short look at a repository: it is fetched within narrow bounds, read, and removed again.

Nothing of it is run. Where git may go is bounded as for a deployment: `deploys.remotes`.
"""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from deploys.checkout import Commit, Source, check_out
from deploys.detecting import Given, Plan, detect, subfolder
from deploys.failures import Cancelled, CheckoutFailed
from deploys.settings import MIB, DeployerSettings

FETCH_S = 20.0
LOOK_S = 40.0
"""For all of a look: the fetch of a commit, its files, what they say."""
FETCH_BYTES = 128 * MIB
FETCH_MEMORY_BYTES = 512 * MIB
FILES_BYTES = 256 * MIB
MOST_FILES = 50_000
LEFT_FOR_S = 600.0
"""A folder that is older was left by a process that ended in the middle of a look."""


class Seen(NamedTuple):
    """What a look has found."""

    plan: Plan
    commit: Commit


async def look(
    folder: Path, source: Source, run_dir: str, *, private_allowed: bool, has_docker: bool = False
) -> Seen:
    """Fetches the newest commit of a branch into a folder of its own and says how to run it.

    Raises `CheckoutFailed` and `NothingDetected`.
    """
    own = await asyncio.to_thread(_made, folder)
    try:
        settings = DeployerSettings(
            folder=own,
            private_allowed=private_allowed,
            fetch_seconds=FETCH_S,
            fetch_bytes=FETCH_BYTES,
            fetch_memory_bytes=FETCH_MEMORY_BYTES,
            release_bytes=FILES_BYTES,
            checkout_files=MOST_FILES,
        )
        tree = own / "tree"
        tree.mkdir(mode=0o700)
        commit = await _fetched(settings, source, tree)

        def found() -> Plan:
            return detect(subfolder(tree, run_dir), Given(), has_docker=has_docker)

        return Seen(await asyncio.to_thread(found), commit)
    finally:
        await asyncio.to_thread(shutil.rmtree, own, ignore_errors=True)


async def _fetched(settings: DeployerSettings, source: Source, tree: Path) -> Commit:
    cancel = asyncio.Event()
    timer = asyncio.get_running_loop().call_later(LOOK_S, cancel.set)
    try:
        # Its name says nothing of anybody: the copy of the repository goes with the folder.
        return await check_out(settings, structs.replace(source, app="look"), tree, cancel=cancel)
    except Cancelled:
        raise CheckoutFailed(f"The repository took longer than {LOOK_S:g} s") from None
    except asyncio.CancelledError:
        cancel.set()
        raise
    finally:
        timer.cancel()


def _made(folder: Path) -> Path:
    """Makes a folder for one look, and removes those that were left."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = time.time() - LEFT_FOR_S
    for left in folder.iterdir():
        if left.stat().st_mtime < before:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=folder))
