"""Where services stand on the map."""

from itertools import pairwise

from api.pages.otel.map_layout import MOST_NODES, NodeKey, layout_of
from schemas.otel.answers import MapEdge, ServiceMap


def edge(caller: str, callee: str, kind: str = "service", *, count: int = 10) -> MapEdge:
    return MapEdge(
        caller=caller,
        callee=callee,
        callee_kind=kind,
        count=count,
        errors=count // 2,
        p50_ms=1,
        p95_ms=2,
        p99_ms=3,
    )


def map_of(*edges: MapEdge) -> ServiceMap:
    return ServiceMap(
        services=[], edges=list(edges), looked_at=0, looked_since=None, date_from="", date_to=""
    )


def columns(found: ServiceMap) -> dict[NodeKey, int]:
    return {node.key: node.x for node in layout_of(found).nodes}


class TestColumns:
    def test_who_calls_stands_left_of_all_that_it_calls(self) -> None:
        at = columns(map_of(edge("web", "shop"), edge("web", "pay"), edge("shop", "pay")))
        web, shop, pay = (at[NodeKey("service", name)] for name in ("web", "shop", "pay"))
        assert web < shop < pay

    def test_a_ring_ends_and_has_a_place_for_all(self) -> None:
        found = layout_of(map_of(edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("a", "a")))
        assert len({(node.x, node.y) for node in found.nodes}) == len(found.nodes) == 3
        assert len(found.edges) == 4

    def test_a_long_chain_needs_no_recursion(self) -> None:
        names = [f"s{number:04}" for number in range(MOST_NODES)]
        found = layout_of(map_of(*(edge(one, other) for one, other in pairwise(names))))
        assert len({node.x for node in found.nodes}) == MOST_NODES


class TestNodes:
    def test_a_database_named_as_a_service_is_another_one(self) -> None:
        found = layout_of(map_of(edge("web", "shop"), edge("shop", "shop", "database")))
        assert {node.key.kind for node in found.nodes if node.key.name == "shop"} == {
            "service",
            "database",
        }

    def test_those_with_the_fewest_calls_are_left_out_and_counted(self) -> None:
        many = [edge("web", f"s{number}", count=number + 1) for number in range(MOST_NODES + 5)]
        found = layout_of(map_of(*many))
        assert (len(found.nodes), found.left_out) == (MOST_NODES, 6)
        assert NodeKey("service", "s0") not in {node.key for node in found.nodes}
        assert all(drawn.is_failing for drawn in found.edges if drawn.edge.count > 1)

    def test_nothing_is_an_empty_map(self) -> None:
        found = layout_of(map_of())
        assert (found.nodes, found.edges, found.left_out) == ([], [], 0)
