"""The way from a request to its items, the same for every signal and encoding."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from google.protobuf.message import DecodeError

from schemas.otel.bounds import Bounds, Decoded, Reason, Rejected, Undecodable
from schemas.otel.framing import Splitter
from schemas.otel.readers import JSON, PROTOBUF, Reader, attributes_of
from schemas.otel.signals import Resource, Scope

T = TypeVar("T")
Encoding = Literal["protobuf", "json"]
MOST_FIELDS = 4
"""That a request may have around its items, for each item that it may have."""


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
    """The generated class of an item."""
    json: Any
    """The `json_wire` type of a request, and that of an item."""
    json_item: Any
    names: tuple[str, str, str]
    """In JSON the fields of senders, of libraries, of items."""
    take: Callable[[Any, Around, Taking], T]
    """May raise `Rejected`."""
    weigh: Callable[[Any], int]
    """How many of a request's items one item counts for."""


class Group(NamedTuple):
    """The items of one library of one sender, as they were sent."""

    sender: Any
    library: Any
    items: Iterable[Any]


class _Steps:
    """Counts what is walked through, for a group may be empty, and a rejected item costs too."""

    def __init__(self, bounds: Bounds) -> None:
        self._left = MOST_FIELDS * bounds.items

    def __call__(self, some: Iterable[T]) -> Iterator[T]:
        for one in some:
            self._left -= 1
            if self._left < 0:
                raise Undecodable("the request has far too many items")
            yield one


def decode(signal: Signal[T], body: bytes, encoding: Encoding, bounds: Bounds) -> Decoded[T]:
    """Decodes a request; an empty one has no items. Raises `Undecodable` and nothing else."""
    is_json = encoding == "json"
    taking = taking_of(encoding, bounds)
    kind = signal.json_item if is_json else signal.protobuf
    steps = _Steps(bounds)
    found: list[T] = []
    left = bounds.items
    try:
        for group in _json_groups(signal, body, steps) if is_json else _groups(body, bounds):
            try:
                around = around_of(group.sender, group.library, taking)
            except Rejected as refusal:
                weights = (_weight(signal, sent, kind, taking) for sent in steps(group.items))
                taking.rejected[refusal.reason] += sum(weights)
                continue
            for sent in steps(group.items):
                left = _take(signal, (sent, kind), around, taking, found, left)
    except (DecodeError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable(f"no OTLP in {encoding}: {error}") from error
    return Decoded(found, taking.rejected)


def _groups(body: bytes, bounds: Bounds) -> Iterator[Group]:
    for sender, library, items in Splitter(body, MOST_FIELDS * bounds.items).groups():
        yield Group(sender, library, items)


def _json_groups(signal: Signal[T], body: bytes, steps: _Steps) -> Iterator[Group]:
    by_sender, by_library, items = signal.names
    request = msgspec.json.decode(body or b"{}", type=signal.json)
    for sender in steps(getattr(request, by_sender) or ()):
        for library in steps(getattr(sender, by_library) or ()):
            yield Group(sender, library, getattr(library, items) or ())


def _take(
    signal: Signal[T],
    sent: tuple[Any, Any],
    around: Around,
    taking: Taking,
    found: list[T],
    left: int,
) -> int:
    """Adds one item, or counts it as rejected; returns how many there may still be."""
    weight = 1
    try:
        if left == 0:
            raise Rejected("too_many_items")
        item = _item(*sent, taking)
        weight = signal.weigh(item)
        if weight > left:
            raise Rejected("too_many_items")
        found.append(signal.take(item, around, taking))
    except Rejected as refusal:
        taking.rejected[refusal.reason] += weight
        return left
    return left - weight


def _item(sent: Any, kind: Any, taking: Taking) -> Any:
    if memoryview(sent).nbytes > taking.bounds.item_bytes:
        raise Rejected("too_large")
    return taking.reader.item(sent, kind)


def _weight(signal: Signal[T], sent: Any, kind: Any, taking: Taking) -> int:
    try:
        return signal.weigh(_item(sent, kind, taking))
    except Rejected:
        return 1


def taking_of(encoding: Encoding, bounds: Bounds) -> Taking:
    """What is the same for all items of a request, before the first."""
    return Taking(JSON if encoding == "json" else PROTOBUF, bounds, Counter())


def take_one(signal: Signal[T], sent: bytes, around: Around, taking: Taking) -> T:
    """Reads the one item. Raises `Rejected`."""
    kind = signal.json_item if taking.reader is JSON else signal.protobuf
    item = _item(sent, kind, taking)
    if signal.weigh(item) > taking.bounds.items:
        raise Rejected("too_many_items")
    return signal.take(item, around, taking)


def around_of(sender: Any, library: Any, taking: Taking, default_environment: str = "") -> Around:
    """Reads what stands around items. Raises `Rejected` where it is beyond a bound."""
    if max(len(getattr(one, "head", b"")) for one in (sender, library)) > taking.bounds.item_bytes:
        raise Rejected("too_large")
    resource, scope = sender.resource, library.scope
    read = attributes_of
    return Around(
        Resource(
            read(resource.attributes, taking.reader, taking.bounds) if resource else {},
            sender.schema_url or "",
            default_environment,
        ),
        Scope(
            (scope.name or "") if scope else "",
            (scope.version or "") if scope else "",
            read(scope.attributes, taking.reader, taking.bounds) if scope else {},
            library.schema_url or "",
        ),
    )
