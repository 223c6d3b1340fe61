"""One span, log record or metric as the log holds it: as it was sent, with what stood around it.

The edge packs what `framing` or `json_wire` cut out of a request, and reads no attribute. The
stream decodes: items of one sender have the same resource and scope, which are read once.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as SentResource

from schemas.otel import json_wire
from schemas.otel.bounds import STANDARD, Bounds, Decoded, Reason, Rejected, Undecodable
from schemas.otel.walk import Around, Encoding, Signal, around_of, take_one, taking_of

T = TypeVar("T")
_KEPT_AROUND = 256
"""Resources and scopes kept decoded; then all are forgotten."""


class Packed(Struct, array_like=True, frozen=True):
    """An item and what stands around it, each as it was sent; empty where it was not."""

    encoding: Encoding
    resource: bytes
    resource_url: str
    scope: bytes
    scope_url: str
    body: bytes


class PackedInEnvironment(Packed, array_like=True, frozen=True):
    """The same of a DSN key with a default environment.

    One without has the bytes that it always had: the id of some items is made of them.
    """

    environment: str = ""


class _Head(NamedTuple):
    """A resource or a scope, as `around_of` reads it."""

    head: bytes
    schema_url: str
    resource: Any = None
    scope: Any = None


pack: Callable[[Packed], bytes] = msgspec.msgpack.Encoder().encode
"""The bytes of an item in the log."""
unpack: Callable[[bytes], PackedInEnvironment] = msgspec.msgpack.Decoder(PackedInEnvironment).decode
"""What `pack` took. Raises `msgspec.MsgspecError`."""


class ItemDecoder(Generic[T]):
    """Decodes items of one signal. Not for several threads at a time."""

    def __init__(self, signal: Signal[T], bounds: Bounds = STANDARD) -> None:
        self._signal = signal
        self._bounds = bounds
        self._around: dict[tuple[str, bytes, str, bytes, str, str], Around] = {}

    def decode(self, item: bytes) -> Decoded[T]:
        """Decodes one item. The answer has it, or why it cannot be taken; of a metric whose points
        are wrong in part, both. Raises `Undecodable` for what is no item."""
        try:
            packed = unpack(item)
            taking = taking_of(packed.encoding, self._bounds)
            found: list[T] = []
            try:
                around = self._around_of(packed)
            except Rejected as refusal:
                taking.rejected[refusal.reason] += 1
                return Decoded(found, taking.rejected)
            take_one(self._signal, packed.body, packed.encoding, around, taking, found)
            return Decoded(found, taking.rejected)
        except (DecodeError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Undecodable(f"no item of OTLP: {error}") from error

    def _around_of(self, packed: PackedInEnvironment) -> Around:
        encoding, resource, resource_url, scope, scope_url, environment = key = (
            *(packed.encoding, packed.resource, packed.resource_url),
            *(packed.scope, packed.scope_url, packed.environment),
        )
        known = self._around.get(key)
        if known is None:
            if len(self._around) >= _KEPT_AROUND:
                self._around.clear()
            sender = _Head(resource, resource_url, resource=_resource(encoding, resource))
            library = _Head(scope, scope_url, scope=_scope(encoding, scope))
            taking = taking_of(encoding, self._bounds)
            known = around_of(sender, library, taking, environment)
            self._around[key] = known
        return known


def why_not(decoded: Decoded[Any]) -> Reason:
    """The first reason of an item that was not taken."""
    return min(decoded.rejected, default="bad_form")


def _resource(encoding: Encoding, sent: bytes) -> Any:
    if encoding == "json":
        return msgspec.json.decode(sent, type=json_wire.Resource | None) if sent else None
    return SentResource.FromString(sent)


def _scope(encoding: Encoding, sent: bytes) -> Any:
    if encoding == "json":
        return msgspec.json.decode(sent, type=json_wire.Scope | None) if sent else None
    return InstrumentationScope.FromString(sent)
