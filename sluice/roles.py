"""The kinds of process that Sluice runs as: what each holds, serves and does beside.

Each imports its own parts only when it is asked for: `sluice up` needs no client of Kafka.
"""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol

from litestar.types import ASGIApp

from schemas.settings import Settings


class Served(Protocol):
    """What a server holds."""

    settings: Settings

    async def start(self) -> None:
        """Opens everything."""
        ...

    async def stop(self, timeout_s: float) -> bool:
        """Closes everything within about this time; `False` when something would not end."""
        ...

    async def wait_broken(self) -> str:
        """Returns, with the reason, when this process can do no more and must end."""
        ...


class Role(NamedTuple):
    """One kind of process."""

    make: Callable[[Settings], Any]
    """Returns a `Served`; the two below take what it returned."""
    app: Callable[[Any], ASGIApp]
    keep_up: Callable[[Any], Coroutine[Any, Any, None]]


def whole() -> Role:
    """Everything in one process, with stores that are files."""
    from sluice.node import Node, NodeProbes
    from sluice.upkeep import keep_up
    from sluice.web import account_state, application, ingest_routes, out_routes

    def app(node: Node) -> ASGIApp:
        state = {
            **account_state(node),
            "warehouse": node.warehouse,
            "outgoing": node.read_backs.outgoing,
            **node.parts.state,
            "edge": node.edge,
            "probes": NodeProbes(node),
        }
        return application([*ingest_routes(), *out_routes()], state, node.settings)

    return Role(Node, app, keep_up)


def edge() -> Role:
    """Ingest: takes events in."""
    from sluice.edge_node import EdgeNode, EdgeProbes
    from sluice.upkeep import keep_edge_up
    from sluice.web import OPERATIONS, account_state, application, ingest_routes

    def app(node: EdgeNode) -> ASGIApp:
        state = {**account_state(node), "edge": node.edge, "probes": EdgeProbes(node)}
        return application([*ingest_routes(), *OPERATIONS], state, node.settings)

    return Role(EdgeNode, app, keep_edge_up)


def worker() -> Role:
    """The stream."""
    from sluice.upkeep import keep_worker_up
    from sluice.web import OPERATIONS, application
    from sluice.worker_node import WorkerNode, WorkerProbes

    def app(node: WorkerNode) -> ASGIApp:
        return application(OPERATIONS, {"probes": WorkerProbes(node)}, node.settings)

    return Role(WorkerNode, app, keep_worker_up)


def api() -> Role:
    """The API: answers queries."""
    from sluice.api_node import ApiNode, ApiProbes
    from sluice.upkeep import keep_api_up
    from sluice.web import account_state, application, out_routes

    def app(node: ApiNode) -> ASGIApp:
        state = {
            **account_state(node),
            "warehouse": node.warehouse,
            **node.parts.state,
            "probes": ApiProbes(node),
        }
        return application(out_routes(), state, node.settings)

    return Role(ApiNode, app, keep_api_up)
