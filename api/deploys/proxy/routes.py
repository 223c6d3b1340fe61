"""The table of routes as one process has it: who serves which app, by path and by host."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog
from msgspec import Struct

from api.deploys.proxy.flights import Flights
from schemas.deploys.routing import Route, label_of, plain_host
from schemas.metrics import APP_REQUEST_SECONDS, APP_REQUESTS

Source = Callable[[], Awaitable[Sequence[Route]]]
"""Reads what serves now, as far as it is committed when it is called."""

LOOK_AGAIN_S = 0.05
"""Who asks for apps that are not there has the source read this often at most."""

log = structlog.get_logger(__name__)


class _Table(Struct, frozen=True):
    """One state of all routes."""

    routes: tuple[Route, ...] = ()
    by_label: Mapping[str, Route] = {}
    by_host: Mapping[str, Route] = {}


class Routes:
    """Holds what `source` says, and replaces it as a whole."""

    def __init__(
        self, source: Source, flights: Flights, *, own_hosts: frozenset[str] = frozenset()
    ) -> None:
        """`own_hosts` are Sluice's own names, which no route takes whatever the source says."""
        self.flights = flights
        self.version = 0
        """Rises by one whenever the table has become another one."""
        self._source = source
        self._own_hosts = own_hosts
        self._table = _Table()
        self._reading, self._looking = asyncio.Lock(), asyncio.Lock()
        self._begun = self._finished = 0

    @property
    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        return self._table.routes

    @property
    def instance_ids(self) -> frozenset[str]:
        """Returns which instances get new requests by this process: a switch waits for them."""
        return frozenset(route.instance_id for route in self._table.routes)

    @property
    def hosts(self) -> Collection[str]:
        """Hosts that belong to apps, as `plain_host` writes them."""
        return self._table.by_host.keys()

    def of_label(self, label: str) -> Route | None:
        """Returns who serves an app's environment, by the label of `label_of`."""
        return self._table.by_label.get(label)

    def of_host(self, host: str) -> Route | None:
        """Returns who serves a host, as `plain_host` writes it; `None` also for names of ours."""
        return self._table.by_host.get(host)

    async def refresh(self) -> int:
        """Reads the source anew, and returns the version of the table.

        What was committed before the call is in it. Many callers at one time cost two reads.
        Raises what the source raises; the table then stays as it was.
        """
        wanted = self._begun + 1
        async with self._reading:
            if self._finished < wanted:
                self._begun += 1
                begun = self._begun
                self._put(await self._source())
                self._finished = begun
        return self.version

    async def look_again(self) -> None:
        """Reads the source anew for who found no route: their app may serve since a moment ago.

        What was committed before the call is in the table then. Raises what the source raises.
        """
        wanted = self._begun + 1
        async with self._looking:
            if self._finished < wanted:
                await self.refresh()
                # Whoever comes meanwhile waits, and shares the next read.
                await asyncio.sleep(LOOK_AGAIN_S)

    async def drain(self, instance_id: str, timeout_s: float) -> int:
        """Waits for the requests of an instance that has lost its route; see `Flights.drain`."""
        return await self.flights.drain(instance_id, timeout_s)

    def _put(self, routes: Sequence[Route]) -> None:
        if tuple(routes) == self._table.routes:
            return
        by_host: dict[str, Route] = {}
        for route in routes:
            for name in route.hosts:
                host = plain_host(name)
                if host is None or host in self._own_hosts or by_host.get(host, route) != route:
                    log.warning("host of an app is not served", host=name, project=route.project_id)
                    continue
                by_host[host] = route
        _forget_counts(self._table.routes, routes)
        by_label = {label_of(route.project_id, route.environment): route for route in routes}
        self._table = _Table(tuple(routes), by_label, by_host)
        self.version += 1


def _forget_counts(before: Sequence[Route], now: Sequence[Route]) -> None:
    """Drops the series of environments that are gone: previews come and go."""
    kept = {(route.project_id, route.environment) for route in now}
    for project_id, environment in {(one.project_id, one.environment) for one in before} - kept:
        whose = {"project": project_id, "environment": environment}
        APP_REQUESTS.remove_by_labels(whose)
        APP_REQUEST_SECONDS.remove_by_labels(whose)
