"""Made-up measurements around a switch, of a rate that is known. Every generator is seeded."""

from collections import Counter
from math import log

import numpy as np
from msgspec.structs import replace
from numpy.random import Generator

from schemas.deploys.chances import Counts
from schemas.deploys.measured import BLOCKS, BUCKET, Facts, Histogram, Measured, Rare, Sides
from schemas.deploys.windows import MINUTE_US, Switch, Windows, windows_of

SWITCH_US = 1_793_606_400_000_000


class World:
    """What a project is like: change a field, and what is measured changes."""

    requests_a_minute = 40.0
    errors = 0.02
    """For each request."""
    failures = 0.02
    slow = 1.0
    """Durations are so many times as long."""
    calls_a_minute = 20.0
    call_failures = 0.03
    cents = 1.0
    """Of a call, on average."""
    bursts = False
    """Whether errors come in bursts of ten."""
    issues_an_hour = 0.05
    down = 0.0
    """Share of minutes."""

    def __init__(self, **changed: float) -> None:
        for name, value in changed.items():
            assert hasattr(self, name)
            setattr(self, name, value)


def windows(minutes: int = 60, passed: int = 60) -> Windows:
    """Returns the times around a switch, of which so many minutes have passed."""
    switch, now_us = Switch("new", SWITCH_US), SWITCH_US + passed * MINUTE_US
    return windows_of(switch, now_us, minutes=minutes, previous=None, following=None)


def measured(random: Generator, world: World, minutes: float = 60.0) -> Measured:
    """Returns what a time of so many minutes brings."""
    length = minutes / BLOCKS
    requests = random.poisson(world.requests_a_minute * length, BLOCKS)
    calls = random.poisson(world.calls_a_minute * length, BLOCKS)
    failed_calls = random.binomial(calls, world.call_failures)
    costs = [float(random.lognormal(0, 1, n).sum()) * world.cents / 1.6487 for n in calls]
    return Measured(
        minutes=[length] * BLOCKS,
        errors=_errors(random, world, requests),
        transactions=requests.tolist(),
        failed=random.binomial(requests, world.failures).tolist(),
        durations=[histogram(random.lognormal(18.0, 0.8, n) * world.slow) for n in requests],
        calls=calls.tolist(),
        calls_failed=failed_calls.tolist(),
        calls_priced=calls.tolist(),
        cost_cents=costs,
    )


def histogram(durations_ns: "np.typing.NDArray[np.float64]") -> Histogram:
    """Counts durations as the store does."""
    return Counter((np.log(durations_ns) / log(BUCKET)).astype(int).tolist())


def sides(random: Generator, before: World, after: World, minutes: float = 60.0) -> Sides:
    """Returns what is measured around a switch that changes the world; the week before is as it."""
    return Sides(
        before=measured(random, before, minutes),
        after=measured(random, after, minutes),
        week_before=measured(random, before, minutes),
        week_after=measured(random, before, minutes),
        facts=facts(random, before, after, minutes),
    )


def facts(random: Generator, before: World, after: World, minutes: float) -> Facts:
    """Returns what the control plane would know of it."""
    hours, issues = minutes / 60, before.issues_an_hour
    reference = Counts(random.poisson(issues * hours, 168).tolist(), [hours] * 168)
    new = Counts(random.poisson(after.issues_an_hour * hours, 1).tolist(), [hours])
    down = random.binomial(round(minutes), before.down, 168).tolist()
    down_after = random.binomial(round(minutes / 6), after.down, 6).tolist()
    return Facts(
        sends_errors=True,
        new_issues=Rare(reference, Counts([0], [hours]), new),
        newest=(),
        down=Rare(
            Counts(down, [minutes] * 168),
            Counts([0], [minutes]),
            Counts(down_after, [minutes / 6] * 6),
        ),
    )


def without_week(given: Sides) -> Sides:
    """Returns the same of a project that is younger than a week."""
    none = [0] * BLOCKS
    empty = replace(
        given.week_before,
        errors=none,
        transactions=none,
        failed=none,
        durations=[{}] * BLOCKS,
        calls=none,
        calls_failed=none,
        calls_priced=none,
        cost_cents=[0.0] * BLOCKS,
    )
    return replace(given, week_before=empty, week_after=empty)


def _errors(random: Generator, world: World, requests: "np.typing.NDArray[np.int64]") -> list[int]:
    expected = requests * world.errors
    found = 10 * random.poisson(expected / 10) if world.bursts else random.poisson(expected)
    return [int(one) for one in found]
