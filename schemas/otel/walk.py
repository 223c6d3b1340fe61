"""The way from a request to its items, the same for every signal and encoding."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from google.protobuf.message import DecodeError

from schemas.otel.bounds import Bounds, Decoded, Reason, Rejected, Undecodable
from schemas.otel.readers import JSON, PROTOBUF, Reader, attributes_of
from schemas.otel.signals import Resource, Scope

T = TypeVar("T")
Encoding = Literal["protobuf", "json"]


class Taking(NamedTuple):
    """What is the same for all items of a request."""

    reader: Reader
    bounds: Bounds
    rejected: Counter[Reason]


class Around(NamedTuple):
    """What an item belongs to."""

    resource: Resource
    scope: Scope


class Signal(NamedTuple, Generic[T]):
    """How a signal is called in each encoding, and what makes an item of it."""

    protobuf: Any
    """The generated class of its request."""
    json: Any
    item: Any
    """The `json_wire` type of an item."""
    names: tuple[str, str, str]
    """The fields of senders, of libraries, of items."""
    take: Callable[[Any, Around, Taking], T]
    """May raise `Rejected`."""
    weigh: Callable[[Any], int]
    """How many of a request's items one item counts for."""


def decode(signal: Signal[T], body: bytes, encoding: Encoding, bounds: Bounds) -> Decoded[T]:
    """Decodes a request; an empty one has no items. Raises `Undecodable` and nothing else."""
    request, reader = _request(signal, body, encoding)
    taking = Taking(reader, bounds, Counter())
    found: list[T] = []
    by_sender, by_library, item_name = signal.names
    left = bounds.items
    for sender in getattr(request, by_sender) or ():
        for library in getattr(sender, by_library) or ():
            items = getattr(library, item_name) or ()
            try:
                around = _around(sender, library, taking)
            except Rejected as refusal:
                taking.rejected[refusal.reason] += _weights(signal, items, taking)
                continue
            for sent in items:
                left = _take(signal, sent, around, taking, found, left)
    return Decoded(found, taking.rejected)


def _request(signal: Signal[T], body: bytes, encoding: Encoding) -> tuple[Any, Reader]:
    try:
        if encoding == "protobuf":
            return signal.protobuf.FromString(body), PROTOBUF
        return msgspec.json.decode(body or b"{}", type=signal.json), JSON
    except (DecodeError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Undecodable(f"no OTLP in {encoding}: {error}") from error


def _take(
    signal: Signal[T], sent: Any, around: Around, taking: Taking, found: list[T], left: int
) -> int:
    """Adds one item, or counts it as rejected; returns how many there may still be."""
    weight = 1
    try:
        if taking.reader.size(sent) > taking.bounds.item_bytes:
            raise Rejected("too_large")
        item = taking.reader.item(sent, signal.item)
        weight = signal.weigh(item)
        if weight > left:
            raise Rejected("too_many_items")
        found.append(signal.take(item, around, taking))
    except Rejected as refusal:
        taking.rejected[refusal.reason] += weight
        return left
    return left - weight


def _weights(signal: Signal[T], items: Any, taking: Taking) -> int:
    total = 0
    for sent in items:
        try:
            total += signal.weigh(taking.reader.item(sent, signal.item))
        except Rejected:
            total += 1
    return total


def _around(sender: Any, library: Any, taking: Taking) -> Around:
    resource, scope = sender.resource, library.scope
    read = attributes_of
    return Around(
        Resource(
            read(resource.attributes, taking.reader, taking.bounds) if resource else {},
            sender.schema_url or "",
        ),
        Scope(
            (scope.name or "") if scope else "",
            (scope.version or "") if scope else "",
            read(scope.attributes, taking.reader, taking.bounds) if scope else {},
            library.schema_url or "",
        ),
    )
