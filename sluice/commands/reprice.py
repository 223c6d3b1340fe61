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
CancelId = Annotated[str | None, typer.Option("--cancel", help="Id of a run to end where it is.")]
ListRuns = Annotated[bool, typer.Option("--list", help="List the runs, the newest first.")]


def reprice(
    first: From = None,
    last: To = None,
    project: OfProject = None,
    run_id: RunId = None,
    cancel_id: CancelId = None,
    list_runs: ListRuns = False,
    data_dir: DataDir = None,
) -> None:
    """Price stored calls anew, by today's prices and the project's own. A running server does it.

    Ctrl-C ends the waiting, not the run; --cancel ends the run. What it has changed stays.
    """
    is_new = first is not None and last is not None
    asked = [is_new, run_id is not None, cancel_id is not None, list_runs]
    if asked.count(True) != 1 or (not is_new and (first or last or project)):
        raise WrongCall("give --from and --to, or --run ID, --cancel ID or --list alone")
    from sluice.repricing import Wanted, cancel, price_anew, show_runs

    if list_runs:
        show_runs(data_dir)
    elif cancel_id is not None:
        cancel(cancel_id, data_dir)
    else:
        price_anew(Wanted(first or "", last or "", project, run_id), data_dir)
