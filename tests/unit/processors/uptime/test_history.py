"""History is a function of the set of checks: no order and no repetition changes it."""

import random

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from processors.uptime.advance import fold
from processors.uptime.history import TAIL, anchor_of, horizon_of, note, rebuild
from schemas.uptime.states import Flip, MonitorHistory, Policy, RegionState, Rewritten, Seen

MINUTE = 60_000_000
POLICY = Policy(interval_us=MINUTE, timeout_us=1_000_000)
OUTCOMES = ("ok", "ok", "ok", "ok", "fail", "fail", "degraded", "inconclusive")
Checks = dict[str, list[Seen]]


class Kept:
    """What a store and a control plane keep: checks, a history, flips."""

    def __init__(self) -> None:
        self.history = MonitorHistory()
        self.flips: dict[str, list[Flip]] = {}
        self.checks: dict[str, set[Seen]] = {}

    def take(self, region: str, checks: list[Seen]) -> None:
        self.checks.setdefault(region, set()).update(checks)
        advanced = note(self.history, {region: checks}, lambda _: POLICY)
        self.history = advanced.history
        self._rewrite(advanced.rewritten)

    def read_anew(self) -> None:
        """Does for late checks what the control plane does by and by."""
        for region, slot_us in dict(self.history.late).items():
            anchor = anchor_of(self.flips.get(region, ()), slot_us)
            first_us = 0 if anchor is None else anchor.at_us
            checks = sorted(one for one in self.checks[region] if one.slot_us >= first_us)
            advanced = rebuild(self.history, region, anchor, checks, lambda _: POLICY)
            self.history = advanced.history
            self._rewrite(advanced.rewritten)

    def _rewrite(self, rewritten: tuple[Rewritten, ...]) -> None:
        for region, from_us, flips in rewritten:
            kept = [flip for flip in self.flips.get(region, ()) if flip.at_us < from_us]
            self.flips[region] = [*kept, *flips]


def expected(checks: Checks) -> dict[str, list[Flip]]:
    """Folds each region's checks from the beginning, and adds the silence behind them."""
    told = [one for some in checks.values() for one in some if one.outcome != "inconclusive"]
    horizon = max((one.slot_us for one in told), default=-1)
    found = {}
    for region, some in checks.items():
        state, flips = fold(RegionState(), sorted(some), lambda _: POLICY)
        silent = state.last_us >= 0 and horizon - state.last_us > POLICY.silence_us
        if silent and state.state != "unknown":
            flips.append(Flip(state.last_us + MINUTE, state.state, "unknown"))
        found[region] = flips
    return {region: flips for region, flips in found.items() if flips}


def made(chance: random.Random, slots: int) -> Checks:
    checks: Checks = {}
    for region in ("eu", "us"):
        some = checks[region] = []
        for slot in range(slots):
            if chance.random() < 0.15:
                continue
            for attempt in range(2 if chance.random() < 0.2 else 1):
                some.append(Seen(slot * MINUTE, attempt, chance.choice(OUTCOMES)))  # type: ignore[arg-type]
    return checks


@given(number=st.integers(0, 10**9), slots=st.integers(1, 90), spread=st.integers(0, 200))
@settings(max_examples=200, deadline=None)
@seed(12)
def test_any_order_and_any_repetition_give_the_same_flips(
    number: int, slots: int, spread: int
) -> None:
    chance = random.Random(number)
    checks = made(chance, slots)
    sent = [(region, one) for region, some in checks.items() for one in some]
    sent += chance.sample(sent, len(sent) // 3)
    # From a little out of order to any order at all.
    sent.sort(key=lambda one: one[1].slot_us / MINUTE + chance.uniform(0, spread))
    kept = Kept()

    while sent:
        size = chance.randint(1, 5)
        batch, sent = sent[:size], sent[size:]
        for region in ("eu", "us"):
            kept.take(region, [one for of, one in batch if of == region])
        if chance.random() < 0.3:
            kept.read_anew()
    kept.read_anew()

    assert {k: v for k, v in kept.flips.items() if v} == expected(checks)
    assert not kept.history.late


def test_in_order_nothing_is_ever_late_and_little_is_kept() -> None:
    kept = Kept()
    for slot in range(500):
        kept.take("eu", [Seen(slot * MINUTE, 0, "ok")])

    assert not kept.history.late
    assert len(kept.history.regions["eu"].tail) == TAIL
    assert kept.flips == {"eu": [Flip(0, "unknown", "up")]}
    assert horizon_of(kept.history) == 499 * MINUTE


@pytest.mark.parametrize("late_by", [1, TAIL - 1, TAIL + 1, 90])
def test_a_check_that_comes_late_takes_its_place(late_by: int) -> None:
    kept = Kept()
    slots = [slot for slot in range(100) if slot != 100 - late_by - 1]
    for slot in slots:
        outcome = "fail" if slot == 100 - late_by else "ok"
        kept.take("eu", [Seen(slot * MINUTE, 0, outcome)])  # type: ignore[arg-type]

    kept.take("eu", [Seen((100 - late_by - 1) * MINUTE, 0, "fail")])
    kept.read_anew()

    down = (100 - late_by - 1) * MINUTE
    assert Flip(down, "up", "down") in kept.flips["eu"]
