"""`sluice key`: make, show and revoke API keys; DSNs are dsn's.

An id alone says which key is meant.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands import dsn
from sluice.commands.control import Control, project_named, run, run_in_project
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, Project
from sluice.commands.output import moment, printable, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from controlplane.keys import Key
    from schemas.projects import ProjectId

app = typer.Typer(no_args_is_help=True, help="Make, show and revoke API keys and DSNs.")
app.add_typer(dsn.app, name="dsn")

KeyId = Annotated[str, typer.Argument(help="Id of the key; sluice key list shows it.")]
SomeKeyId = Annotated[
    str | None, typer.Argument(help="Id of the key; without it, the oldest key of a project.")
]
SHOWN_CHARS = 13
NO_KEYS = "no keys; make one with: sluice key create"


@app.command("list")
def list_all(project: Project = None, data_dir: DataDir = None) -> None:
    """List API keys of every project, or of one. Only the beginning of each is shown."""
    show_rows(
        ("id", "name", "key", "created", "last used", "project"),
        (
            (
                key.key_id,
                key.name,
                f"{key.plain[:SHOWN_CHARS]}…",
                moment(key.created_at),
                moment(key.last_used_at),
                key.project_name,
            )
            for key in run(lambda control: _keys(control, project), data_dir)
        ),
        NO_KEYS,
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What to call the key.")] = "API Key",
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Make an API key, and print it and nothing else."""
    from controlplane.keys import KeyDraft, create_key

    async def work(control: Control, found: "ProjectRow") -> str:
        new = KeyDraft(name)
        return (await create_key(control.database, control.vault, found.project_id, new)).plain

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def show(key_id: SomeKeyId = None, project: Project = None, data_dir: DataDir = None) -> None:
    """Print an API key and nothing else.

    Without an id, it is the oldest key of the oldest project, or of --project.
    """

    async def work(control: Control) -> "Key":
        if key_id is not None:
            return await _key(control, key_id, project)
        if keys := await _keys(control, project):
            return keys[0]
        raise CommandError(NO_KEYS)

    shown = run(work, data_dir)
    typer.echo(shown.plain)
    if sys.stderr.isatty():
        typer.echo(printable(f"{shown.name} of project {shown.project_name}"), err=True)


app.command("reveal", hidden=True)(show)


@app.command()
def revoke(key_id: KeyId, project: Project = None, data_dir: DataDir = None) -> None:
    """Revoke an API key. A running server rejects it within two seconds."""
    from controlplane.keys import revoke_key

    async def work(control: Control) -> None:
        owner = await _owner(control, key_id, project)
        await revoke_key(control.database, owner, key_id)

    run(work, data_dir)
    typer.echo(f"revoked {key_id}")


async def _keys(control: Control, project: str | None) -> "list[Key]":
    """Returns the keys of a project, or of all, the oldest project first."""
    from controlplane.directory import all_projects
    from controlplane.keys import list_keys

    database = control.database
    if project is None:
        projects = await all_projects(database)
    else:
        projects = [await project_named(database, project)]
    return [
        key for one in projects for key in await list_keys(database, control.vault, one.project_id)
    ]


async def _key(control: Control, key_id: str, project: str | None) -> "Key":
    from controlplane.keys import reveal_key

    owner = await _owner(control, key_id, project)
    return await reveal_key(control.database, control.vault, owner, key_id)


async def _owner(control: Control, key_id: str, project: str | None) -> "ProjectId":
    from controlplane.keys import project_of_key

    if project is None:
        return await project_of_key(control.database, key_id)
    return (await project_named(control.database, project)).project_id
