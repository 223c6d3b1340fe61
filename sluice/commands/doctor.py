"""`sluice doctor`: what is wrong with an installation, and how to fix it."""

import typer

from sluice.commands.options import DataDir, settings_with

MARKS = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "bold red")}


def examine(data_dir: DataDir = None) -> None:
    """Check an installation, running or stopped, and say how to fix what is wrong.

    Changes nothing. The exit code is 1 if something does not work; warnings do not count.
    """
    from rich.console import Console
    from rich.text import Text

    from sluice.findings import findings

    settings = settings_with(data_dir=data_dir)
    console = Console(highlight=False, soft_wrap=True)
    found = findings(settings)
    for finding in found:
        mark, style = MARKS[finding.level]
        line = Text(f"{mark:<5}", style=style)
        console.print(line.append(f"{finding.name}: {finding.text}", style="default"))
        if finding.fix:
            console.print(Text(f"     fix: {finding.fix}"))
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(1)
