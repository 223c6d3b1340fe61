"""Which incidents follow from the flips of a monitor."""

import random
from typing import Any

import pytest

from processors.uptime.incidents import calm_at, due
from schemas.uptime.incidents import Due, OfItself
from schemas.uptime.measures import Overlays
from schemas.uptime.states import Flip, State
from schemas.uptime.stretches import FOREVER_US, Stretch

MINUTE = 60_000_000


def due_at(
    now: int,
    moments: list[tuple[int, State]],
    *known: OfItself,
    earlier: list[tuple[int, State]] | None = None,
    start: int = 0,
    **overlays: Any,
) -> list[Due]:
    """Asks for incidents since minute 0; all times are minutes."""
    before = flips_of(earlier or [])
    flips = flips_of(moments, before[-1].after if before else "unknown")
    shadows = {name: tuple(stretch(*one) for one in some) for name, some in overlays.items()}
    bounds = Stretch(start * MINUTE, now * MINUTE)
    return due(flips, bounds, Overlays(**shadows), known, before)


def flips_of(moments: list[tuple[int, State]], before: State = "unknown") -> list[Flip]:
    flips = []
    for at, after in moments:
        flips.append(Flip(at * MINUTE, before, after))
        before = after
    return flips


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


FLAPS: list[tuple[int, State]] = [
    *((0, "up"), (1, "down"), (2, "up"), (5, "down"), (9, "up")),
    *((25, "down"), (30, "up")),
]


def test_a_monitor_that_flaps_has_one_incident_until_it_is_calm() -> None:
    known = incident(25, None)

    assert due_at(31, FLAPS[5:], known, earlier=FLAPS[:5]) == []
    assert due_at(59, FLAPS[5:], known, earlier=FLAPS[:5]) == []
    assert due_at(60, FLAPS[5:], known, earlier=FLAPS[:5]) == [
        Due("inc_1", 25 * MINUTE, 60 * MINUTE, "recovered", 0)
    ]
    again: list[tuple[int, State]] = [*FLAPS[5:], (59, "down"), (60, "up")]
    assert due_at(61, again, known, earlier=FLAPS[:5]) == [Due("inc_1", 25 * MINUTE, None, None, 1)]
    # Of the last hour only two changes are left.
    assert due_at(100, again, known, earlier=FLAPS[:5]) == [
        Due("inc_1", 25 * MINUTE, 90 * MINUTE, "recovered", 1)
    ]


def test_a_pause_ends_the_incident_of_a_monitor_that_flaps() -> None:
    found = due_at(41, FLAPS[5:], incident(25, None), earlier=FLAPS[:5], paused=[(40, None)])

    assert found == [Due("inc_1", 25 * MINUTE, 40 * MINUTE, "paused", 0)]


def test_under_maintenance_nothing_flaps() -> None:
    window = [(0, 20)]

    assert due_at(31, FLAPS[5:], incident(25, None), earlier=FLAPS[:5], maintenance=window) == [
        Due("inc_1", 25 * MINUTE, 30 * MINUTE, "recovered", 0)
    ]


@pytest.mark.parametrize("number", range(60))
def test_looking_often_gives_the_incidents_that_one_look_gives(number: int) -> None:
    chance = random.Random(number)
    moments: list[tuple[int, State]] = [(0, "up")]
    while len(moments) < 24:
        state: State = "down" if moments[-1][1] == "up" else "up"
        moments.append((moments[-1][0] + chance.choice((1, 3, 7, 12, 20, 29, 31, 70)), state))
    end = moments[-1][0] + 200
    whole = {(one.started_us, one.resolved_us, one.reopened) for one in due_at(end, moments)}

    known: dict[str, OfItself] = {}
    looks = sorted({at for at, _ in moments} | {chance.randrange(end) for _ in range(30)} | {end})
    for now in looks:
        since_us = min([now * MINUTE, *(one.started_us for one in known.values() if is_open(one))])
        # As the control plane reads it: what is not over by then, and the flips of an hour before.
        late = [
            one
            for one in known.values()
            if is_open(one) or (one.resolved_us or 0) >= since_us - 10 * MINUTE
        ]
        first = min([since_us, *(one.started_us for one in late)]) // MINUTE
        since = [one for one in moments if first <= one[0] <= now]
        before = [one for one in moments if first - 60 <= one[0] < first]
        for one in due_at(now, since, *late, earlier=before, start=first):
            name = one.incident_id or f"inc_{len(known)}"
            assert one.resolution != "withdrawn"
            known[name] = OfItself(name, *one[1:])

    assert {(one.started_us, one.resolved_us, one.reopened) for one in known.values()} == whole


def is_open(one: OfItself) -> bool:
    return one.resolved_us is None


def test_it_is_known_when_a_monitor_that_flaps_will_be_calm() -> None:
    flips = flips_of(FLAPS)

    assert calm_at(flips, stretch(0, 31), Overlays(), ()) == 60 * MINUTE
    assert calm_at(flips, stretch(0, 61), Overlays(), ()) == 0
    assert calm_at(flips[:4], stretch(0, 31), Overlays(), ()) == 0
