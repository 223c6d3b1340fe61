"""`sluice doctor`: what is wrong with an installation, and how to mend it."""

import asyncio

import typer
from rich.console import Console
from rich.text import Text

from schemas.settings import Settings
from sluice import checks, server_checks
from sluice.checks import Finding
from sluice.commands.options import DataDir, address_of, settings_with
from sluice.lock import holder_of
from sluice.log_checks import check_log
from sluice.paths import paths_of

MARKS = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "bold red")}


def examine(data_dir: DataDir = None) -> None:
    """Check an installation, running or stopped, and say how to mend what is wrong.

    Changes nothing. Exits with 1 when something does not work; warnings alone do not count.
    """
    settings = settings_with(data_dir=data_dir)
    console = Console(highlight=False, soft_wrap=True)
    found = findings(settings)
    for finding in found:
        mark, style = MARKS[finding.level]
        line = Text(f"{mark:<5}", style=style)
        console.print(line.append(f"{finding.name}: {finding.text}", style="default"))
        if finding.mend:
            console.print(Text(f"     mend: {finding.mend}"))
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(1)


def findings(settings: Settings) -> list[Finding]:
    """Returns what every check found, in order of need."""
    paths = paths_of(settings)
    found = [checks.check_python(), checks.check_data_dir(paths)]
    if found[-1].level == "error":
        return found
    if not paths.data_dir.exists():
        return [
            *found,
            checks.check_secret(settings, paths),
            asyncio.run(checks.check_control_plane(settings, paths)),
            server_checks.check_port(settings),
        ]
    found += [
        checks.check_disk(paths, settings),
        checks.check_secret(settings, paths),
        checks.check_clock(paths),
        *check_log(paths, settings),
        asyncio.run(checks.check_control_plane(settings, paths)),
        checks.check_prices(paths),
    ]
    holder = holder_of(paths.lock)
    if holder is not None:
        return [*found, *server_checks.check_running(address_of(settings), holder)]
    return [*found, server_checks.check_port(settings), checks.check_store(paths)]
