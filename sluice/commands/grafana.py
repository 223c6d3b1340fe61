"""`sluice grafana-user`: what lets somebody read the store and see some projects alone."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.commands.control import Control, project_named, run
from sluice.commands.errors import WrongCall
from sluice.commands.options import DataDir

if TYPE_CHECKING:
    from schemas.projects import ProjectId

Name = Annotated[str, typer.Argument(help="Name of the user.")]
Projects = Annotated[
    list[str], typer.Option("--project", help="Name or id of a project that the user sees.")
]


def make_grafana_user(name: Name, project: Projects, data_dir: DataDir = None) -> None:
    """Print what makes a user of the store who sees some projects alone, as for a team's Grafana.

    Changes nothing: an entry for SLUICE_WAREHOUSE_USERS, or statements for a ClickHouse server.
    """
    from clickhouse.client import path_of
    from clickhouse.grants import BadName, grant_statements

    async def work(control: Control) -> tuple["list[ProjectId]", Path | None]:
        found = [await project_named(control.database, one) for one in project]
        ids = list(dict.fromkeys(one.project_id for one in found))
        return ids, path_of(control.paths.warehouse_url)

    ids, embedded = run(work, data_dir)
    password = secrets.token_urlsafe(24)
    try:
        statements = grant_statements(name, password, ids)
    except BadName as error:
        raise WrongCall(str(error)) from error
    if embedded is not None:
        typer.echo(f"{name}:{password}:readonly={'+'.join(ids)}")
        return
    typer.echo(f"-- The password of {name}: {password}")
    for statement in statements:
        typer.echo(f"{statement};")
