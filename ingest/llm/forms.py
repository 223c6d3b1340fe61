"""The forms of request of the system `llm`: arrays of traces, arrays of spans."""

from collections.abc import Mapping

from eventlog.producer import Items
from ingest.forms import Form
from ingest.llm.pulse import Frame, frame_array, span_frame, trace_frame
from schemas.kinds import SPAN, TRACE, Kind


def forms() -> dict[str, Form]:
    """Returns them by the name of their kind."""
    return {
        TRACE.name: _array_of(TRACE, trace_frame()),
        SPAN.name: _array_of(SPAN, span_frame()),
    }


def _array_of(kind: Kind, frame: Frame) -> Form:
    def split(body: bytes, _: Mapping[str, str], max_item_bytes: int) -> list[Items]:
        framed = frame_array(body, frame, max_item_bytes=max_item_bytes)
        return [Items(kind, framed.items, framed.ids)]

    return Form(kind.name, split)
