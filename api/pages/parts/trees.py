"""JSON as a tree that folds: of bounded size, whatever was sent."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

MOST_NODES = 2_000
MOST_OF_MANY = 200
MOST_CHARS = 4_000
"""Of one text."""
MOST_BYTES = 1 << 20
"""Of a body that is shown at all; the rest is one link away."""
MOST_DEPTH = 60
"""What is deeper is counted and not shown: a template calls itself for each level."""
MOST_BLANKS = 10
"""Before the lines of JSON, for each byte of it; and so many in any case."""
SOME_BLANKS = 100_000
OPEN_DEPTH = 2
MOST_OPEN = 30


class Node(NamedTuple):
    """One value with its key."""

    key: str
    path: str
    """What it adds to the path of what it is in, as JavaScript writes it. Not all of the path: one
    long key, with many values in it, would be as many times as long."""
    kind: str
    text: str
    children: list["Node"]
    size: int
    """Of children there are, shown or not; of characters, in a text."""
    is_open: bool


def decoded(raw: Raw | None) -> Any:
    """Reads a body, `None` where there is none that can be shown."""
    if raw is None or len(raw) > MOST_BYTES:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def tree_of(value: Any, *, most: int = MOST_NODES) -> Node:
    """Returns a tree of so many nodes at most."""
    return _node("", "$", value, 0, iter(range(most)))


def depth_of(value: Any) -> int:
    """Returns how many levels of objects and arrays a value has."""
    depth, level = 0, [value]
    while level:
        inner = [one for one in level if isinstance(one, (dict, list))]
        depth += bool(inner)
        level = [of for one in inner for of in (one.values() if isinstance(one, dict) else one)]
    return depth


def laid_out(packed: bytes, value: Any) -> str:
    """Returns JSON with its lines broken; as it is, where that would be mostly blanks.

    In 1 MB of numbers, 900 levels deep, the blanks before them take 900 MB.
    """
    ends = packed.count(b"{") + packed.count(b"[")
    blanks = 2 * depth_of(value) * (packed.count(b",") + 2 * ends)
    if blanks > MOST_BLANKS * len(packed) + SOME_BLANKS:
        return packed.decode()
    return msgspec.json.format(packed, indent=2).decode()


def _node(key: str, path: str, value: Any, depth: int, left: Iterator[int]) -> Node:
    if isinstance(value, dict):
        node = Node(key, path, "object", "", [], len(value), False)
        named = ((str(name), one) for name, one in value.items())
        return _branch(
            node, ((name, f"[{_quoted(name)}]", one) for name, one in named), depth, left
        )
    if isinstance(value, list):
        node = Node(key, path, "array", "", [], len(value), False)
        items = ((str(at), f"[{at}]", one) for at, one in enumerate(value))
        return _branch(node, items, depth, left)
    if isinstance(value, str):
        return Node(key, path, "string", value[:MOST_CHARS], [], len(value), False)
    return Node(key, path, "value", msgspec.json.encode(value).decode(), [], 0, False)


def _branch(
    node: Node, items: Iterable[tuple[str, str, Any]], depth: int, left: Iterator[int]
) -> Node:
    for key, path, value in items:
        if depth >= MOST_DEPTH or next(left, None) is None:
            break
        node.children.append(_node(key, path, value, depth + 1, left))
    return node._replace(is_open=depth == 0 or (depth < OPEN_DEPTH and node.size <= MOST_OPEN))


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()
