"""Every check of an installation, in order of need: what `sluice doctor` shows."""

import asyncio

from clickhouse.client import path_of
from schemas.settings import Settings
from sluice import checks, server_checks
from sluice.checks import Finding
from sluice.commands.options import address_of
from sluice.lock import address_in, holder_of
from sluice.log_checks import check_log, check_spools
from sluice.paths import Paths, paths_of


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
        *_driver(settings, paths),
    ]
    is_embedded = path_of(paths.warehouse_url) is not None
    if not is_embedded:
        from sluice.cluster_checks import begin_store_server

        found += begin_store_server(paths.warehouse_url)()
    holder = holder_of(paths.lock)
    if holder is not None:
        return [*found, *server_checks.check_running(_address(settings, paths), holder)]
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
    found += [*check_cluster(settings, paths), *_driver(settings, paths)]
    holder = holder_of(paths.lock)
    if holder is not None:
        return [*found, *server_checks.check_running(_address(settings, paths), holder)]
    return [*found, *server_checks.check_listening(address_of(settings), settings)]


def _address(settings: Settings, paths: Paths) -> str:
    """Returns where the running server listens: it may have been started with another port."""
    return address_in(paths.lock) or address_of(settings)


def _driver(settings: Settings, paths: Paths) -> list[Finding]:
    """What apps run in; who runs them as processes, or none, needs nothing for it."""
    if settings.deploy_driver in ("process", "none"):
        return []
    # Imported here, as who deploys nothing pays nothing for it.
    from sluice.deploy_checks import check_driver

    return [check_driver(settings, paths)]


def _disk(settings: Settings, paths: Paths) -> list[Finding]:
    return [checks.check_disk(paths, settings)] if paths.data_dir.exists() else []
