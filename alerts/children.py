"""Processes in which Apprise runs, one for each piece of work."""

import asyncio
import sys


async def run_child(module: str, given: bytes) -> bytes:
    """Runs one of our modules on an input, without our environment, and returns what it writes.

    Raises `OSError` where it does not end well. Who is cancelled leaves none behind.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        said, _ = await child.communicate(given)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise OSError(f"Apprise ended with code {child.returncode}")
    return said
