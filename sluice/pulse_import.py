"""What `sluice import pulse` does: brings the data of a Pulse server in, each row once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from controlplane.import_progress import Position, know_position, known_position
from controlplane.imports import import_accounts, live_projects
from eventlog.log import LogError, LogFull
from ingest.llm.pulse_file import NotPulse, PulseFile
from schemas.kinds import Kind
from schemas.settings import Settings
from sluice.bulk_target import target_of
from sluice.commands.control import Control, opened
from sluice.commands.errors import CommandError
from sluice.commands.options import settings_with
from sluice.commands.output import printable
from sluice.imports import KINDS, Import, Outcome, accounts_of, newest_ms
from sluice.parts import Resources
from sluice.systems import open_systems

ACCOUNTS = "accounts"
"""What stands in a position for the keys and memberships that were brought in."""


def import_pulse(source: Path, secrets: Path | None, rejected: Path, data_dir: Path | None) -> None:
    """Brings in what is new in Pulse's file. Raises `CommandError`."""
    settings = settings_with(data_dir=data_dir)
    encryption_key = None if secrets is None else _encryption_key(secrets)
    try:
        file = PulseFile(source)
    except NotPulse as error:
        raise CommandError(str(error)) from error
    with ExitStack() as stack:
        stack.callback(file.close)
        asyncio.run(_import(settings, file, encryption_key, rejected))


@contextmanager
def _lines_for(path: Path) -> Iterator[TextIO]:
    """Opens the file for what is rejected; there is none where nothing was."""
    try:
        with path.open("a", encoding="utf-8") as file:
            yield file
    finally:
        if not path.stat().st_size:
            path.unlink()


async def _import(
    settings: Settings, file: PulseFile, encryption_key: str | None, rejected: Path
) -> None:
    async with opened(settings) as control:
        with target_of(control) as target, _lines_for(rejected) as rejects:
            await _bring_accounts(control, file, encryption_key)
            systems = await asyncio.to_thread(
                open_systems, Resources(control.paths.cache, control.database)
            )
            work = Import(
                file,
                target.log,
                control.database,
                systems.forms,
                await live_projects(control.database),
                rejects,
                settings.max_item_bytes,
                target.lock,
            )
            await _show(work, rejected)
    if target.stored_by:
        typer.echo(f"{target.stored_by} stores them")


async def _bring_accounts(control: Control, file: PulseFile, encryption_key: str | None) -> None:
    database, accounts = control.database, accounts_of(file, encryption_key)
    after_ms = (await known_position(database, file.source, ACCOUNTS, "")).place
    notes = await import_accounts(database, control.vault, accounts, after_ms=after_ms)
    for note in notes:
        typer.echo(printable(f"left out: {note}"), err=True)
    newest = max(after_ms, newest_ms(accounts))
    await know_position(database, file.source, ACCOUNTS, "", Position(newest))


async def _show(work: Import, rejected: Path) -> None:
    began_s = time.monotonic()
    taken, left = dict.fromkeys((kind.name for kind in KINDS), 0), 0
    with _progress() as progress:
        tasks = {
            kind.name: progress.add_task(
                f"{kind.name}s", total=work.source.count(kind, await work.position(kind))
            )
            for kind in KINDS
        }

        def on_batch(kind: Kind, outcome: Outcome) -> None:
            nonlocal left
            taken[kind.name] += outcome.taken
            left += outcome.rejected
            progress.advance(tasks[kind.name], outcome.taken + outcome.rejected)

        try:
            await work.run(on_batch)
        except LogFull as error:
            raise CommandError(
                f"{error}: let sluice up store it, and run this again; it goes on from here"
            ) from error
        except LogError as error:
            raise CommandError(f"{error}: run this again; it goes on from here") from error
    took_s = max(time.monotonic() - began_s, 1e-3)
    rate = (sum(taken.values()) + left) / took_s
    typer.echo(f"brought in: {taken['trace']} traces, {taken['span']} spans ({rate:,.0f} rows/s)")
    if left:
        typer.echo(f"rejected: {left} rows, with their reasons in {rejected}")


def _encryption_key(path: Path) -> str:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise CommandError(f"{path} is no JSON: {error}") from error
    key = found.get("ENCRYPTION_KEY") if isinstance(found, dict) else None
    if not isinstance(key, str) or len(key) < 32:
        raise CommandError(f"{path} holds no ENCRYPTION_KEY of at least 32 characters")
    return key


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))
