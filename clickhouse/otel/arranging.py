"""The tree of a trace, worked out from who names whom as parent. Pure.

Senders are not to be trusted: parents are missing, spans name one another in a ring, ids come
twice, clocks differ. Every span has one place whatever they say.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple


class BareSpan(NamedTuple):
    """What the place of a span follows from. Times are microseconds since 1970 UTC."""

    span_id: str
    parent_id: str
    at_us: int
    duration_ns: int
    source: str
    key: str
    """What its details are found by, in the table of its source."""
    trace_id: str


class Tree(NamedTuple):
    """The order of a trace: parents before their children, and these as they began.

    All lists have one value for each place of the order.
    """

    order: Sequence[int]
    """Numbers of spans."""
    depths: Sequence[int]
    children: Sequence[int]
    """How many are right below."""
    below: Sequence[int]
    """How many are below in all: they follow right after."""
    parents: Sequence[int]
    """At which place each one's parent stands; -1 of a root."""


def arrange(spans: Sequence[BareSpan]) -> Tree:
    """Puts spans into the order of their tree.

    1. Of several spans with one id the first that is given has the children.
    2. A span is a root if it names no parent, itself, or one that is not there.
    3. Of a ring, the span that began first is a root.
    """
    first: dict[str, int] = {}
    for number, span in enumerate(spans):
        first.setdefault(span.span_id, number)
    by_time = sorted(range(len(spans)), key=lambda number: (spans[number].at_us, number))
    roots: list[int] = []
    under: dict[int, list[int]] = {}
    for number in by_time:
        span = spans[number]
        parent = first.get(span.parent_id) if span.parent_id else None
        if parent is None or parent == number:
            roots.append(number)
        else:
            under.setdefault(parent, []).append(number)
    walk = _Walk(len(spans), under)
    # Those in rings, and below one, are reached from no root.
    for number in (*roots, *by_time):
        walk.go(number)
    return Tree(walk.order, walk.depths, walk.children, _sizes(walk.depths), walk.parents)


class _Walk:
    """Goes down from roots, depth first; each span once."""

    def __init__(self, count: int, under: dict[int, list[int]]) -> None:
        self.order = array("q")
        self.depths = array("q")
        self.children = array("q")
        self.parents = array("q")
        self._under = under
        self._seen = bytearray(count)

    def go(self, root: int) -> None:
        waiting = [(root, 0, -1)]
        while waiting:
            number, depth, parent = waiting.pop()
            if self._seen[number]:
                continue
            self._seen[number] = 1
            below = [one for one in self._under.get(number, ()) if not self._seen[one]]
            place = len(self.order)
            self.order.append(number)
            self.parents.append(parent)
            self.depths.append(depth)
            self.children.append(len(below))
            waiting += [(one, depth + 1, place) for one in reversed(below)]


def _sizes(depths: Sequence[int]) -> Sequence[int]:
    """Returns how many of those that follow are deeper, until one is not."""
    sizes = array("q", bytes(8 * len(depths)))
    above: list[int] = []
    for place, depth in enumerate(depths):
        while above and depths[above[-1]] >= depth:
            ended = above.pop()
            sizes[ended] = place - ended - 1
        above.append(place)
    for place in above:
        sizes[place] = len(depths) - place - 1
    return sizes
