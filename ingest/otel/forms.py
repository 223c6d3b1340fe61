"""How the bodies of OTLP become items."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Raw, Struct

from eventlog.producer import Items
from ingest.forms import Form, Split
from ingest.rejections import BadJson
from schemas.kinds import OTEL_SPAN
from schemas.otel.bounds import Undecodable
from schemas.otel.framing import senders_of
from schemas.otel.items import ItemDecoder, Packed, pack
from schemas.otel.traces import TRACES

TYPE = "content-type"


class _Library(Struct, rename="camel"):
    scope: Raw = Raw(b"")
    spans: list[Raw] = []
    schema_url: str = ""


class _Sender(Struct, rename="camel"):
    resource: Raw = Raw(b"")
    scope_spans: list[_Library] = []
    schema_url: str = ""


class _Traces(Struct, rename="camel"):
    resource_spans: list[_Sender] = []


def forms() -> dict[str, Form]:
    """Returns the forms of requests by name."""
    return {OTEL_SPAN.name: Form(OTEL_SPAN.name, split_spans)}


def split_spans(body: bytes, headers: Mapping[str, str], _: int) -> Split:
    """Splits a request of spans."""
    try:
        packed = list(_protobuf(body) if "protobuf" in headers.get(TYPE, "") else _json(body))
    except (Undecodable, msgspec.MsgspecError, ValueError) as error:
        raise BadJson(str(error)) from error
    bodies, ids = [], []
    decoder = ItemDecoder(TRACES)
    for one in packed:
        body = pack(one)
        for span in decoder.decode(body).items:
            bodies.append(body)
            ids.append(f"{span.trace_id}-{span.span_id}")
    return Split([Items(OTEL_SPAN, bodies, ids)])


def _protobuf(body: bytes) -> Iterator[Packed]:
    for sender in senders_of(body):
        for library in sender.libraries():
            for item in library.items():
                yield Packed(
                    "protobuf",
                    sender.head,
                    sender.schema_url,
                    library.head,
                    library.schema_url,
                    bytes(item),
                )


def _json(body: bytes) -> Iterator[Packed]:
    for sender in msgspec.json.decode(body, type=_Traces).resource_spans:
        for library in sender.scope_spans:
            for item in library.spans:
                yield Packed(
                    "json",
                    bytes(sender.resource),
                    sender.schema_url,
                    bytes(library.scope),
                    library.schema_url,
                    bytes(item),
                )
