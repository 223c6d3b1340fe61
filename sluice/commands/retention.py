"""`sluice retention`: a person's word that the clock is right."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sluice.commands.control import Control, run
from sluice.commands.errors import CommandError
from sluice.commands.options import DataDir

app = typer.Typer(
    no_args_is_help=True, help="Confirm the date, so that old events are deleted again."
)


@app.command()
def confirm(
    day: Annotated[str, typer.Argument(help="The date of today in UTC, YYYY-MM-DD.")],
    data_dir: DataDir = None,
) -> None:
    """Confirm that today is this date: events that are too old are deleted within the hour.

    Needed if the clock is more than a week ahead of the last day on which retention ran.
    """
    from controlplane.retention import know_day

    today = datetime.now(UTC).date()
    if day != today.isoformat():
        raise CommandError(
            f"the clock of this machine says {today}, not {day}: correct the one that is wrong"
        )

    async def work(control: Control) -> None:
        await know_day(control.database, today)

    run(work, data_dir)
    typer.echo(f"confirmed {today}; a running server deletes old events within the hour")
