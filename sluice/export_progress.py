"""Shows how far `sluice export` is: rows, bytes, and which table and day."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from processors.exports.targets import Target
from processors.exports.writing import Told
from sluice.exports import Asked, Shown, Total, export


class Watched(Shown):
    """A bar on standard error, or nothing where that is no terminal; sums at the end."""

    def __init__(self) -> None:
        self.rows = self.bytes = self.kept = 0
        self._done = self._of = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows, {task.fields[size]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("looking", total=None, size="")

    def begin(self, total: Total) -> None:
        """Knows what there is to do."""
        self._of = len(total.slices)
        self._progress.start()
        self._progress.update(self._task, total=total.rows)

    async def tell(self, told: Told) -> None:
        """Hears how far it is."""
        if told.was_there:
            self.kept += told.rows
        else:
            self.rows += told.rows
        self.bytes += told.bytes
        self._done += told.is_over
        day = f"{told.one.first:%Y-%m-%d}"
        self._progress.update(
            self._task,
            advance=told.rows,
            description=f"{self._done}/{self._of} {told.one.table} {day}",
            size=size_of(self.bytes),
        )

    def end(self) -> None:
        """Leaves the terminal to others."""
        self._progress.stop()


async def watched(
    address: str, token: str, project_id: str | None, asked: Asked, target: Target
) -> Total:
    """Exports, and says what came of it. Raises `CommandError`."""
    shown = Watched()
    try:
        total = await export(address, token, project_id, asked, target, shown)
    finally:
        shown.end()
        sys.stderr.write(
            f"{shown.rows} rows written, {size_of(shown.bytes)}; {shown.kept} were there\n"
        )
    return total


def size_of(count: int) -> str:
    """Returns a number of bytes as people read it."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
