"""One span, log record or metric as the log holds it: as it was sent, with what stood around it.

The edge packs what `framing` or `json_wire` cut out of a request, and reads no attribute. The
stream decodes: items of one sender have the same resource and scope, which are read once.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, get_args

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as SentResource

from schemas.otel import json_wire
from schemas.otel.bounds import STANDARD, Bounds, Undecodable
from schemas.otel.walk import Around, Encoding, Signal, Taking, around_of, take_one, taking_of

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
        self._taking = {encoding: taking_of(encoding, bounds) for encoding in get_args(Encoding)}
        self._around: dict[tuple[str, bytes, str, bytes, str, str], Around] = {}

    def decode(self, item: bytes) -> T:
        """Decodes one item. Raises `Undecodable` for what is no item, and `Rejected` for one that
        cannot be taken; of a metric whose points are wrong in part, these are left out."""
        try:
            packed = unpack(item)
            taking = self._taking[packed.encoding]
            return take_one(self._signal, packed.body, self._around_of(packed, taking), taking)
        except (DecodeError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Undecodable(f"no item of OTLP: {error}") from error

    def _around_of(self, packed: PackedInEnvironment, taking: Taking) -> Around:
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
            known = self._around[key] = around_of(sender, library, taking, environment)
        return known


def _resource(encoding: Encoding, sent: bytes) -> Any:
    if encoding == "json":
        return msgspec.json.decode(sent, type=json_wire.Resource | None) if sent else None
    return SentResource.FromString(sent)


def _scope(encoding: Encoding, sent: bytes) -> Any:
    if encoding == "json":
        return msgspec.json.decode(sent, type=json_wire.Scope | None) if sent else None
    return InstrumentationScope.FromString(sent)
