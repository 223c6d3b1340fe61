"""Protobuf requests of OTLP, split into their items without reading these.

Parsed as a whole, a body of 4 MB that holds empty messages alone takes 350 MB. Split, an item that
is too large, or one too many, is never parsed, and one that is damaged takes no other with it.

The three requests have the same numbers: a request has senders (1); a sender has its resource (1),
libraries (2) and a schema's URL (3); a library has its scope (1), items (2) and a schema's URL (3).
"""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from schemas.otel.bounds import Undecodable

_SENDERS = _HEAD = 1
_MEMBERS = 2
_SCHEMA_URL = 3
_MAX_SHIFT = 63


class Library:
    """The items of one library, read as they are asked for."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.head, self.schema_url = _head(data)
        """Its scope, as it was sent."""

    @property
    def scope(self) -> Any:
        """Its scope, parsed."""
        return InstrumentationScope.FromString(self.head)

    def items(self) -> Iterator[memoryview]:
        """Yields the items as they were sent."""
        return (held for number, held in fields_of(self._data) if number == _MEMBERS)


class Sender:
    """The libraries of one sender, read as they are asked for."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.head, self.schema_url = _head(data)
        """Its resource, as it was sent."""

    @property
    def resource(self) -> Any:
        """Its resource, parsed."""
        return Resource.FromString(self.head)

    def libraries(self) -> Iterator[Library]:
        """Yields the libraries in their order."""
        return (Library(held) for number, held in fields_of(self._data) if number == _MEMBERS)


def senders_of(body: bytes) -> Iterator[Sender]:
    """Yields the senders of a request.

    They, and what they hold, raise `Undecodable` where it is no protobuf, protobuf's `DecodeError`
    for a resource or a scope that is none, and `ValueError` for a URL that is no text.
    """
    return (Sender(held) for number, held in fields_of(memoryview(body)) if number == _SENDERS)


def fields_of(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields the fields that have a length, by number. Raises `Undecodable` at what is no field."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 2:
            size, at = _varint(data, at)
            if at + size > end:
                raise Undecodable("no OTLP in protobuf: it ends within a field")
            yield key >> 3, data[at : at + size]
            at += size
        elif wire == 0:
            _, at = _varint(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            if at > end:
                raise Undecodable("no OTLP in protobuf: it ends within a field")
        else:
            raise Undecodable("no OTLP in protobuf: a field of an unknown kind")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    found = shift = 0
    end = len(data)
    while at < end and shift <= _MAX_SHIFT:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
        shift += 7
    raise Undecodable("no OTLP in protobuf: it ends within a number")


def _head(data: memoryview) -> tuple[bytes, str]:
    """What stands around members. A part that is there twice is one, as protobuf has it."""
    head, url = bytearray(), ""
    for number, held in fields_of(data):
        if number == _HEAD:
            head += held
        elif number == _SCHEMA_URL:
            url = str(held, "utf-8")
    return bytes(head), url
