"""`sluice import`: brings the data of other servers in."""

from pathlib import Path
from typing import Annotated

import typer

from sluice.commands.options import DataDir, Project

app = typer.Typer(no_args_is_help=True, help="Bring in the data of another server.")


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
]


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


@app.command()
def kuma(
    source: Annotated[Path, typer.Argument(help="A backup (JSON), or the database kuma.db.")],
    project: Project = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Make the monitors of Uptime Kuma, from its backup or its database.

    What has no counterpart is listed, with the reason. Run it again as often as you like: a monitor
    of the same name and type is not made twice.
    """
    from sluice.monitor_import import Where, import_monitors

    import_monitors("kuma", source, Where(project, data_dir, dry_run))


@app.command()
def gatus(
    source: Annotated[Path, typer.Argument(help="The configuration of Gatus (YAML).")],
    project: Project = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Make the monitors of Gatus, from its configuration.

    What has no counterpart is listed, with the reason. Run it again as often as you like: a monitor
    of the same name and type is not made twice.
    """
    from sluice.monitor_import import Where, import_monitors

    import_monitors("gatus", source, Where(project, data_dir, dry_run))
