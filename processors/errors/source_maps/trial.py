"""Opens source maps: each one first in a process of its own, which may die of it.

What reads maps is native code. A script that is nested some thousand times overruns its stack, and
60 MiB of a map may become a gigabyte. Whoever may upload could end every process that maps frames,
again and again, for the events that name the map are read again after the start.
"""

import subprocess
import sys
from pathlib import Path

import structlog

from processors.errors.source_maps.opened import BrokenMap, OpenedMap
from processors.errors.source_maps.trial_child import MOST_BYTES, UNREADABLE

CHILD = Path(__file__).with_name("trial_child.py")
MOST_S = 60
"""Longer than its bound in processor time, for a machine that is busy."""
TOO_MUCH = f"it is nested too deeply, or takes more than {MOST_BYTES >> 20} MiB of memory"

log = structlog.get_logger(__name__)


def open_map(source_map: bytes, script: bytes) -> OpenedMap:
    """Opens a map; without names of functions where its script alone is too much.

    Raises `BrokenMap`. Blocks for as long as reading takes twice, and some 0.2 s.
    """
    try:
        kept = try_map(source_map, script)
    except BrokenMap as error:
        if not script or str(error) != TOO_MUCH:
            raise
        log.warning("a script is left out", reason=TOO_MUCH, bytes=len(script))
        script = b""
        kept = try_map(source_map, script)
    opened = OpenedMap(source_map, script)
    opened.weight = max(opened.weight, kept)
    return opened


def try_map(source_map: bytes, script: bytes) -> int:
    """Returns how many bytes of memory an opened map keeps. Raises `BrokenMap`."""
    # Alone (-I), and without our environment: secrets are none of its business.
    command = [sys.executable, "-I", str(CHILD)]
    given = b"".join([len(source_map).to_bytes(8, "big"), source_map, script])
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, env={}, timeout=MOST_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenMap(f"it cannot be read within {MOST_S} s") from error
    if done.returncode == UNREADABLE:
        raise BrokenMap(done.stdout.decode(errors="replace"))
    if done.returncode or not done.stdout.isdigit():
        raise BrokenMap(TOO_MUCH)
    return int(done.stdout)
