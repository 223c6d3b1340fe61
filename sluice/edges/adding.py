"""Edge processes as a part of `sluice up`."""

from typing import Any

from api.deploys.proxy.traffic import Traffic
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import TOPICS
from ingest.edge import Edge
from schemas.projects import ProjectId
from sluice.connections import bounds_of, raise_open_files
from sluice.edges import messages
from sluice.edges.appending import Appending
from sluice.edges.starting import Start
from sluice.edges.supervisor import Edges
from sluice.edges.tally import OWNERS_ROW
from sluice.limits import edge_limits_of
from sluice.lock import edges_lock, hold_shared
from sluice.process import Process
from sluice.proxies import trusted_proxies

RINGS = ("keyring", "dsn_keys", "api_tokens")
GRACEFUL_S = 1


class _AnnouncedRing:
    """A ring of keys whose edges forget what it forgets."""

    def __init__(self, name: str, ring: Any, edges: Edges) -> None:
        self._name, self._ring, self._edges = name, ring, edges

    def __getattr__(self, name: str) -> Any:
        """Returns what else the ring has."""
        return getattr(self._ring, name)

    def forget(self, key: str) -> None:
        """Forgets a key, everywhere."""
        self._ring.forget(key)
        self._edges.tell(messages.ForgetKey(self._name, key))

    def forget_project(self, project_id: ProjectId) -> None:
        """Forgets the keys of a project, everywhere."""
        self._ring.forget_project(project_id)
        self._edges.tell(messages.ForgetProject(self._name, project_id))


def add_edges(process: Process, event_log: SqliteLog) -> None:
    """Adds as many as the settings say, over the edge and the log of the process."""
    settings = process.settings
    if process.children is None:
        return
    edge: Edge = process.state["edge"]
    traffic: Traffic = process.state["traffic"]

    def standing() -> messages.Standing:
        fullness = round(event_log.stored_bytes / settings.log_max_bytes, 3)
        return messages.Standing(fullness, sorted(traffic.routes.hosts))

    start = Start(
        settings=settings,
        limits=edge_limits_of(settings),
        bounds=bounds_of(settings, raise_open_files()),
        database_url=process.paths.database_url,
        partitions={topic.name: event_log.partitions(topic.name) for topic in TOPICS},
        proxies=trusted_proxies(settings),
        graceful_s=GRACEFUL_S,
        row=OWNERS_ROW,
    )
    lock = hold_shared(edges_lock(process.paths.data_dir))
    process.stack.callback(lock.close)
    edges = Edges(
        process.children,
        start,
        Appending(event_log, edge),
        standing,
        lock.fileno(),
    )
    for name in RINGS:
        process.state[name] = _AnnouncedRing(name, process.state[name], edges)
    process.edges = edges
    process.faults.append(edges.broken)
    process.stack.push_async_callback(edges.stop)
