"""From an evaluation that OpenTelemetry tells to a row of table `scores`. Pure.

Source: semantic conventions of generative AI, the event `gen_ai.evaluation.result`: a log record,
or an event of the span that is judged. It stands on that span.
"""

import hashlib
from typing import NamedTuple

import msgspec

from processors.otel.plain import text_of
from schemas.ids import canonical_id
from schemas.llm.score_rows import ScoreRow
from schemas.llm.scores import MAX_CATEGORY_CHARS, MAX_TEXT_CHARS, MOST_NUMBER, score_name_of
from schemas.otel.meanings import Meaning
from schemas.otel.signals import LogRecord, Span
from schemas.otel.values import Attributes, Value

EVENT = "gen_ai.evaluation.result"
NAME = "gen_ai.evaluation.name"
VALUE = "gen_ai.evaluation.score.value"
LABEL = "gen_ai.evaluation.score.label"
EXPLANATION = "gen_ai.evaluation.explanation"
RESPONSE = "gen_ai.response.id"
_encode = msgspec.json.Encoder().encode


class _Place(NamedTuple):
    """On what an evaluation stands, and when it was given and came."""

    trace_id: str
    span_id: str
    time_ns: int
    received_at_us: int
    item_id: str


def span_scores(span: Span, meaning: Meaning, item_id: str, received_at_us: int) -> list[ScoreRow]:
    """Returns the scores that the events of a span tell."""
    found: dict[str, ScoreRow] = {}
    for event in span.events:
        if event.name == EVENT:
            place = _Place(span.trace_id, span.span_id, event.time_ns, received_at_us, item_id)
            row = _row(place, event.attributes, meaning)
            if row is not None:
                found.setdefault(row.score_id, row)
    return list(found.values())


def record_scores(
    record: LogRecord, meaning: Meaning, item_id: str, received_at_us: int
) -> list[ScoreRow]:
    """Returns the score that a log record tells, if it is one."""
    if EVENT not in (record.event_name, record.attributes.get("event.name")):
        return []
    time_ns = received_at_us * 1_000 if record.time_ns is None else record.time_ns
    span = (record.trace_id or "", record.span_id or "")
    row = _row(_Place(*span, time_ns, received_at_us, item_id), record.attributes, meaning)
    return [] if row is None else [row]


def _row(place: _Place, attributes: Attributes, meaning: Meaning) -> ScoreRow | None:
    name = score_name_of(text_of(attributes.get(NAME)) or "")
    value = _number(attributes.get(VALUE))
    label = (text_of(attributes.get(LABEL)) or "")[:MAX_CATEGORY_CHARS]
    if not name or (value is None and not label):
        return None
    response = text_of(attributes.get(RESPONSE))
    at_us = place.time_ns // 1_000
    return ScoreRow(
        item_id=place.item_id,
        score_id=_score_id(place, name),
        timestamp_us=at_us,
        version_us=min(at_us, place.received_at_us),
        deleted=False,
        name=name,
        data_type="categorical" if value is None else "numeric",
        value=value,
        text=label,
        source="otel",
        author="",
        environment=meaning.environment or "",
        trace_id=place.trace_id,
        span_id=place.span_id,
        session_id=canonical_id(meaning.session_id or ""),
        user_id="",
        comment=(text_of(attributes.get(EXPLANATION)) or "")[:MAX_TEXT_CHARS],
        metadata=_encode({"responseId": response}) if response else b"",
    )


def _score_id(place: _Place, name: str) -> str:
    """Names a score by its span, its name and its time: told twice, by both ways, it is one."""
    where = (place.trace_id, place.span_id) if place.span_id else (place.item_id,)
    said = "\0".join((*where, name, str(place.time_ns)))
    return f"otel-{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"


def _number(value: Value) -> float | None:
    """A number, below 0 too; `None` for what no score may be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -MOST_NUMBER <= value <= MOST_NUMBER else None
