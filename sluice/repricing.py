"""What `sluice reprice` does: asks for a run and shows how far it is; lists runs, ends one."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.dates import Edge, parse_date
from controlplane.database import Database
from controlplane.directory import all_projects
from controlplane.llm.reprices import cancel_run, find_run, list_runs, request_run
from schemas.llm.reprices import OPEN, Run, Totals
from schemas.projects import ProjectId
from sluice.commands.control import Control, project_named, run
from sluice.commands.errors import CommandError
from sluice.commands.output import moment, show_rows

POLL_S = 0.2
PATIENCE_S = 10.0
PICO = Decimal(10) ** 12
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    *("run", "asked", "state", "project", "from", "to"),
    *("rows", "looked at", "changed", "cost change"),
)


class Wanted(NamedTuple):
    """What is priced anew: a range of days or times, or what an earlier run was asked for."""

    first: str
    last: str
    project: str | None
    run_id: str | None


def price_anew(wanted: Wanted, data_dir: Path | None) -> None:
    """Has a running server do it, and prints what has changed. Raises `CommandError`."""
    asked: list[str] = []

    async def work(control: Control) -> Run:
        database, run_id = control.database, wanted.run_id
        if run_id is None:
            owner = None
            if wanted.project is not None:
                owner = (await project_named(database, wanted.project)).project_id
            run_id = await _requested(database, owner, wanted.first, wanted.last)
            typer.echo(f"reprice run {run_id}", err=True)
        asked.append(run_id)
        return await _followed(database, run_id)

    try:
        ended = run(work, data_dir)
    except KeyboardInterrupt:
        for run_id in asked:
            typer.echo(_goes_on(run_id), err=True)
        raise typer.Exit(130) from None
    _show(ended)


def cancel(run_id: str, data_dir: Path | None) -> None:
    """Ends a run where it is, and prints what it has changed. Raises `CommandError`."""

    async def work(control: Control) -> Run:
        await cancel_run(control.database, run_id)
        return await _followed(control.database, run_id)

    _show_totals(run(work, data_dir))


def show_runs(data_dir: Path | None) -> None:
    """Lists the newest runs."""

    async def work(control: Control) -> list[tuple[str, ...]]:
        names = {one.project_id: one.name for one in await all_projects(control.database)}

        def name_of(project_id: ProjectId | None) -> str:
            return "all" if project_id is None else names.get(project_id, project_id)

        return [_row(one, name_of) for one in await list_runs(control.database)]

    show_rows(COLUMNS, run(work, data_dir), "no runs yet; ask for one: sluice reprice --from --to")


def _row(one: Run, name_of: Callable[[ProjectId | None], str]) -> tuple[str, ...]:
    progress, totals = one.progress, one.progress.totals
    state = f"{one.state}: {progress.failure[:80]}" if progress.failure else one.state
    return (
        *(one.run_id, moment(one.asked_at), state, name_of(one.project_id)),
        *(_moment_of(one.from_us), _moment_of(one.to_us)),
        "-" if progress.rows is None else str(progress.rows),
        *(str(totals.looked_at), str(totals.changed)),
        _dollars(totals.after_pico - totals.before_pico, sign="+"),
    )


def _moment_of(at_us: int) -> str:
    return moment(EPOCH + timedelta(microseconds=at_us))


def _goes_on(run_id: str) -> str:
    return (
        f"the run goes on in the server. Look at it: sluice reprice --run {run_id}\n"
        f"End it: sluice reprice --cancel {run_id}"
    )


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
        alone_since, told = time.monotonic(), ""
        while True:
            one = await find_run(database, run_id)
            if one.state not in OPEN:
                return one
            if one.progress.failure not in ("", told):
                told = one.progress.failure
                bar.print(f"interrupted, and tried again: {told}", markup=False)
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
    if one.state == "cancelling":
        bar.update(task, description="finishing a chunk")  # type: ignore[arg-type]  # TaskID
    elif one.state == "running":
        description = "pricing" if progress.rows is not None else "waiting until all is stored"
        seen = max(progress.looked_at, progress.totals.looked_at)
        bar.update(task, description=description, total=progress.rows, completed=seen)  # type: ignore[arg-type]  # TaskID


def _show(one: Run) -> None:
    if one.state == "failed":
        raise CommandError(f"reprice run {one.run_id} failed: {one.progress.failure}")
    _show_totals(one)
    if one.state == "cancelled":
        raise CommandError(f"reprice run {one.run_id} was cancelled; what it has changed stays")


def _show_totals(one: Run) -> None:
    totals = one.progress.totals
    for name, value in (
        ("run", one.run_id),
        ("state", one.state),
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


def _dollars(pico: int, *, sign: str = "-") -> str:
    return f"{Decimal(pico) / PICO:{sign}.12f} USD"
