"""The page of the pipeline: its figures, its words, and what its chip says."""

from collections.abc import Mapping

import pytest

from api.pages.parts.charts import moments_of
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import kind_title
from api.pages.pipeline.dead import readable
from api.pages.pipeline.ledger import Count, ledger_of
from api.pages.pipeline.standing import LATE_S, Standing, state_of
from api.pages.pipeline.words import Told, class_of, in_words, told
from schemas.kinds import KINDS

HOUR_US = 3_600_000_000
START_US = 1_748_736_000_000_000  # 2025-06-01
SHOWN = TimeRange(START_US, START_US + 3 * HOUR_US - 1, None, "UTC", START_US + 3 * HOUR_US)
WORKS = {"log": "ok", "store": "ok", "stream": "ok", "control_plane": "ok"}


def count(outcome: str, items: int, *, at: int = 0, reason: str = "", kind: str = "trace") -> Count:
    return Count(moments_of(SHOWN)[at], kind, outcome, reason, items)


NOW = [
    count("received", 10),
    count("received", 30, at=90),
    count("received", 5, kind="span"),
    count("accepted", 8),
    count("accepted", 24, at=90),
    count("accepted", 5, kind="span"),
    count("duplicate", 1, reason="resent_id"),
    count("invalid", 1, reason="bad_items"),
    count("invalid", 2, at=90, reason="bad_items"),
    count("too_large", 1, at=90, reason="item_bytes"),
    count("dead", 3, at=90, reason="unfit"),
    # One of them was replayed and stored: its minute has it back.
    count("dead", -1, at=90, reason="unfit"),
    count("accepted", 1, at=90),
]
BEFORE = [
    count("accepted", 11, reason=""),
    count("invalid", 6, reason="bad_items"),
    count("invalid", 7, reason="bad_json"),
]


class TestLedger:
    def test_totals_are_of_all_kinds_and_balance(self) -> None:
        ledger = ledger_of(SHOWN, NOW, BEFORE)

        assert ledger.totals["received"] == 45
        assert ledger.totals["accepted"] == 38
        assert ledger.totals["dead"] == 2
        assert ledger.rejected == 4
        assert ledger.is_balanced

    def test_what_is_on_its_way_is_said_to_be_missing(self) -> None:
        assert not ledger_of(SHOWN, [*NOW, count("received", 1)], []).is_balanced

    def test_each_reason_has_a_row_with_its_share_and_its_change(self) -> None:
        rows = ledger_of(SHOWN, NOW, BEFORE).rows

        found = [(row.outcome, row.kind, row.items, row.change) for row in rows]
        assert found == [
            ("accepted", "trace", 33, "+200 %"),
            ("accepted", "span", 5, ""),
            ("duplicate", "trace", 1, ""),
            ("invalid", "trace", 3, "\u221250 %"),
            ("too_large", "trace", 1, ""),
            ("dead", "trace", 2, ""),
        ]
        assert rows[0].share == pytest.approx(33 / 45 * 100)
        assert (rows[0].title, rows[0].word.title) == ("None", "Stored")
        assert rows[3].title == "An item breaks the contract"

    def test_a_dead_letter_that_was_stored_after_all_is_no_row(self) -> None:
        replayed = [count("dead", 1, reason="unfit"), count("dead", -1, reason="unfit")]

        assert ledger_of(SHOWN, replayed, []).rows == []

    def test_the_charts_have_each_minute_and_each_reason(self) -> None:
        ledger = ledger_of(SHOWN, NOW, BEFORE)
        assert ledger.lost is not None
        stored = ledger.kept.drawn.lines[0].values
        lost = {line.name: line.values[90] for line in ledger.lost.drawn.lines}

        assert len(stored) == 180
        assert (stored[0], stored[1], stored[90]) == (13, 0, 25)
        assert lost == {
            "An item breaks the contract": 2,
            "The item does not fit its table": 2,
            "One item is too large": 1,
        }
        assert len({one.colour for one in ledger.lost.series}) == 3

    def test_where_nothing_was_lost_there_is_no_chart_of_it(self) -> None:
        assert ledger_of(SHOWN, NOW[:3], []).lost is None


