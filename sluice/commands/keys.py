"""`sluice key`: make, show and revoke the API keys of a project."""

from typing import Annotated

import typer

from controlplane.directory import ProjectRow
from controlplane.keys import Key, KeyDraft, create_key, list_keys, reveal_key, revoke_key
from sluice.commands.control import Control, run_in_project
from sluice.commands.options import DataDir, Project
from sluice.commands.output import moment, show_rows

app = typer.Typer(no_args_is_help=True, help="Make, show and revoke API keys.")

KeyId = Annotated[str, typer.Argument(help="Id of the key, see: sluice key list.")]
SHOWN_CHARS = 13


@app.command("list")
def list_all(project: Project = None, data_dir: DataDir = None) -> None:
    """List a project's keys, without their secret parts."""

    async def work(control: Control, found: ProjectRow) -> list[Key]:
        return await list_keys(control.database, control.vault, found.project_id)

    show_rows(
        ("id", "name", "key", "created", "last used"),
        (
            (
                key.key_id,
                key.name,
                f"{key.plain[:SHOWN_CHARS]}…",
                moment(key.created_at),
                moment(key.last_used_at),
            )
            for key in run_in_project(work, project, data_dir)
        ),
        "no keys; make one with: sluice key create",
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What to call the key.")] = "API Key",
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, alone on its line."""

    async def work(control: Control, found: ProjectRow) -> str:
        new = KeyDraft(name)
        return (await create_key(control.database, control.vault, found.project_id, new)).plain

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def reveal(key_id: KeyId, project: Project = None, data_dir: DataDir = None) -> None:
    """Print a key again, alone on its line."""

    async def work(control: Control, found: ProjectRow) -> str:
        return (await reveal_key(control.database, control.vault, found.project_id, key_id)).plain

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def revoke(key_id: KeyId, project: Project = None, data_dir: DataDir = None) -> None:
    """Revoke a key; a running server rejects it within two seconds."""

    async def work(control: Control, found: ProjectRow) -> None:
        await revoke_key(control.database, found.project_id, key_id)

    run_in_project(work, project, data_dir)
    typer.echo(f"revoked {key_id}")
