"""What `sluice import kuma` and `sluice import gatus` do: make monitors, each once."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import typer

from controlplane.directory import ProjectRow
from controlplane.failures import BadRequest, Conflict
from controlplane.uptime.checked import read_config
from controlplane.uptime.monitors import Place, add_monitor, list_monitors, pause_monitor
from ingest.uptime.gatus import read_gatus
from ingest.uptime.imported import Found, Imported, NotReadable
from ingest.uptime.kuma import read_kuma
from schemas.projects import ProjectId
from sluice.commands.control import Control, run_in_project
from sluice.commands.errors import CommandError
from sluice.commands.output import printable

READ: dict[str, Callable[[Path], Imported]] = {"kuma": read_kuma, "gatus": read_gatus}
PAGE = 500


class Where(NamedTuple):
    """Into which project of which installation."""

    project: str | None
    data_dir: Path | None
    dry_run: bool


def import_monitors(kind: str, source: Path, where: Where) -> None:
    """Makes the monitors of a file that are not there yet. Raises `CommandError`."""
    try:
        imported = READ[kind](source)
    except NotReadable as error:
        raise CommandError(printable(str(error))) from error

    async def work(control: Control, project: ProjectRow) -> None:
        await _bring(control, project.project_id, imported, dry_run=where.dry_run)

    run_in_project(work, where.project, where.data_dir)


async def _bring(
    control: Control, project_id: ProjectId, imported: Imported, *, dry_run: bool
) -> None:
    there = await _there(control, project_id)
    counts: Counter[str] = Counter()
    made = "would make" if dry_run else "made"
    for found in imported.found:
        key = found.name, found.kind
        if there[key]:
            # Of several with one name the first is the first that is there.
            there[key] -= 1
            counts["there already"] += 1
            _say("there already", found)
            continue
        try:
            await _make(control, project_id, found, dry_run=dry_run)
        except (BadRequest, Conflict) as error:
            counts["left out"] += 1
            _say("left out", found, error.message)
            continue
        counts[made] += 1
        _say(made, found, "paused" if found.paused else "")
        for note in found.notes:
            typer.echo(printable(f"  note: {note}"))
    for left in imported.left_out:
        counts["left out"] += 1
        typer.echo(printable(f"left out: {left.name} ({left.kind}): {left.reason}"))
    names = (made, "there already", "left out")
    typer.echo(", ".join(f"{name} {counts[name]}" for name in names))


async def _make(control: Control, project_id: ProjectId, found: Found, *, dry_run: bool) -> None:
    if dry_run:
        read_config(found.fields)
        return
    monitor = await add_monitor(control.database, control.vault, project_id, found.fields)
    if found.paused:
        await pause_monitor(control.database, control.vault, (project_id, monitor.monitor_id))


async def _there(control: Control, project_id: ProjectId) -> Counter[tuple[str, str]]:
    """Counts the monitors of a project by name and type."""
    counts: Counter[tuple[str, str]] = Counter()
    beyond: Place | None = None
    while True:
        page = await list_monitors(
            control.database, control.vault, project_id, limit=PAGE, beyond=beyond
        )
        counts.update((one.config.name, one.config.type) for one in page)
        if len(page) < PAGE:
            return counts
        beyond = Place(page[-1].created_us, page[-1].monitor_id)


def _say(what: str, found: Found, more: str = "") -> None:
    typer.echo(printable(f"{what}: {found.name} ({found.kind}){f': {more}' if more else ''}"))
