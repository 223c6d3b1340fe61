"""What `sluice import pulse` does: brings the data of a Pulse server in, each row once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from controlplane.imports import import_accounts, live_projects
from eventlog.bulk import BulkLog
from eventlog.group_commit import Limits
from eventlog.log import LogFull
from eventlog.sqlite_log import SqliteLog
from ingest.llm.pulse_file import NotPulse, PulseFile
from schemas.kinds import Kind
from schemas.settings import Settings
from sluice.commands.control import Control, opened
from sluice.commands.errors import CommandError
from sluice.commands.options import settings_with
from sluice.commands.output import printable
from sluice.imports import KINDS, Import, Outcome, accounts_of, newest_ms
from sluice.lock import hold, holder_of
from sluice.parts import Resources
from sluice.systems import open_systems

ACCOUNTS = "accounts"
"""What stands in a position for the keys and memberships that were brought in."""


def import_pulse(source: Path, secrets: Path | None, rejected: Path, data_dir: Path | None) -> None:
    """Brings in what is new in Pulse's file. Raises `CommandError`."""
    settings = settings_with(data_dir=data_dir)
    if settings.kafka_url:
        raise CommandError(
            "SLUICE_KAFKA_URL: an import goes into the log of sluice up; in the distributed mode,"
            " keep Pulse's data where it is"
        )
    encryption_key = None if secrets is None else _encryption_key(secrets)
    try:
        file = PulseFile(source)
    except NotPulse as error:
        raise CommandError(str(error)) from error
    with ExitStack() as stack:
        stack.callback(file.close)
        asyncio.run(_import(settings, file, encryption_key, rejected))


async def _import(
    settings: Settings, file: PulseFile, encryption_key: str | None, rejected: Path
) -> None:
    async with opened(settings) as control:
        with (
            _log_of(control, file.source) as (log, beside_server),
            rejected.open("a", encoding="utf-8") as rejects,
        ):
            position = log.position()
            accounts = accounts_of(file, encryption_key)
            after_ms = position.get(ACCOUNTS, 0)
            for note in await import_accounts(
                control.database, control.vault, accounts, after_ms=after_ms
            ):
                typer.echo(printable(f"left out: {note}"), err=True)
            log.append([], position | {ACCOUNTS: max(after_ms, newest_ms(accounts))})
            systems = await asyncio.to_thread(
                open_systems, Resources(control.paths.cache, control.database)
            )
            work = Import(
                file,
                log,
                systems.forms,
                await live_projects(control.database),
                rejects,
                settings.max_item_bytes,
                control.paths.lock if beside_server else None,
            )
            await _show(work, rejected)


async def _show(work: Import, rejected: Path) -> None:
    position, began_s = work.log.position(), time.monotonic()
    taken, left = dict.fromkeys((kind.name for kind in KINDS), 0), 0
    with _progress() as progress:
        tasks = {
            kind.name: progress.add_task(
                f"{kind.name}s", total=work.source.count(kind, position.get(kind.name, 0))
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
    took_s = max(time.monotonic() - began_s, 1e-3)
    rate = (sum(taken.values()) + left) / took_s
    typer.echo(f"brought in: {taken['trace']} traces, {taken['span']} spans ({rate:,.0f} rows/s)")
    if left:
        typer.echo(f"rejected: {left} rows, with their reasons in {rejected}")
    if work.lock is None:
        typer.echo("the next sluice up stores them")


@contextmanager
def _log_of(control: Control, source: str) -> Iterator[tuple[BulkLog, bool]]:
    """Opens the log for an import, and tells whether a server runs over it.

    Where none does, the log is made if need be, and no server may start before the end.
    """
    settings, paths = control.settings, control.paths
    with ExitStack() as stack:
        # A second import beside this one would go on from the same position.
        stack.callback(hold(paths.data_dir / "import.lock").close)
        is_ours = holder_of(paths.lock) is None
        if is_ours:
            stack.callback(hold(paths.lock).close)
            limits = Limits(max_bytes=settings.log_max_bytes)
            SqliteLog(paths.log, partitions=settings.log_partitions, limits=limits).close()
        log = BulkLog(paths.log, source, max_bytes=settings.log_max_bytes)
        stack.callback(log.close)
        yield log, not is_ours


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
