"""JSON as a tree that folds: of bounded size, whatever was sent."""

from collections.abc import Iterator
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
OPEN_DEPTH = 2
MOST_OPEN = 30


class Node(NamedTuple):
    """One value with its key."""

    key: str
    path: str
    """As JavaScript writes it, from the top."""
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


def _node(key: str, path: str, value: Any, depth: int, left: Iterator[int]) -> Node:
    if isinstance(value, dict):
        items = [(str(name), f"{path}[{_quoted(str(name))}]", one) for name, one in value.items()]
        return _branch(Node(key, path, "object", "", [], len(value), False), items, depth, left)
    if isinstance(value, list):
        items = [(str(at), f"{path}[{at}]", one) for at, one in enumerate(value)]
        return _branch(Node(key, path, "array", "", [], len(value), False), items, depth, left)
    if isinstance(value, str):
        return Node(key, path, "string", value[:MOST_CHARS], [], len(value), False)
    return Node(key, path, "value", msgspec.json.encode(value).decode(), [], 0, False)


def _branch(node: Node, items: list[tuple[str, str, Any]], depth: int, left: Iterator[int]) -> Node:
    for key, path, value in items:
        if depth >= MOST_DEPTH or next(left, None) is None:
            break
        node.children.append(_node(key, path, value, depth + 1, left))
    return node._replace(is_open=depth == 0 or (depth < OPEN_DEPTH and len(items) <= MOST_OPEN))


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()
