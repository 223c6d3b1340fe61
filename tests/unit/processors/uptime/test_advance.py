"""The state of a monitor in one region: a table of cases."""

import pytest

from processors.uptime.advance import fold
from schemas.uptime.checks import Outcome
from schemas.uptime.states import Flip, Policy, RegionState, Seen

MINUTE = 60_000_000
POLICY = Policy(interval_us=MINUTE)
SIGNS: dict[str, Outcome] = {"o": "ok", "d": "degraded", "f": "fail", "i": "inconclusive"}
SHORT = {"unknown": "?", "up": "U", "degraded": "G", "down": "D"}


def flips_of(outcomes: str, policy: Policy = POLICY) -> str:
    """Folds one check a minute (a blank is none); a flip is `state@minute`."""
    checks = [
        Seen(number * MINUTE, 0, SIGNS[sign]) for number, sign in enumerate(outcomes) if sign != " "
    ]
    _, flips = fold(RegionState(), checks, lambda _: policy)
    return " ".join(f"{SHORT[flip.after]}{flip.at_us // MINUTE}" for flip in flips)


@pytest.mark.parametrize(
    ("outcomes", "flips"),
    [
        ("", ""),
        ("o", "U0"),
        ("d", "G0"),
        ("f", ""),
        ("ff", "D0"),
        ("fo", "U1"),
        ("ood", "U0 G2"),
        ("odo", "U0 G1 U2"),
        # One failure is a failed check, and no downtime.
        ("oofoo", "U0"),
        # Two are down, since the first.
        ("ooffo", "U0 D2"),
        ("oofff", "U0 D2"),
        # Two passes are up, since the first.
        ("offoo", "U0 D1 U3"),
        ("offofoo", "U0 D1 U5"),
        ("offod", "U0 D1 G3"),
        ("offdd", "U0 D1 G3"),
        # What says nothing moves nothing, and breaks no row.
        ("oiiio", "U0 ?1 U4"),
        ("oio", "U0"),
        ("ofif", "U0 D1"),
        ("offoio", "U0 D1 U3"),
        # Up to two intervals and a timeout of silence are bridged.
        ("o o", "U0"),
        ("o  o", "U0 ?1 U3"),
        ("of  f", "U0 ?2"),
        ("of  ff", "U0 ?2 D4"),
        ("off   ff", "U0 D1 ?3 D6"),
        ("off  oo", "U0 D1 ?3 U5"),
    ],
)
def test_the_table_of_cases(outcomes: str, flips: str) -> None:
    assert flips_of(outcomes) == flips


def test_thresholds_are_the_monitors_own() -> None:
    policy = Policy(interval_us=MINUTE, failure_threshold=1, recovery_threshold=3)

    assert flips_of("ofooofoo", policy) == "U0 D1 U2 D5"


def test_a_second_look_at_a_slot_counts_in_the_row_and_the_slot_is_what_downtime_begins_at() -> (
    None
):
    checks = [Seen(0, 0, "ok"), Seen(MINUTE, 0, "fail"), Seen(MINUTE, 1, "fail")]

    state, flips = fold(RegionState(), checks, lambda _: POLICY)

    assert flips[-1] == Flip(MINUTE, "up", "down")
    assert state.last_us == MINUTE


def test_no_two_flips_have_one_time_although_looks_at_one_slot_differ() -> None:
    checks = [Seen(0, 0, "ok"), Seen(0, 1, "fail"), Seen(0, 2, "fail"), Seen(0, 3, "degraded")]

    _, flips = fold(RegionState(), checks, lambda _: Policy(MINUTE, recovery_threshold=1))

    assert [flip.at_us for flip in flips] == [0, 1, 2]


def test_a_change_of_the_interval_leaves_no_hole() -> None:
    policies = {1: Policy(10 * MINUTE), 2: Policy(MINUTE)}
    checks = [Seen(0, 0, "ok", 1), Seen(10 * MINUTE, 0, "ok", 2), Seen(11 * MINUTE, 0, "ok", 2)]

    _, flips = fold(RegionState(), checks, lambda revision: policies[revision])

    assert flips == [Flip(0, "unknown", "up")]


def test_after_a_pause_nothing_of_before_counts() -> None:
    policies = {1: POLICY, 2: Policy(MINUTE, revision=2, from_us=3 * MINUTE, resumed=True)}
    sent = [(0, "ok", 1), (1, "fail", 1), (2, "fail", 1), (4, "ok", 2), (5, "fail", 2)]
    checks = [
        Seen(slot * MINUTE, 0, outcome, revision)  # type: ignore[arg-type]
        for slot, outcome, revision in sent
    ]

    _, flips = fold(RegionState(), checks, lambda revision: policies[revision])

    assert [(flip.at_us // MINUTE, flip.after) for flip in flips] == [
        (0, "up"), (1, "down"), (3, "unknown"), (4, "up"),
    ]  # fmt: skip
