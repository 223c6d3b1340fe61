"""`sluice export`: takes a project away, as files."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sluice.commands.control import Control, run_in_project
from sluice.commands.errors import WrongCall
from sluice.commands.options import DataDir, Project, address_of, settings_with

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from processors.exports.targets import Target
    from schemas.settings import Settings
    from sluice.exports import Asked, Total

LIFETIME = timedelta(days=2)
"""Of the token that this command makes for itself, should it be killed."""


To = Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix.")]
Kinds = Annotated[
    str, typer.Option(help="Tables with commas between them, or all: docs/tables.md.")
]
Form = Annotated[Literal["parquet", "jsonl", "csv"], typer.Option(help="How files are written.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day of receipt, in UTC.")
]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last one.")]
Url = Annotated[
    str | None, typer.Option(help="Address of the server; else that of sluice up here.")
]
Token = Annotated[
    str | None,
    typer.Option(
        help="API token or key; else SLUICE_EXPORT_TOKEN, which other people on this machine cannot"
        " see; else one that is made here for as long."
    ),
]


def export(
    to: To,
    kinds: Kinds = "all",
    format: Form = "parquet",
    since: Since = None,
    until: Until = None,
    project: Project = None,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
) -> None:
    """Write a project into a folder or a bucket, a folder for each table and day.

    A running server reads it. Run it again to go on after a break, and to take what has come since:
    a day that is over is not read again.
    """
    from sluice.exports import Asked, tables_of

    settings = settings_with(export_token=token, data_dir=data_dir)
    asked = Asked(
        tables=tables_of(kinds),
        format=format,
        since=None if since is None else since.date(),
        until=None if until is None else until.date(),
    )
    _refuse_backwards(asked)
    target = target_for(settings, to)
    address = url or address_of(settings)
    if settings.export_token:
        _with_token(settings.export_token, project, address, asked, target)
    else:
        _with_own_token(project, address, asked, target, data_dir)


def _with_token(
    token: str, project: str | None, address: str, asked: "Asked", target: "Target"
) -> None:
    from sluice.export_progress import watched

    # A key is of one project. A token may be of several.
    is_key = token.startswith("pulse_sk_")
    if not is_key and project is None:
        raise WrongCall("name the project by its id with --project")
    asyncio.run(watched(address, token, None if is_key else project, asked, target))


def _with_own_token(
    project: str | None,
    address: str,
    asked: "Asked",
    target: "Target",
    data_dir: Path | None,
) -> None:
    async def work(control: Control, found: "ProjectRow") -> "Total":
        from controlplane.tokens import TokenDraft, TokenOwner, create_token, revoke_token
        from sluice.export_progress import watched

        owner = TokenOwner(found.project_id)
        draft = TokenDraft("sluice export", "read", datetime.now(UTC) + LIFETIME)
        made = await create_token(control.database, owner, draft)
        try:
            return await watched(address, made.plain, found.project_id, asked, target)
        finally:
            await revoke_token(control.database, owner, made.token.token_id)

    run_in_project(work, project, data_dir)


def target_for(settings: "Settings", address: str) -> "Target":
    """Returns where files go. Raises `CommandError`."""
    from processors.exports.targets import S3Access, TargetFailed, target_of
    from sluice.commands.errors import CommandError

    access = S3Access(
        settings.export_s3_endpoint,
        settings.export_s3_region,
        settings.export_s3_access_key,
        settings.export_s3_secret_key,
    )
    try:
        return target_of(address, access)
    except TargetFailed as error:
        raise CommandError(str(error)) from error


def _refuse_backwards(asked: "Asked") -> None:
    if asked.since is not None and asked.until is not None and asked.since > asked.until:
        raise WrongCall("--since is after --until")
