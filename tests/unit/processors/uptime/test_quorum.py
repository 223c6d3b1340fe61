"""What regions together say."""

from itertools import combinations_with_replacement

import pytest

from processors.uptime.quorum import combine, needed, state_of
from schemas.uptime.states import STATES, Flip, Policy, Quorum, State


@pytest.mark.parametrize("regions", range(1, 8))
@pytest.mark.parametrize("quorum", ["any", "majority", "all", 2])
def test_down_is_what_the_quorum_sees_down_among_those_that_know(
    regions: int, quorum: Quorum
) -> None:
    policy = Policy(1, quorum=quorum, regions=regions)
    for states in combinations_with_replacement(STATES, regions):
        known = [state for state in states if state != "unknown"]
        down = known.count("down")

        told = state_of(states, policy)

        if len(known) < (regions + 1) // 2:
            assert told == "unknown", states
        elif down and down >= needed(quorum, len(known)):
            assert told == "down", states
        elif down:
            assert told == "degraded", states
        else:
            assert told in ("up", "degraded"), states


@pytest.mark.parametrize("regions", range(1, 8))
def test_by_majority_half_is_never_enough(regions: int) -> None:
    assert 2 * needed("majority", regions) > regions
    assert 2 * (needed("majority", regions) - 1) <= regions


def test_a_monitor_is_down_when_the_last_region_that_is_needed_sees_it_down() -> None:
    policy = Policy(1, regions=3)
    flips = {
        "eu": [Flip(10, "up", "down"), Flip(50, "down", "up")],
        "us": [Flip(20, "up", "down"), Flip(40, "down", "up")],
    }
    states: dict[str, State] = {"eu": "up", "us": "up", "ap": "up"}

    found = combine("up", states, flips, [policy], 0)

    assert [(flip.at_us, flip.after) for flip in found] == [
        (10, "degraded"), (20, "down"), (40, "degraded"), (50, "up"),
    ]  # fmt: skip


def test_a_region_that_falls_silent_is_not_asked() -> None:
    policy = Policy(1, regions=2)
    flips = {"eu": [Flip(10, "up", "down")], "us": [Flip(20, "up", "unknown")]}

    found = combine("up", {"eu": "up", "us": "up"}, flips, [policy], 0)

    assert [(flip.at_us, flip.after) for flip in found] == [(10, "degraded"), (20, "down")]


def test_a_changed_quorum_counts_from_its_revision_on() -> None:
    policies = [Policy(1, regions=2), Policy(1, regions=2, quorum="any", from_us=30)]

    found = combine("up", {"us": "up"}, {"eu": [Flip(10, "up", "down")]}, policies, 0)

    assert [(flip.at_us, flip.after) for flip in found] == [(10, "degraded"), (30, "down")]
