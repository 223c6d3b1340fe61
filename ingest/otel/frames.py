"""Requests of OTLP, split into the items that the log holds; what cannot be taken is counted.

An item takes what stands around it along: its resource and its scope. So a small request with a
large resource could become many times its size, and all items together have a bound.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ingest.json_texts import repaired_json
from ingest.otel.checks import check_metric, check_record, check_span
from schemas.kinds import OTEL_METRIC, OTEL_RECORD, OTEL_SPAN, Kind
from schemas.otel import json_wire
from schemas.otel.bounds import Bounds, Reason, Rejected, Undecodable
from schemas.otel.framing import Splitter
from schemas.otel.items import Packed, PackedInEnvironment, pack
from schemas.otel.json_framing import json_groups
from schemas.otel.logs import LOGS
from schemas.otel.metrics import METRICS
from schemas.otel.readers import JSON, PROTOBUF, Reader
from schemas.otel.traces import TRACES
from schemas.otel.walk import MOST_FIELDS, Encoding, Signal

_RESOURCE = (json_wire.Resource, Resource)
_SCOPE = (json_wire.Scope, InstrumentationScope)
MAX_PACKED_BYTES = 64 << 20
"""Of all items of a request, with what stands around each."""
ID_BYTES = 16
"""Of the hash that is the id of an item that has none."""


class Taking(NamedTuple):
    """How one signal is taken in."""

    kind: Kind
    signal: Signal[Any]
    check: Callable[[Any, Reader, Bounds, Counter[Reason]], str | None]
    """Returns the id of an item, `None` where it has none. Counts what of it cannot be taken, and
    raises `Rejected` where all of it cannot."""


SPANS = Taking(OTEL_SPAN, TRACES, check_span)
RECORDS = Taking(OTEL_RECORD, LOGS, check_record)
MEASURES = Taking(OTEL_METRIC, METRICS, check_metric)


class Frame:
    """What becomes of one request. Used once."""

    def __init__(
        self,
        taking: Taking,
        encoding: Encoding,
        bounds: Bounds,
        max_item_bytes: int,
        *,
        environment: str = "",
    ) -> None:
        self.bodies: list[bytes] = []
        self.ids: list[str] = []
        self.rejected: Counter[Reason] = Counter()
        """As OTLP counts: spans, log records, data points."""
        self.refused: Counter[Reason] = Counter()
        """As the ledger counts: items."""
        self._taking = taking
        self._encoding: Encoding = encoding
        self._bounds = bounds
        self._environment = environment
        self._max_item_bytes = max_item_bytes
        self._sender: Any = None
        self._why_not: Reason | None = None
        self._left = bounds.items
        self._left_bytes = MAX_PACKED_BYTES
        self._is_json = encoding == "json"
        self._reader = JSON if self._is_json else PROTOBUF

    def split(self, body: bytes) -> None:
        """Takes what can be taken. Raises `Undecodable` for what is no request."""
        most = MOST_FIELDS * self._bounds.items
        try:
            if self._is_json:
                for group in self._json_groups(body, most):
                    self._take_group(*group)
            else:
                for group in Splitter(body, most).groups():
                    self._take_group(*group)
        except UnicodeDecodeError as error:
            raise Undecodable(f"no OTLP in {self._encoding}: {error}") from error

    def _json_groups(self, body: bytes, most_fields: int) -> Iterable[Any]:
        """The groups of a text, as it is or else without what JavaScript writes that is no JSON."""
        try:
            return json_groups(self._taking.signal, body, most_fields)
        except Undecodable as error:
            repaired = repaired_json(body, error)
            if repaired is None:
                raise
            return json_groups(self._taking.signal, repaired, most_fields)

    def _take_group(self, sender: Any, library: Any, items: Iterable[bytes]) -> None:
        if sender is not self._sender:
            # Once for each: a sender may have a hundred thousand libraries.
            self._sender, self._why_not = sender, self._why_not_around(sender, is_sender=True)
        why_not = self._why_not or self._why_not_around(library, is_sender=False)
        if why_not is not None:
            for sent in items:
                self._refuse(why_not, self._weight(sent))
            return
        around = (sender.head, sender.schema_url, library.head, library.schema_url)
        size = sum(map(len, around))
        for sent in items:
            self._take(sent, around, size)

    def _why_not_around(self, held: Any, *, is_sender: bool) -> Reason | None:
        """Why nothing can be taken of who has this resource or this scope."""
        bounds = self._bounds
        if len(held.head) + len(held.schema_url) > bounds.item_bytes:
            return "too_large"
        if not held.head:
            return None
        of_json, of_protobuf = _RESOURCE if is_sender else _SCOPE
        try:
            found = self._reader.item(held.head, of_json if self._is_json else of_protobuf)
        except Rejected as rejected:
            return rejected.reason
        many = found.attributes and len(found.attributes) > bounds.attributes
        return "too_many_attributes" if many else None

    def _take(self, sent: bytes, around: tuple[bytes, str, bytes, str], around_bytes: int) -> None:
        taking, weight = self._taking, 1
        try:
            size = len(sent) + around_bytes
            if self._left <= 0 or size > self._left_bytes:
                raise Rejected("too_many_items")
            if len(sent) > self._bounds.item_bytes or size > self._max_item_bytes:
                raise Rejected("too_large")
            item = self._item(sent)
            weight = taking.signal.weigh(item)
            if weight > self._left:
                raise Rejected("too_many_items")
            item_id = taking.check(item, self._reader, self._bounds, self.rejected)
        except Rejected as rejected:
            self._refuse(rejected.reason, weight)
            return
        packed = pack(Packed(self._encoding, *around, sent))
        self.ids.append(item_id or _hash(packed))
        if self._environment:
            packed = pack(PackedInEnvironment(self._encoding, *around, sent, self._environment))
        self.bodies.append(packed)
        self._left -= weight
        self._left_bytes -= size

    def _item(self, sent: bytes) -> Any:
        signal = self._taking.signal
        return self._reader.item(sent, signal.json_item if self._is_json else signal.protobuf)

    def _weight(self, sent: bytes) -> int:
        if len(sent) > self._bounds.item_bytes:
            return 1
        try:
            return self._taking.signal.weigh(self._item(sent))
        except Rejected:
            return 1

    def _refuse(self, reason: Reason, weight: int) -> None:
        self.rejected[reason] += weight
        self.refused[reason] += 1


def _hash(packed: bytes) -> str:
    return hashlib.blake2b(packed, digest_size=ID_BYTES).hexdigest()
