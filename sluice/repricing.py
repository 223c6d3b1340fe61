"""What `sluice reprice` does: asks for a run, and shows how far it is until it has ended."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.dates import Edge, parse_date
from controlplane.database import Database
from controlplane.llm.reprices import find_run, request_run
from schemas.llm.reprices import Run, Totals
from schemas.projects import ProjectId
from sluice.commands.control import Control, project_named, run
from sluice.commands.errors import CommandError

POLL_S = 0.2
PATIENCE_S = 10.0
PICO = Decimal(10) ** 12


class Wanted(NamedTuple):
    """What is priced anew: a range of days or times, or what an earlier run was asked for."""

    first: str
    last: str
    project: str | None
    run_id: str | None


def price_anew(wanted: Wanted, data_dir: Path | None) -> None:
    """Has a running server do it, and prints what has changed. Raises `CommandError`."""

    async def work(control: Control) -> Run:
        database, run_id = control.database, wanted.run_id
        if run_id is None:
            owner = None
            if wanted.project is not None:
                owner = (await project_named(database, wanted.project)).project_id
            run_id = await _requested(database, owner, wanted.first, wanted.last)
            typer.echo(f"reprice run {run_id}", err=True)
        return await _followed(database, run_id)

    _show(run(work, data_dir))


async def _requested(
    database: Database, project_id: ProjectId | None, first: str, last: str
) -> str:
    from_us, to_us = _moment("--from", first, "from"), _moment("--to", last, "to")
    if from_us > to_us:
        raise CommandError(f"--from {first} is after --to {last}")
    return await request_run(database, project_id, from_us, to_us)


def _moment(option: str, text: str, edge: Edge) -> int:
    moment = parse_date(text, edge)
    if moment is None:
        raise CommandError(f"{option} {text!r} is no date: give a day such as 2026-01-31, in UTC")
    return moment


async def _followed(database: Database, run_id: str) -> Run:
    """Shows the progress of a run until it has ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("waiting for a running server", total=None)
        alone_since = time.monotonic()
        while True:
            one = await find_run(database, run_id)
            if one.state in ("done", "failed"):
                return one
            if one.is_attended:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > PATIENCE_S:
                alone_since = float("inf")
                bar.print(
                    "no server works on it: start sluice up (or sluice worker); it goes on there"
                )
            _advance(bar, task, one)
            await asyncio.sleep(POLL_S)


def _advance(bar: Progress, task: object, one: Run) -> None:
    progress = one.progress
    if one.state == "running":
        description = "pricing" if progress.rows is not None else "waiting until all is stored"
        seen = max(progress.looked_at, progress.totals.looked_at)
        bar.update(task, description=description, total=progress.rows, completed=seen)  # type: ignore[arg-type]  # TaskID


def _show(one: Run) -> None:
    if one.state == "failed":
        raise CommandError(f"reprice run {one.run_id} failed: {one.progress.failure}")
    totals = one.progress.totals
    for name, value in (
        ("run", one.run_id),
        ("rows looked at", str(totals.looked_at)),
        ("changed", str(totals.changed)),
        ("cost before", _dollars(totals.before_pico)),
        ("cost after", _dollars(totals.after_pico)),
        ("unpriced before", str(totals.unpriced_before)),
        ("unpriced after", str(totals.unpriced_after)),
    ):
        typer.echo(f"{name + ':':<17}{value}")
    _warn_of_left(totals)


def _warn_of_left(totals: Totals) -> None:
    if totals.left:
        typer.echo(f"{totals.left} rows could not be priced and stay; the server's log says why")
        raise typer.Exit(1)


def _dollars(pico: int) -> str:
    return f"{Decimal(pico) / PICO:.12f} USD"
