"""Evaluations that OpenTelemetry tells, as scores."""

from typing import Any

import pytest

from processors.otel.meaning import read_record, read_span
from processors.otel.scores import EVENT, record_scores, span_scores
from schemas.llm.score_rows import ScoreRow
from schemas.otel.signals import Event, LogRecord, Resource, Scope, Span

TRACE, SPAN_ID = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
AT_NS, NOW_US = 1_795_000_000_000_000_000, 1_795_000_100_000_000
SAID: dict[str, Any] = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": -0.25,
    "gen_ai.evaluation.score.label": "poor",
    "gen_ai.evaluation.explanation": "<b>answers something else</b>",
    "gen_ai.response.id": "chatcmpl-1",
}


def of_record(attributes: dict[str, Any], **values: Any) -> list[ScoreRow]:
    given = {"event_name": EVENT, "trace_id": TRACE, "span_id": SPAN_ID, "time_ns": AT_NS}
    record = LogRecord(**given | values, attributes=attributes, resource=Resource(), scope=Scope())
    return record_scores(record, read_record(record), "item", NOW_US)


def of_span(*events: Event) -> list[ScoreRow]:
    span = Span(
        trace_id=TRACE,
        span_id=SPAN_ID,
        start_ns=AT_NS,
        end_ns=AT_NS,
        events=list(events),
        resource=Resource(),
        scope=Scope(),
    )
    return span_scores(span, read_span(span), "item", NOW_US)


def test_a_record_and_an_event_of_the_span_tell_the_same_score() -> None:
    (told,) = of_record(SAID)
    (event,) = of_span(Event(EVENT, AT_NS, SAID), Event("exception", AT_NS, SAID))

    assert told == event
    assert (told.name, told.value, told.text) == ("Relevance", -0.25, "poor")
    assert (told.trace_id, told.span_id, told.source) == (TRACE, SPAN_ID, "otel")
    assert (told.timestamp_us, told.version_us) == (AT_NS // 1000, AT_NS // 1000)
    assert told.comment == SAID["gen_ai.evaluation.explanation"]
    assert told.metadata == b'{"responseId":"chatcmpl-1"}'


def test_two_of_one_span_are_two() -> None:
    first, second = of_span(Event(EVENT, AT_NS, SAID), Event(EVENT, AT_NS + 1, SAID))

    assert first.score_id != second.score_id
    assert len(of_span(*[Event(EVENT, AT_NS, SAID)] * 2)) == 1


def test_a_label_alone_is_a_category() -> None:
    (row,) = of_record({"gen_ai.evaluation.name": "a", "gen_ai.evaluation.score.label": "pass"})

    assert (row.data_type, row.value, row.text) == ("categorical", None, "pass")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {**SAID, "gen_ai.evaluation.name": " ?"},
        {"gen_ai.evaluation.name": "a"},
        {"gen_ai.evaluation.name": "a", "gen_ai.evaluation.score.value": float("nan")},
        {"gen_ai.evaluation.name": "a", "gen_ai.evaluation.score.value": True},
    ],
)
def test_what_says_nothing_is_no_score(attributes: dict[str, Any]) -> None:
    assert of_record({**attributes, **({"error.type": "x"})}) == []


def test_a_name_keeps_what_a_name_may_hold() -> None:
    (row,) = of_record({**SAID, "gen_ai.evaluation.name": "tone & <style>"})

    assert row.name == "tone _ _style_"


def test_another_record_is_no_score() -> None:
    assert of_record(SAID, event_name="gen_ai.choice") == []


def test_an_evaluation_of_no_span_is_told_from_others() -> None:
    values = {"trace_id": None, "span_id": None}

    (row,) = of_record(SAID, **values)

    assert (row.trace_id, row.span_id, row.score_id[:5]) == ("", "", "otel-")
