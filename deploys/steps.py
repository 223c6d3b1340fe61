"""Runs a command to its end from asyncio: what it prints, what it may use, and how it is ended."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from deploys.drivers.driver import Ended, Output
from deploys.supervision.orders import StepOrders, dump
from deploys.supervision.spools import Stream
from deploys.supervision.step import ASK

PACKAGES = str(Path(__file__).parents[1])
READ_BYTES = 1 << 16
GRACE_S = 5.0
"""How long a step may take to end after SIGTERM."""
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without these some builds of Python do not start."""


def program(module: str, *arguments: str) -> list[str]:
    """Returns the command line of a program of `deploys.supervision`, without our packages."""
    code = (
        f"import sys; sys.path.append({PACKAGES!r}); "
        f"from deploys.supervision.{module} import main; main()"
    )
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def program_environment() -> dict[str, str]:
    """Returns the environment of such a program: nothing of ours, secrets least of all."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


async def run_step(
    orders: StepOrders, out: Output, *, cancel: asyncio.Event, output_bytes: int
) -> Ended:
    """Runs a command. When this returns or raises, nothing of it runs any more.

    It prints into `out`, and waits while `out` does. Beyond `output_bytes` it is ended.
    """
    result, write = os.pipe()
    try:
        try:
            process = await asyncio.create_subprocess_exec(
                *program("step", str(write)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(write,),
                env=program_environment(),
                start_new_session=True,
            )
        finally:
            os.close(write)
        step = _Step(process, out, output_bytes)
        await step.wait(orders, cancel)
        return step.ended(os.read(result, 4096))
    finally:
        os.close(result)


class _Step:
    """A step that runs."""

    def __init__(self, process: asyncio.subprocess.Process, out: Output, output_bytes: int) -> None:
        assert process.stdin is not None
        self._process = process
        self._told = process.stdin
        self._out = out
        self._left_bytes = output_bytes

    async def wait(self, orders: StepOrders, cancel: asyncio.Event) -> None:
        """Returns when the command has ended, and all that it printed is out."""
        self._told.write(dump(orders))
        asking = asyncio.create_task(self._ask_on(cancel))
        printed = asyncio.gather(
            self._pass_on("stdout", self._process.stdout),
            self._pass_on("stderr", self._process.stderr),
        )
        try:
            await printed
            await self._process.wait()
        except BaseException:
            printed.cancel()
            self._told.close()
            await asyncio.shield(self._process.wait())
            raise
        finally:
            asking.cancel()
            self._told.close()

    async def _ask_on(self, cancel: asyncio.Event) -> None:
        await cancel.wait()
        with suppress(ConnectionError):
            self._told.write(ASK)
            await self._told.drain()

    async def _pass_on(self, stream: Stream, reader: asyncio.StreamReader | None) -> None:
        assert reader is not None
        while content := await reader.read(READ_BYTES):
            self._left_bytes -= len(content)
            if self._left_bytes >= 0:
                await self._out(stream, content)
            else:
                # What is in the pipe is read on, so that the step's own program can end.
                self._told.close()

    def ended(self, result: bytes) -> Ended:
        """Returns how it ended, by what its program said last."""
        # Nothing is said by a program that was killed itself.
        ended = msgspec.json.decode(result, type=Ended) if result else Ended(137, "cancelled")
        return Ended(ended.code, "output") if self._left_bytes < 0 else ended
