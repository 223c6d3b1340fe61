"""`sluice reprice`: prices stored calls anew, by a running server, and shows how far it is."""

from typing import Annotated

import typer

from sluice.commands.errors import WrongCall
from sluice.commands.options import DataDir

From = Annotated[
    str | None,
    typer.Option(
        "--from", help="First day in UTC, YYYY-MM-DD, or a time such as 2026-01-31T12:00Z."
    ),
]
To = Annotated[str | None, typer.Option("--to", help="Last day, included, or a time.")]
OfProject = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Name or id of a project; without it, every project."),
]
RunId = Annotated[str | None, typer.Option("--run", help="Id of an earlier run, to look at.")]


def reprice(
    first: From = None,
    last: To = None,
    project: OfProject = None,
    run_id: RunId = None,
    data_dir: DataDir = None,
) -> None:
    """Price stored calls anew, by today's prices and the project's own. A running server does it.

    Ctrl-C ends the waiting, not the run.
    """
    if (run_id is None) != (first is not None and last is not None):
        raise WrongCall("give --from and --to, or --run with the id of an earlier run")
    from sluice.repricing import Wanted, price_anew

    price_anew(Wanted(first or "", last or "", project, run_id), data_dir)
