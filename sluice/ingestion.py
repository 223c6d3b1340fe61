"""Ingest as a part of a process: the routes that take items in, and the rows that they answer."""

from ingest.edge import Edge
from sluice.process import Process
from sluice.web import ingest_routes

REJECTIONS_EVERY_S = 1.0


def add_edge(process: Process, edge: Edge) -> None:
    """Adds an edge over an open log. The last rejections are counted before the log closes."""
    process.routes += ingest_routes()
    process.state["edge"] = edge
    # After a full log there may be no further rejection that would carry the earlier ones along.
    process.upkeep.append((REJECTIONS_EVERY_S, edge.flush_rejections))
    process.stack.push_async_callback(edge.flush_rejections)
