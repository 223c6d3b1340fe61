"""`sluice doctor`: what is wrong with an installation, and how to fix it."""

import asyncio

import typer
from rich.console import Console
from rich.text import Text

from clickhouse.client import path_of
from schemas.settings import Settings
from sluice import checks, server_checks
from sluice.checks import Finding
from sluice.commands.options import DataDir, address_of, settings_with
from sluice.lock import holder_of
from sluice.log_checks import check_log, check_spools
from sluice.paths import Paths, paths_of

MARKS = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "bold red")}


def examine(data_dir: DataDir = None) -> None:
    """Check an installation, running or stopped, and say how to fix what is wrong.

    Changes nothing. Exits with 1 when something does not work; warnings alone do not count.
    """
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


def findings(settings: Settings) -> list[Finding]:
    """Returns what every check found, in order of need."""
    paths = paths_of(settings)
    found = [checks.check_python(), checks.check_data_dir(paths)]
    is_usable = found[-1].level != "error"
    if settings.kafka_url:
        local = _of_edge(settings, paths) if is_usable else []
        return [*found, *local, *_of_cluster(settings, paths)]
    return [*found, *_of_installation(settings, paths)] if is_usable else found


def _of_installation(settings: Settings, paths: Paths) -> list[Finding]:
    """What one process has to itself, `sluice up`."""
    found = [
        *_disk(settings, paths),
        checks.check_secret(settings, paths),
        checks.check_clock(paths),
        *check_log(paths, settings),
        asyncio.run(checks.check_control_plane(settings, paths)),
        checks.check_prices(paths),
    ]
    is_embedded = path_of(paths.warehouse_url) is not None
    if not is_embedded:
        from sluice.cluster_checks import begin_store_server

        found += begin_store_server(paths.warehouse_url)()
    holder = holder_of(paths.lock)
    if holder is not None:
        return [*found, *server_checks.check_running(address_of(settings), holder)]
    found.append(server_checks.check_port(settings))
    return [*found, checks.check_store(paths)] if is_embedded else found


def _of_edge(settings: Settings, paths: Paths) -> list[Finding]:
    """What a process of the distributed mode keeps on this machine."""
    prices = [checks.check_prices(paths)] if paths.cache.exists() else []
    return [*_disk(settings, paths), *prices, *check_spools(paths, settings)]


def _of_cluster(settings: Settings, paths: Paths) -> list[Finding]:
    # Imported here: an installation without Kafka needs no client of it.
    from sluice.cluster_checks import check_cluster

    found = [checks.check_secret(settings, paths), checks.check_clock(paths)]
    found += check_cluster(settings, paths)
    address, holder = address_of(settings), holder_of(paths.lock)
    if holder is not None:
        return [*found, *server_checks.check_running(address, holder)]
    return [*found, *server_checks.check_listening(address, settings)]


def _disk(settings: Settings, paths: Paths) -> list[Finding]:
    return [checks.check_disk(paths, settings)] if paths.data_dir.exists() else []
