"""Lists that were written as attributes: `gen_ai.prompt.0.content`, `llm.tools.1.tool.json_schema`.

Pieces may come in any order, and an index says an order and no place: `prompt.999999999` costs
nothing.
"""

from collections.abc import Iterable
from typing import Any

from schemas.otel.values import Value

_MAX_PIECES = 12
_MAX_DIGITS = 9


class _Node(dict[str, Any]):
    """An object that is put together here, unlike one that a sender wrote."""


def gathered(pieces: Iterable[tuple[str, Value]]) -> list[Value]:
    """Puts pieces together, by what follows the list's own name; empty where none fits."""
    root = _Node()
    for path, value in pieces:
        names = path.split(".")
        if _is_index(names[0]) and len(names) <= _MAX_PIECES:
            _put(root, names, value)
    found = _listed(root)
    return found if isinstance(found, list) else []


def _put(root: _Node, names: list[str], value: Value) -> None:
    at = root
    for name in names[:-1]:
        inner = at.setdefault(name, _Node())
        if not isinstance(inner, _Node):
            return
        at = inner
    at.setdefault(names[-1], value)


def _listed(node: _Node) -> Value:
    if node and all(map(_is_index, node)):
        return [_value(node[name]) for name in sorted(node, key=int)]
    return {name: _value(inner) for name, inner in node.items()}


def _value(inner: Any) -> Value:
    if isinstance(inner, _Node):
        return _listed(inner)
    found: Value = inner
    return found


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) <= _MAX_DIGITS
