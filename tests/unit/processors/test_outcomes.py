from collections import Counter

from eventlog.records import Refusal
from processors.blocks import ItemOutcome
from processors.outcomes import MINUTE_NS, outcomes_of, outcomes_of_refusals
from schemas.projects import ProjectId


def counts(rows: list) -> dict[tuple[str, str, str], int]:  # type: ignore[type-arg]
    return {(row.project_id, row.outcome, row.reason): row.count for row in rows}


def test_every_item_is_received_once_and_has_one_outcome() -> None:
    outcomes = [
        ItemOutcome("trace", "a", 0, "accepted", "", ""),
        ItemOutcome("trace", "a", 0, "accepted", "", ""),
        ItemOutcome("trace", "a", 0, "duplicate", "resent_id", ""),
        ItemOutcome("trace", "b", 0, "dead", "unfit", ""),
    ]

    rows = outcomes_of(Counter(outcomes))

    assert counts(rows) == {
        ("a", "received", ""): 3,
        ("a", "accepted", ""): 2,
        ("a", "duplicate", "resent_id"): 1,
        ("b", "received", ""): 1,
        ("b", "dead", "unfit"): 1,
    }


def test_a_replayed_dead_letter_takes_its_death_back_and_was_received_once() -> None:
    rows = outcomes_of(Counter([ItemOutcome("trace", "a", 0, "accepted", "", "raw.traces:0:1:0")]))

    assert counts(rows) == {("a", "dead", "unfit"): -1, ("a", "accepted", ""): 1}


def test_a_replay_that_dies_again_changes_nothing() -> None:
    assert (
        outcomes_of(Counter([ItemOutcome("trace", "a", 0, "dead", "unfit", "raw.traces:0:1:0")]))
        == []
    )


def test_minutes_are_counted_separately() -> None:
    accepted = [
        ItemOutcome("span", "a", minute * MINUTE_NS + 5, "accepted", "", "") for minute in (1, 2)
    ]

    rows = outcomes_of(Counter(accepted))

    assert sorted((row.outcome, row.minute_us) for row in rows) == [
        ("accepted", 60_000_000),
        ("accepted", 120_000_000),
        ("received", 60_000_000),
        ("received", 120_000_000),
    ]


def test_refusals_are_received_and_refused_in_equal_number() -> None:
    refusals = [
        Refusal(ProjectId("a"), "trace", "invalid", "bad_items", 0, 7),
        Refusal(ProjectId("a"), "trace", "rate_limited", "requests_per_minute", 0, 2),
    ]

    assert counts(outcomes_of_refusals(refusals)) == {
        ("a", "received", ""): 9,
        ("a", "invalid", "bad_items"): 7,
        ("a", "rate_limited", "requests_per_minute"): 2,
    }
