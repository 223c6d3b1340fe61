"""Where services, and what they call, stand on the map: in columns, callers left of callees. Pure.

1. A column is the longest way there from a caller that nobody calls. Of calls in a ring, the one
   that closes it counts for nothing.
2. Within a column they stand in the order of the middle of their callers, so few lines cross.
"""

from collections.abc import Mapping, Sequence
from math import log10
from typing import NamedTuple

from schemas.otel.answers import MapEdge, Service, ServiceMap

MOST_NODES = 60
MOST_NAME = 22
NODE_WIDTH, NODE_HEIGHT = 176, 44
COLUMN, ROW, EDGE = 250, 62, 12
LEAST_FAILED = 1.0
"""Percent of calls from which a line is drawn as failing."""


class NodeKey(NamedTuple):
    """What tells a node: a database may be named as a service is."""

    kind: str
    name: str


class Node(NamedTuple):
    """A service, or what sends no spans itself."""

    key: NodeKey
    short: str
    x: int
    y: int
    service: Service | None


class Drawn(NamedTuple):
    """A call as it is drawn."""

    edge: MapEdge
    path: str
    width: float
    failed: float
    """In percent."""

    @property
    def is_failing(self) -> bool:
        """Whether so many fail that the line says so."""
        return self.failed >= LEAST_FAILED


class Layout(NamedTuple):
    """The whole map."""

    nodes: list[Node]
    edges: list[Drawn]
    width: int
    height: int
    left_out: int
    """Nodes that are not drawn: those with the fewest calls."""


def layout_of(found: ServiceMap) -> Layout:
    """Lays a map out; the nodes with most calls, where there are too many."""
    calls: dict[NodeKey, int] = {
        NodeKey("service", one.service): one.requests.count for one in found.services if one.service
    }
    for edge in found.edges:
        for key in _ends(edge):
            calls[key] = calls.get(key, 0) + edge.count
    kept = sorted(calls, key=lambda key: (-calls[key], key))[:MOST_NODES]
    edges = [edge for edge in found.edges if set(_ends(edge)) <= set(kept)]
    columns = _columns(kept, edges)
    places = _places(columns, edges)
    services = {one.service: one for one in found.services}
    nodes = [
        Node(key, _short(key.name), x, y, services.get(key.name) if key.kind == "service" else None)
        for key, (x, y) in places.items()
    ]
    most = max((edge.count for edge in edges), default=1)
    return Layout(
        nodes=nodes,
        edges=[_drawn(edge, places, most) for edge in edges],
        width=max((x for x, _ in places.values()), default=0) + NODE_WIDTH + 2 * EDGE,
        height=max((y for _, y in places.values()), default=0) + NODE_HEIGHT + 2 * EDGE,
        left_out=len(calls) - len(kept),
    )


def _ends(edge: MapEdge) -> tuple[NodeKey, NodeKey]:
    return NodeKey("service", edge.caller), NodeKey(edge.callee_kind, edge.callee)


def _columns(keys: Sequence[NodeKey], edges: Sequence[MapEdge]) -> Mapping[NodeKey, int]:
    below: dict[NodeKey, list[NodeKey]] = {key: [] for key in keys}
    called = set()
    for edge in edges:
        caller, callee = _ends(edge)
        below[caller].append(callee)
        called.add(callee)
    columns = dict.fromkeys(keys, 0)
    order: list[NodeKey] = []
    state = dict.fromkeys(keys, 0)
    forward: set[tuple[NodeKey, NodeKey]] = set()
    for start in sorted(keys, key=lambda key: key in called):
        _visit(start, below, state, order, forward)
    for key in reversed(order):
        for callee in below[key]:
            if (key, callee) in forward:
                columns[callee] = max(columns[callee], columns[key] + 1)
    return columns


def _visit(
    start: NodeKey,
    below: Mapping[NodeKey, list[NodeKey]],
    state: dict[NodeKey, int],
    order: list[NodeKey],
    forward: set[tuple[NodeKey, NodeKey]],
) -> None:
    """Goes down; `state` is 1 of what is being visited, and 2 of what is done."""
    if state[start]:
        return
    state[start] = 1
    waiting = [(start, iter(below[start]))]
    while waiting:
        key, callees = waiting[-1]
        callee = next(callees, None)
        if callee is None:
            state[key] = 2
            order.append(key)
            waiting.pop()
        elif state[callee] != 1:
            forward.add((key, callee))
            if not state[callee]:
                state[callee] = 1
                waiting.append((callee, iter(below[callee])))


def _places(
    columns: Mapping[NodeKey, int], edges: Sequence[MapEdge]
) -> dict[NodeKey, tuple[int, int]]:
    callers: dict[NodeKey, list[NodeKey]] = {}
    for edge in edges:
        caller, callee = _ends(edge)
        callers.setdefault(callee, []).append(caller)
    places: dict[NodeKey, tuple[int, int]] = {}
    counts = [0] * (max(columns.values(), default=0) + 1)
    for column in columns.values():
        counts[column] += 1
    highest = max(counts, default=0)

    def middle(key: NodeKey) -> float:
        known = [places[one][1] for one in callers.get(key, ()) if one in places]
        return sum(known) / len(known) if known else 0.0

    for column, count in enumerate(counts):
        keys = sorted((key for key, one in columns.items() if one == column), key=middle)
        first = EDGE + (highest - count) * ROW // 2
        for row, key in enumerate(keys):
            places[key] = (EDGE + column * COLUMN, first + row * ROW)
    return places


def _drawn(edge: MapEdge, places: Mapping[NodeKey, tuple[int, int]], most: int) -> Drawn:
    caller, callee = _ends(edge)
    (x1, y1), (x2, y2) = places[caller], places[callee]
    y1, y2 = y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
    if x2 > x1:
        x1 += NODE_WIDTH
        bend = (x2 - x1) // 2
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    else:
        # Back, or beside: below both, so it is told from a line that goes on.
        x1, x2 = x1 + NODE_WIDTH // 2, x2 + NODE_WIDTH // 2
        y1, y2 = y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
        path = f"M{x1} {y1}C{x1} {y1 + 30} {x2} {y2 + 30} {x2} {y2}"
    width = 1.0 + 3.0 * log10(1 + edge.count) / log10(1 + max(most, 1))
    return Drawn(edge, path, round(width, 2), edge.errors / edge.count * 100 if edge.count else 0)


def _short(name: str) -> str:
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"
