"""JSON requests of OTLP, split into their items without reading these.

A list becomes an object for each of its members before anybody could count them, and `{},` is three
bytes long. So a long text is looked through first, by types that count, and keep next to nothing.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType, defstruct

from schemas.otel.bounds import Undecodable
from schemas.otel.walk import Signal

COUNTED_BYTES = 1 << 20
"""Of a text that is looked through first. A shorter one may take 25 times its size."""


class Head(NamedTuple):
    """What stands around members, as it was sent: a resource or a scope; empty for none."""

    head: bytes
    schema_url: str


class Group(NamedTuple):
    """The items of one library of one sender."""

    sender: Head
    library: Head
    items: Iterator[bytes]
    """As they were sent."""


class NoMembers(Undecodable):
    """Raised for an object that is not empty and holds nothing of this signal."""


def json_groups(signal: Signal[Any], body: bytes, most_fields: int) -> Iterator[Group]:
    """Yields the groups of a request in their order; `{}` has none.

    Raises `Undecodable` at once where it is no request or has too many members, `NoMembers` where
    it is one of something else. A resource or a scope is not looked into.
    """
    names = wire_names(signal)
    try:
        if len(body) > COUNTED_BYTES:
            msgspec.json.decode(body, type=_counting(names, most_fields))
        request = msgspec.json.decode(body, type=_shape(names))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"no OTLP in JSON: {error}") from error
    if request.senders is UNSET and body.strip() != b"{}":
        raise NoMembers(f"Missing {names[0]}")
    return _groups(request)


def wire_names(signal: Signal[Any]) -> tuple[str, str, str]:
    """Returns what the lists of senders, libraries and items are called."""
    senders, libraries, items = (_camel(name) for name in signal.names)
    return senders, libraries, items


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _groups(request: Any) -> Iterator[Group]:
    for sender in request.senders or ():
        around = Head(_sent(sender.head), sender.schema_url or "")
        for library in sender.members or ():
            within = Head(_sent(library.head), library.schema_url or "")
            yield Group(around, within, map(bytes, library.members or ()))


def _sent(head: Raw) -> bytes:
    sent = bytes(head)
    return b"" if sent == b"null" else sent


@cache
def _shape(names: tuple[str, str, str]) -> Any:
    """The type of a request whose items are left as they were sent."""
    senders, libraries, items = names
    library = _part("Library", "scope", items, Raw)
    sender = _part("Sender", "resource", libraries, library)
    several: Any = list[sender] | None | UnsetType  # type: ignore[valid-type]
    return defstruct("Request", [("senders", several, UNSET)], rename={"senders": senders})


def _part(name: str, head: str, members: str, member: Any) -> Any:
    return defstruct(
        name,
        [
            ("head", Raw, Raw(b"")),
            ("schema_url", str | None, None),
            ("members", list[member] | None, None),
        ],
        rename={"head": head, "schema_url": "schemaUrl", "members": members},
    )


def _counting(names: tuple[str, str, str], most: int) -> Any:
    """A type that reads no field, and counts. Of one call alone: it holds the count."""
    left = itertools.count(most - 1, -1)

    def count(_: Any) -> None:
        if next(left) < 0:
            raise Undecodable("the request has far too many items")

    kind: Any = defstruct("Item", [], namespace={"__post_init__": count})
    for members in reversed(names):
        kind = defstruct(
            "Part",
            [("members", list[kind] | None, None)],
            rename={"members": members},
            namespace={"__post_init__": count},
        )
    return kind
