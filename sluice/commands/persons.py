"""`sluice person`: what is stored of one person, given away or erased."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands.control import Control, run, run_in_project
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir, address_of
from sluice.commands.output import moment, show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow
    from schemas.persons import Erasure

app = typer.Typer(no_args_is_help=True, help="Give away or erase what is stored of one person.")

User = Annotated[
    str,
    typer.Option("--user", "-u", help="Id, email, user name or IP address, as events have it."),
]
OfProject = Annotated[
    str | None, typer.Option("--project", "-p", help="Name or id of the project.")
]
Url = Annotated[
    str | None, typer.Option(help="Address of the server; else that of sluice up here.")
]


@app.command()
def export(
    user: User,
    project: OfProject = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; else standard output.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Write all rows that name a person, as lines of JSON. A running server reads them."""
    from sluice.persons import download

    async def work(control: Control, found: "ProjectRow") -> int:
        address = url or address_of(control.settings)
        return await download(control.database, found.project_id, user, address=address, out=out)

    count = run_in_project(work, project, data_dir)
    typer.echo(f"{count} rows", err=True)


@app.command()
def erase(
    user: User,
    project: OfProject = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Erase what names a person, by a running server. Counts, costs and times stay.

    Only what has come until now. Stop sending first.
    """
    if not yes and typer.prompt("Type the id again to erase what names it") != user:
        raise CommandError("nothing was erased: the ids differ")

    async def work(control: Control, found: "ProjectRow") -> "Erasure":
        from controlplane.erasures import request_erasure
        from controlplane.uptime.subscribers import forget_follower

        asked = await request_erasure(control.database, found.project_id, user, by=None)
        await forget_follower(control.database, control.vault, found.project_id, user)
        return asked

    asked = run_in_project(work, project, data_dir)
    typer.echo(f"erasure {asked.erasure_id} of person {asked.person_hash} asked for")
    typer.echo("a running server does it; look at it: sluice person list", err=True)


@app.command("list")
def list_them(data_dir: DataDir = None) -> None:
    """List the newest erasures, without whom they are about."""

    async def work(control: Control) -> "list[Erasure]":
        from controlplane.erasures import list_erasures

        return await list_erasures(control.database, None)

    show_rows(
        ("id", "project", "person", "state", "asked", "done", "rows"),
        map(_row, run(work, data_dir)),
        "nobody was erased",
    )


@app.command()
def cancel(
    erasure_id: Annotated[str, typer.Argument(help="Id of an erasure that has not begun.")],
    data_dir: DataDir = None,
) -> None:
    """Take back an erasure that has not begun. One that has begun is finished."""

    async def work(control: Control) -> None:
        from controlplane.erasures import cancel_erasure

        await cancel_erasure(control.database, erasure_id)

    run(work, data_dir)
    typer.echo(f"cancelled {erasure_id}")


def _row(one: "Erasure") -> tuple[str, ...]:
    state = f"{one.state}: {one.done.failure[:80]}" if one.done.failure else one.state
    rows = str(sum(one.done.rows.values()))
    when = (moment(one.asked_at), moment(one.finished_at))
    return (one.erasure_id, one.project_id, one.person_hash, state, *when, rows)
