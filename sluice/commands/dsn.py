"""`sluice key dsn`: the DSNs that Sentry's SDKs send to. An id alone says which key is meant."""

from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands.control import Control, project_named, run, run_in_project
from sluice.commands.invitations import Url
from sluice.commands.options import DataDir, Project, address_of
from sluice.commands.output import moment, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from controlplane.dsn import ShownDsnKey

app = typer.Typer(no_args_is_help=True, help="Make, show and revoke DSNs, for Sentry's SDKs.")

KeyId = Annotated[str, typer.Argument(help="Id of the key; sluice key dsn list shows it.")]
NO_KEYS = "no DSN keys; make one with: sluice key dsn create"


@app.command("list")
def list_all(project: Project = None, url: Url = None, data_dir: DataDir = None) -> None:
    """List the DSNs of every project, or of one."""

    async def work(control: Control) -> list[tuple[str, ...]]:
        return [_row(key, _dsn(control, key, url)) for key in await _keys(control, project)]

    show_rows(
        ("id", "label", "environment", "DSN", "created", "last used", "project"),
        run(work, data_dir),
        NO_KEYS,
    )


@app.command()
def create(
    label: Annotated[str, typer.Argument(help="What to call the key.")] = "",
    environment: Annotated[
        str, typer.Option(help="Environment of what is sent with it and names none.")
    ] = "",
    project: Project = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Make a DSN, and print it and nothing else."""
    from controlplane.dsn import DsnDraft, create_dsn_key

    async def work(control: Control, found: "ProjectRow") -> str:
        new = DsnDraft(label, environment)
        made = await create_dsn_key(control.database, found.project_id, new)
        return _dsn(control, made, url)

    typer.echo(run_in_project(work, project, data_dir))


@app.command()
def revoke(key_id: KeyId, project: Project = None, data_dir: DataDir = None) -> None:
    """Revoke a DSN. A running server rejects it within two seconds."""
    from controlplane.dsn import project_of_dsn_key, revoke_dsn_key

    async def work(control: Control) -> None:
        if project is None:
            owner = await project_of_dsn_key(control.database, key_id)
        else:
            owner = (await project_named(control.database, project)).project_id
        await revoke_dsn_key(control.database, owner, key_id)

    run(work, data_dir)
    typer.echo(f"revoked {key_id}")


async def _keys(control: Control, project: str | None) -> "list[ShownDsnKey]":
    from controlplane.directory import all_projects
    from controlplane.dsn import list_dsn_keys

    database = control.database
    if project is None:
        projects = await all_projects(database)
    else:
        projects = [await project_named(database, project)]
    return [key for one in projects for key in await list_dsn_keys(database, one.project_id)]


def _dsn(control: Control, key: "ShownDsnKey", url: str | None) -> str:
    """Returns a DSN below `url`, or where this machine finds the server."""
    from controlplane.dsn import dsn_of

    return dsn_of(url or address_of(control.settings), key.public_key, key.number)


def _row(key: "ShownDsnKey", dsn: str) -> tuple[str, ...]:
    return (
        key.key_id,
        key.label,
        key.environment or "any",
        dsn,
        moment(key.created_at),
        moment(key.last_used_at),
        key.project_name,
    )
