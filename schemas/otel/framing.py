"""Protobuf requests of OTLP, split into their items without reading these.

Parsed as a whole, a body of 4 MB that holds empty messages alone takes 350 MB. Split, an item that
is too large, or one too many, is never parsed, and one that is damaged takes no other with it.

The three requests have the same numbers: a request has senders (1); a sender has its resource (1),
libraries (2) and a schema's URL (3); a library has its scope (1), items (2) and a schema's URL (3).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from schemas.otel.bounds import Undecodable

_HEAD, _MEMBERS, _SCHEMA_URL = 1, 2, 3
_MAX_SHIFT = 63


class Head:
    """What stands around members, as it was sent: a resource or a scope."""

    def __init__(self, head: bytes, schema_url: str) -> None:
        self.head = head
        self.schema_url = schema_url

    @property
    def resource(self) -> Any:
        """The resource, parsed."""
        return Resource.FromString(self.head)

    @property
    def scope(self) -> Any:
        """The scope, parsed."""
        return InstrumentationScope.FromString(self.head)


class Group(NamedTuple):
    """The items of one library of one sender."""

    sender: Head
    library: Head
    items: Iterator[bytes]
    """As they were sent, cut out as they are asked for."""


class Splitter:
    """Splits one request. It walks through so many fields at most, known or not."""

    def __init__(self, body: bytes, most_fields: int) -> None:
        self._body = body
        self._left = most_fields

    def groups(self) -> Iterator[Group]:
        """Yields the groups of the request in their order.

        Raises `Undecodable` where it is no protobuf or has too many fields, and `ValueError` for a
        URL that is no text. A resource or a scope is not looked into.
        """
        _, _, senders = self._part(0, len(self._body), members=_HEAD)
        for sender in senders:
            resource, resource_url, libraries = self._part(*sender)
            around = Head(resource, resource_url)
            for library in libraries:
                scope, scope_url, items = self._part(*library)
                yield Group(around, Head(scope, scope_url), self._cut(items))

    def _cut(self, places: list[tuple[int, int]]) -> Iterator[bytes]:
        return (self._body[start:end] for start, end in places)

    def _part(
        self, at: int, end: int, members: int = _MEMBERS
    ) -> tuple[bytes, str, list[tuple[int, int]]]:
        """The head, the URL and the places of the members of one message.

        A head that is there twice is one, as protobuf has it.
        """
        body = self._body
        heads: list[bytes] = []
        url = ""
        places: list[tuple[int, int]] = []
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Undecodable("the request has far too many items")
            key = body[at]
            at += 1
            if key > 127:
                key, at = self._varint(at - 1, end)
            if key & 7 != 2:
                at = self._stepped(key & 7, at, end)
                continue
            if at < end and body[at] < 128:
                size = body[at]
                at += 1
            else:
                size, at = self._varint(at, end)
            start, at = at, at + size
            if at > end:
                raise Undecodable("no OTLP in protobuf: it ends within a field")
            number = key >> 3
            if number == members:
                places.append((start, at))
            elif number == _HEAD:
                heads.append(body[start:at])
            elif number == _SCHEMA_URL:
                url = str(body[start:at], "utf-8")
        return b"".join(heads), url, places

    def _stepped(self, wire: int, at: int, end: int) -> int:
        """Where the next field begins, behind a value without a length."""
        if wire == 0:
            return self._varint(at, end)[1]
        if wire not in (1, 5):
            raise Undecodable("no OTLP in protobuf: a field of an unknown kind")
        at += 8 if wire == 1 else 4
        if at > end:
            raise Undecodable("no OTLP in protobuf: it ends within a field")
        return at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """A number, and where what follows it begins."""
        found = shift = 0
        while at < end and shift <= _MAX_SHIFT:
            byte = self._body[at]
            at += 1
            found |= (byte & 127) << shift
            if byte < 128:
                return found, at
            shift += 7
        raise Undecodable("no OTLP in protobuf: it ends within a number")