@pytest.mark.parametrize(
    ("standing", "ready", "mood", "title"),
    [
        (Standing(lag_s=0.0, waiting=0), WORKS, "ok", "All stored within 1 s"),
        (Standing(lag_s=2.3, waiting=4), WORKS, "ok", "All stored within 3 s"),
        (Standing(lag_s=LATE_S + 1), WORKS, "degraded", "Behind"),
        (Standing(lag_s=0.0), WORKS | {"store": "no answer"}, "down", "Stopped"),
        (Standing(lag_s=0.0), WORKS | {"stream": "failing"}, "down", "Stopped"),
        (Standing(waiting=9, late=0), {"store": "ok"}, "ok", "All stored within 10 s"),
        (Standing(waiting=9, late=2), {"store": "ok"}, "degraded", "Behind"),
        (Standing(waiting=9, late=9, stopped="no worker"), {"store": "ok"}, "down", "Stopped"),
        (Standing(), {"store": "ok"}, "unknown", "Unknown"),
    ],
)
def test_the_chip_says_how_far_the_stream_is(
    standing: Standing, ready: Mapping[str, str], mood: str, title: str
) -> None:
    state = state_of(standing, ready)

    assert (state.mood, state.title) == (mood, title)


def test_why_a_part_does_not_work_is_for_the_operator_alone() -> None:
    state = state_of(Standing(lag_s=0.0), {"store": "refused by 10.0.0.7: password"})

    assert "10.0.0.7" not in state.text
    assert state.text.startswith("The store does not answer.")


@pytest.mark.parametrize(
    ("reason", "field", "text"),
    [
        (
            "not a trace: Expected `float`, got `str` - at `$.latency_ms`",
            "latency_ms",
            "Expected a number, got a text",
        ),
        (
            "not a span: Object missing required field `span_id`",
            "span_id",
            "It is missing.",
        ),
        (
            "not a trace: Expected `int | float | null`, got `str` - at `$.input_tokens`",
            "input_tokens",
            "Expected a number or null, got a text",
        ),
        ("timestamp 'soon': Invalid ISO datetime", "timestamp", "Invalid ISO datetime"),
        ("cost_cents: not a number", "cost_cents", "not a number"),
        ("bug: KeyError('x')", "", "Sluice itself failed on it: KeyError('x')"),
        ("no kind has the form 'new'", "", "A newer version of Sluice took it in."),
        ("Value 9 is out of range", "", "Value 9 is out of range"),
    ],
)
def test_a_reason_is_told_in_words_with_its_field(reason: str, field: str, text: str) -> None:
    found = told(reason)

    assert (found.field, found.text) == (field, text)
    assert found.advice


def test_reasons_that_differ_in_values_alone_are_of_one_sort() -> None:
    first = class_of("timestamp 'a\\'b': bad at 17")
    second = class_of("timestamp 'other': bad at 3")

    assert first == second == "timestamp …: bad at #"
    assert told(first) == Told("timestamp", "bad at #", told("timestamp 'x': y").advice)


def test_a_rule_without_types_stays_as_it_is() -> None:
    assert in_words("Expected one of `a b`") == "Expected one of `a b`"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"a":1.50,"b":[]}', '{\n  "a": 1.50,\n  "b": []\n}'),
        (b"{broken", "{broken"),
        (b"\xff", None),
        (b'"' + b"x" * 300_000 + b'"', None),
    ],
)
def test_a_form_shows_what_it_would_give_back_unchanged(body: bytes, text: str | None) -> None:
    assert readable(body) == text


def test_a_body_that_a_form_would_blow_up_is_shown_as_it_came() -> None:
    deep = b"[" * 900 + b"1," * 20_000 + b"1" + b"]" * 900

    assert readable(deep) == deep.decode()
    assert readable(b" " * 1_000_000 + b"{}") is None


class TestKinds:
    def test_each_is_told_in_words_without_marks_of_code(self) -> None:
        titles = {kind.name: kind_title(kind.name) for kind in KINDS}

        assert [title for title in titles.values() if "_" in title or "otel" in title] == []
        assert len(set(titles.values())) == len(titles)

    def test_one_of_another_version_is_told_by_its_name(self) -> None:
        assert kind_title("brain_wave") == "brain_wave"
