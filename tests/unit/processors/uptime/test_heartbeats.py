"""What is missing of a heartbeat, by the clock."""

import random
from datetime import UTC, datetime

import pytest

from controlplane.uptime.heartbeats import Waited
from processors.uptime.advance import fold
from processors.uptime.heartbeats import MOST_MISSED, find_missing
from schemas.projects import ProjectId
from schemas.uptime.heartbeats import Expectation, HeartbeatTarget, Signal, Word, check_of
from schemas.uptime.states import Policy, RegionState, Seen
from schemas.uptime.stretches import Stretch
from schemas.uptime.targets import MonitorId

SECOND = 1_000_000
MINUTE = 60 * SECOND
NEVER = Stretch(0, 0)
PROJECT, MONITOR = ProjectId("p"), MonitorId("mon_00000000")
TARGET = HeartbeatTarget(PROJECT, MONITOR, "default", 3, degraded_after_ms=5000)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def waited(
    heard: int | None, *, started: int | None = None, ended: int | None = None, **said: object
) -> Waited:
    """A heartbeat of each minute with a grace of 10 s, unless it is said otherwise."""
    usual = {"interval_s": 60, "grace_s": 10, "max_runtime_s": 100}
    expectation = Expectation(**{**usual, **said})  # type: ignore[arg-type]
    return Waited(MONITOR, PROJECT, expectation, 0, heard, started, ended)


def told(one: Waited, now_us: int, deaf: Stretch = NEVER) -> list[tuple[Signal, int]]:
    return [(word.signal, word.at_us) for word in find_missing(one, now_us, deaf).words]


def test_a_run_is_missing_when_it_is_due_and_the_grace_is_over() -> None:
    heard = us("2026-03-01T12:00:00")
    one = waited(heard, ended=heard)

    assert told(one, heard + 70 * SECOND) == []
    assert told(one, heard + 70 * SECOND + 1) == [("missed", heard + MINUTE)]
    (word,) = find_missing(one, heard + 71 * SECOND, NEVER).words
    assert word.message == (
        "Nothing was heard of the run that was due at 2026-03-01 12:01:00 UTC within 10 s"
    )


def test_nothing_is_missing_before_the_first_word() -> None:
    found = find_missing(waited(None), us("2026-03-01T12:00:00"), NEVER)

    assert not found.words
    assert found.look_at_us <= us("2026-03-01T12:00:30")


def test_until_something_can_be_missing_nobody_looks() -> None:
    heard = us("2026-03-01T12:00:00")

    assert find_missing(waited(heard), heard + 1, NEVER).look_at_us == heard + 70 * SECOND + 1


def test_each_run_that_is_missing_is_told_of_once_and_some_at_a_time() -> None:
    heard = us("2026-03-01T12:00:00")

    assert told(waited(heard), heard + 3 * MINUTE + 10 * SECOND + 1) == [
        ("missed", heard + number * MINUTE) for number in (1, 2, 3)
    ]
    assert len(told(waited(heard), heard + 10_000 * MINUTE)) == MOST_MISSED


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("UTC", "2026-03-29T03:00:00"),
        # The clocks of Berlin go forward in this night.
        ("Europe/Berlin", "2026-03-29T01:00:00"),
    ],
)
def test_a_crontab_is_read_by_the_clocks_of_its_zone(zone: str, due: str) -> None:
    one = waited(us("2026-03-28T04:00:00"), cron="0 3 * * *", timezone=zone, grace_s=3600)

    assert told(one, us(due) + 3601 * SECOND) == [("missed", us(due))]


def test_a_run_that_began_and_does_not_end_has_failed() -> None:
    began = us("2026-03-01T12:00:00")
    one = waited(began, started=began, ended=began - MINUTE, interval_s=600)

    assert told(one, began + 100 * SECOND) == []
    assert told(one, began + 101 * SECOND) == [("timeout", began + 100 * SECOND)]
    assert told(one._replace(ended_us=began + 1), began + 101 * SECOND) == []


def test_what_nobody_could_hear_is_not_missing() -> None:
    heard = us("2026-03-01T12:00:00")
    deaf = Stretch(heard + 69 * SECOND, heard + 200 * SECOND)

    words = told(waited(heard), heard + 500 * SECOND, deaf)

    assert words[:3] == [("not_listening", heard + number * MINUTE) for number in (1, 2, 3)]
    assert words[3] == ("missed", heard + 4 * MINUTE)


def test_the_time_of_a_run_is_known_where_its_start_is() -> None:
    ended = us("2026-03-01T12:00:00")
    known = HeartbeatTarget(PROJECT, MONITOR, "default", 3, 5000, started_us=ended - 2 * SECOND)

    check = check_of(known, Word(signal="ok", at_us=ended))
    assert (check.phases.total_ms, check.started_us, check.slot_us) == (
        2000.0,
        ended - 2 * SECOND,
        ended,
    )
    assert check_of(TARGET, Word(signal="ok", at_us=ended)).phases.total_ms == 0.0
    said = check_of(TARGET, Word(signal="ok", at_us=ended, duration_ms=6000.0))
    assert (said.outcome, said.started_us) == ("degraded", ended - 6 * SECOND)


def test_silence_of_a_heartbeat_is_never_unknown() -> None:
    policy = Policy(interval_us=MINUTE, failure_threshold=1, is_heartbeat=True)
    year = 365 * 86_400 * SECOND

    state, flips = fold(RegionState(), [Seen(0, 1, "ok"), Seen(year, 0, "fail")], lambda _: policy)

    assert state.state == "down"
    assert [(flip.at_us, flip.after) for flip in flips] == [(0, "up"), (year, "down")]


@pytest.mark.parametrize("number", range(20))
def test_whoever_looks_and_whenever_finds_the_same(number: int) -> None:
    chance = random.Random(number)
    heard = us("2026-03-01T12:00:00")
    end = heard + 40 * MINUTE
    whole = told(waited(heard), end)

    found: list[tuple[Signal, int]] = []
    one, now = waited(heard), heard
    while now < end:
        now = min(end, now + chance.randrange(1, 600) * SECOND)
        new = told(one, now)
        # Another process looks before it is known what this one has found.
        assert told(one, now) == new
        found += new
        one = one._replace(heard_us=found[-1][1]) if found else one

    assert found == whole
