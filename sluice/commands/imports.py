"""`sluice import`: brings the data of other servers in."""

from pathlib import Path
from typing import Annotated

import typer

from sluice.commands.options import DataDir

app = typer.Typer(no_args_is_help=True, help="Bring in the data of another server.")


@app.callback()
def group() -> None:
    """Keeps `pulse` a command of its own while it is the only one."""


@app.command()
def pulse(
    source: Annotated[Path, typer.Option("--from", help="Pulse's SQLite file, such as pulse.db.")],
    secrets: Annotated[
        Path | None,
        typer.Option(help="Pulse's server-secrets.json: with it, keys can be shown again."),
    ] = None,
    rejected: Annotated[
        Path, typer.Option(help="File for the rows that Sluice does not take, with reasons.")
    ] = Path("pulse-rejected.jsonl"),
    data_dir: DataDir = None,
) -> None:
    """Bring in projects, keys, people, traces and spans of a Pulse server.

    Beside a running server or while none runs; in the distributed mode, into Kafka. Run it again to
    go on after a break, or to bring in what has come since: nothing is brought in twice.
    """
    from sluice.pulse_import import import_pulse

    import_pulse(source, secrets, rejected, data_dir)
