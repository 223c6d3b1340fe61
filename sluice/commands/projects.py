"""`sluice project`: make, list, configure and delete projects."""

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import UNSET

from schemas.projects import ProjectId
from sluice.commands.control import Control, refuse_taken, run, run_in_project
from sluice.commands.errors import WrongCall
from sluice.commands.invitations import Url, invited
from sluice.commands.options import DataDir
from sluice.commands.output import moment, printable, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from controlplane.projects import ProjectSettings

app = typer.Typer(no_args_is_help=True, help="Make, list, configure and delete projects.")

Name = Annotated[str, typer.Argument(help="Name or id of the project.")]


@app.command("list")
def list_projects(data_dir: DataDir = None) -> None:
    """List every project."""
    from controlplane.directory import all_projects

    rows = run(lambda control: all_projects(control.database), data_dir)
    show_rows(
        ("id", "name", "cost", "time zone", "retention days", "created"),
        (
            (
                row.project_id,
                row.name,
                row.cost_preference,
                row.time_zone,
                "default" if row.retention_days is None else str(row.retention_days),
                moment(row.created_at),
            )
            for row in rows
        ),
        "no projects; make one with: sluice project create NAME",
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the new project.")],
    admin: Annotated[
        str | None, typer.Option(help="Email of its first admin, who gets an invitation link.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Make a project. Print its id, its API key and, with --admin, a link for its admin."""

    from controlplane.invitations import NewInvitation
    from controlplane.projects import insert_project
    from controlplane.rules import cleaned_email, cleaned_name

    async def work(control: Control) -> list[str]:
        database, vault = control.database, control.vault
        cleaned = cleaned_name(name, "Project name")
        email = None if admin is None else cleaned_email(admin)
        await refuse_taken(database, cleaned)
        async with database.session() as session:
            project, key = await insert_project(session, vault, cleaned, admin_id=None)
            project_id = ProjectId(str(project.id))
            plain_key = vault.unseal(key.sealed_key, bound_to=key.key_hash)
        lines = [f"project: {project_id}", f"API key: {plain_key}"]
        if email is not None:
            link, _ = await invited(control, project_id, NewInvitation(email, "admin", None), url)
            lines.append(f"link for {email}: {link}")
        return lines

    for line in run(work, data_dir):
        typer.echo(line)


@app.command("set")
def set_up(
    project: Name,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    cost: Annotated[
        str | None,
        typer.Option(help="Which cost counts if a trace has both: reported or computed."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Time zone of the project's days, such as Europe/Berlin, or UTC."),
    ] = None,
    retention_days: Annotated[
        int | None,
        typer.Option(help="Days to keep its data; 0 means SLUICE_RETENTION_DAYS."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Change a project's settings. A running server follows within seconds."""
    if {name, cost, time_zone, retention_days} == {None}:
        raise WrongCall("nothing to set: give --name, --cost, --time-zone or --retention-days")
    from controlplane.projects import ProjectChange, update_project

    change = ProjectChange(
        name=UNSET if name is None else name,
        cost_preference=UNSET if cost is None else cost,
        time_zone=UNSET if time_zone is None else time_zone,
        retention_days=UNSET if retention_days is None else retention_days or None,
    )

    async def work(control: Control, found: "ProjectRow") -> None:
        if name is not None and name.strip() != found.name:
            await refuse_taken(control.database, name.strip())
        _show_settings(await update_project(control.database, found.project_id, change))

    run_in_project(work, project, data_dir)


def _show_settings(now: "ProjectSettings") -> None:
    days = "default" if now.retention_days is None else str(now.retention_days)
    typer.echo(
        f"{printable(now.name)}: cost {now.cost_preference}, time zone {now.time_zone},"
        f" retention days {days}"
    )


@app.command()
def delete(
    project: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete a project. Its keys stop working; a running server then deletes its data."""

    from controlplane.projects import delete_project

    async def work(control: Control, found: "ProjectRow") -> str:
        if not yes:
            typer.confirm(
                f"Delete {printable(found.name)} ({found.project_id}) with all its data?",
                abort=True,
            )
        await delete_project(control.database, found.project_id)
        return found.project_id

    deleted = run_in_project(work, project, data_dir)
    typer.echo(f"deleted {deleted}; a running server deletes its data")
