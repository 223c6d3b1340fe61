"""Which incidents follow from the flips of a monitor."""

from typing import Any

from processors.uptime.incidents import due
from schemas.uptime.incidents import Due, OfItself
from schemas.uptime.measures import Overlays
from schemas.uptime.states import Flip, State
from schemas.uptime.stretches import FOREVER_US, Stretch

MINUTE = 60_000_000


def due_at(
    now: int, moments: list[tuple[int, State]], *known: OfItself, **overlays: Any
) -> list[Due]:
    """Asks for incidents since minute 0; all times are minutes."""
    before: State = "unknown"
    flips = []
    for at, after in moments:
        flips.append(Flip(at * MINUTE, before, after))
        before = after
    shadows = {name: tuple(stretch(*one) for one in some) for name, some in overlays.items()}
    return due(flips, Stretch(0, now * MINUTE), Overlays(**shadows), known)


def stretch(start: int, end: int | None) -> Stretch:
    return Stretch(start * MINUTE, FOREVER_US if end is None else end * MINUTE)


def incident(start: int, end: int | None, resolution: Any = None, reopened: int = 0) -> OfItself:
    return OfItself(
        "inc_1", start * MINUTE, None if end is None else end * MINUTE, resolution, reopened
    )


def test_a_monitor_that_is_down_has_an_incident_since_it_is_down() -> None:
    (one,) = due_at(7, [(0, "up"), (5, "down")])

    assert one == Due(None, 5 * MINUTE, None, None, 0)


def test_what_is_known_already_is_not_made_again() -> None:
    assert due_at(7, [(0, "up"), (5, "down")], incident(5, None)) == []


def test_it_ends_when_the_monitor_is_up() -> None:
    (one,) = due_at(20, [(0, "up"), (5, "down"), (9, "degraded")], incident(5, None))

    assert one == Due("inc_1", 5 * MINUTE, 9 * MINUTE, "recovered", 0)


def test_silence_ends_nothing_and_begins_nothing() -> None:
    assert due_at(20, [(0, "up"), (5, "down"), (9, "unknown")], incident(5, None)) == []
    assert due_at(20, [(0, "up"), (5, "unknown")]) == []


def test_down_again_soon_is_the_same_incident_and_later_another() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down"), (9, "up"), (18, "down")]

    assert due_at(20, moments, incident(5, 9, "recovered")) == [
        Due("inc_1", 5 * MINUTE, None, None, 1)
    ]
    moments[-1] = (19, "down")
    assert due_at(20, moments, incident(5, 9, "recovered")) == [
        Due(None, 19 * MINUTE, None, None, 0)
    ]


def test_what_was_over_before_anybody_knew_becomes_an_incident_that_is_over() -> None:
    assert due_at(60, [(0, "up"), (5, "down"), (9, "up")]) == [
        Due(None, 5 * MINUTE, 9 * MINUTE, "recovered", 0)
    ]


def test_what_later_checks_deny_is_withdrawn() -> None:
    assert due_at(60, [(0, "up")], incident(5, None)) == [
        Due("inc_1", 5 * MINUTE, 5 * MINUTE, "withdrawn", 0)
    ]
    assert due_at(60, [(0, "up")], incident(5, 5, "withdrawn")) == []


def test_within_maintenance_none_begins_until_it_is_over() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down")]

    assert due_at(7, moments, maintenance=[(4, 10)]) == []
    assert due_at(10, moments, maintenance=[(4, 10)]) == [Due(None, 10 * MINUTE, None, None, 0)]
    assert due_at(30, [*moments, (9, "up")], maintenance=[(4, 10)]) == []


def test_maintenance_ends_none_that_is_open() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down")]

    assert due_at(9, moments, incident(5, None), maintenance=[(7, 30)]) == []


def test_a_pause_ends_it_and_down_after_it_is_seen_anew() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down")]

    assert due_at(9, moments, incident(5, None), paused=[(8, None)]) == [
        Due("inc_1", 5 * MINUTE, 8 * MINUTE, "paused", 0)
    ]
    over = incident(5, 8, "paused")
    assert due_at(70, [*moments, (60, "unknown"), (61, "up")], over, paused=[(8, 60)]) == []
    assert due_at(70, [*moments, (60, "unknown"), (62, "down")], over, paused=[(8, 60)]) == [
        Due(None, 62 * MINUTE, None, None, 0)
    ]


def test_what_a_person_has_resolved_is_not_opened_again_before_the_monitor_was_up() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down"), (6, "up"), (7, "down")]
    by_hand = incident(5, 8, "manual", 1)

    assert due_at(20, moments, by_hand) == []
    assert due_at(20, [*moments, (12, "up")], by_hand) == []
    assert due_at(20, [*moments, (12, "up"), (13, "down")], by_hand) == [
        Due(None, 13 * MINUTE, None, None, 0)
    ]


def test_one_that_ends_comes_before_one_that_begins() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down"), (9, "up"), (40, "down")]

    found = due_at(50, moments, incident(5, None))

    assert [one.incident_id for one in found] == ["inc_1", None]
