"""The forms of request of the system `llm`: arrays of traces, of spans, of scores; single items."""

from collections.abc import Callable, Mapping

from eventlog.producer import Items
from ingest.forms import Form, Split
from ingest.llm import scores
from ingest.llm.pulse import Frame, frame_array, span_frame, trace_frame
from ingest.rejections import Invalid
from schemas.issues import Checked, Issue
from schemas.kinds import SCORE, SPAN, TRACE, Kind


def forms() -> dict[str, Form]:
    """Returns them by name: that of their kind, where it has one form."""
    return {
        TRACE.name: _array_of(TRACE, trace_frame()),
        SPAN.name: _array_of(SPAN, span_frame()),
        **scores.forms(),
    }


def checks() -> dict[str, Callable[[bytes, int], Checked]]:
    """Returns how one item, of so many bytes at most, is checked, by the name of its kind."""
    return {
        TRACE.name: lambda item, most: _checked(trace_frame(), item, most),
        SPAN.name: lambda item, most: _checked(span_frame(), item, most),
        SCORE.name: scores.checked,
    }


def _checked(frame: Frame, item: bytes, max_item_bytes: int) -> Checked:
    try:
        framed = frame_array(b"[%b]" % item, frame, max_item_bytes=max_item_bytes)
    except Invalid as error:
        # What stands within the one item is said without its number.
        within = [Issue(one.path[1:], one.message) for one in error.details or ()]
        return Checked(item, within or [Issue([], error.message)])
    if len(framed.items) != 1:
        return Checked(item, [Issue([], "Expected one JSON object")])
    return Checked(framed.items[0], [])


def _array_of(kind: Kind, frame: Frame) -> Form:
    def split(body: bytes, _: Mapping[str, str], max_item_bytes: int) -> Split:
        framed = frame_array(body, frame, max_item_bytes=max_item_bytes)
        return Split([Items(kind, framed.items, framed.ids)])

    return Form(kind.name, split)
