"""Verdicts over made-up deployments whose change is known, many times over."""

from collections import Counter

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.deploys.comparing import compare_p95, compare_sides, p95_ms
from schemas.deploys.impact import MeasureName
from schemas.deploys.judging import judge
from schemas.deploys.measured import BLOCKS
from schemas.deploys.windows import MINUTE_US, WEEK_US, Switch, windows_of
from tests.unit.schemas.deploys.simulated import (
    SWITCH_US,
    World,
    histogram,
    sides,
    windows,
    without_week,
)

SEED = 13


def verdicts(runs: int, before: World, after: World, minutes: int = 60) -> Counter[str]:
    random = np.random.default_rng(SEED)
    times = windows(passed=minutes)
    return Counter(judge(times, sides(random, before, after, minutes)).verdict for _ in range(runs))


class TestNoChange:
    @pytest.mark.parametrize(
        "world",
        [
            World(),
            World(bursts=True),
            World(requests_a_minute=3, calls_a_minute=1),
            World(errors=0.001, failures=0.001, down=0.005),
        ],
        ids=["usual", "in bursts", "little traffic", "rare errors"],
    )
    def test_is_called_worse_in_fewer_than_one_of_twenty_cases(self, world: World) -> None:
        assert verdicts(120, world, world)["worse"] <= 6

    def test_is_hardly_ever_called_worse_with_the_confidence_of_a_rollback(self) -> None:
        random = np.random.default_rng(SEED)
        sure = 0
        for look in range(120):
            minutes = 5 + look % 56
            judged = judge(windows(passed=minutes), sides(random, World(), World(), minutes))
            sure += judged.verdict == "worse" and judged.confidence >= 0.999

        assert sure == 0


class TestChange:
    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"errors": 0.05}, "error_rate"),
            ({"failures": 0.05}, "failure_rate"),
            ({"slow": 1.5}, "latency_p95"),
            ({"cents": 1.6}, "cost_per_call"),
            ({"call_failures": 0.09}, "llm_failure_rate"),
            ({"down": 0.5}, "uptime"),
            ({"issues_an_hour": 6.0}, "new_issues"),
        ],
    )
    def test_for_the_worse_is_found_and_named(
        self, change: dict[str, float], name: MeasureName
    ) -> None:
        random = np.random.default_rng(SEED)
        judged = [judge(windows(), sides(random, World(), World(**change))) for _ in range(20)]

        found = [one for one in judged if one.verdict == "worse"]
        assert len(found) >= 17
        worse = Counter(of.name for one in found for of in one.measures if of.verdict == "worse")
        assert worse.most_common(1)[0][0] == name or worse[name] == len(found)

    def test_an_error_rate_that_doubles_is_found_in_four_of_five_cases(self) -> None:
        assert verdicts(50, World(), World(errors=0.04))["worse"] >= 40

    def test_for_the_better_is_no_alarm(self) -> None:
        found = verdicts(20, World(errors=0.03, slow=1.5), World(errors=0.005))

        assert found["better"] >= 18
        assert found["worse"] == 0

    def test_of_what_does_not_matter_is_none(self) -> None:
        many = {"requests_a_minute": 2000.0, "calls_a_minute": 300.0}
        # So many requests prove a tenth more; nobody wants to be woken for it.
        found = verdicts(5, World(**many), World(errors=0.022, slow=1.05, **many))

        assert found == {"same": 5}

    def test_that_last_week_had_at_this_hour_too_is_the_season(self) -> None:
        random = np.random.default_rng(SEED)
        given = sides(random, World(), World(errors=0.06, slow=2.0))
        morning = sides(random, World(), World(errors=0.06, slow=2.0))
        seasonal = replace(given, week_before=morning.before, week_after=morning.after)

        assert judge(windows(), given).verdict == "worse"
        assert judge(windows(), seasonal).verdict == "same"
        assert judge(windows(), without_week(given)).verdict == "worse"


class TestUnknown:
    def test_is_what_too_few_minutes_tell(self) -> None:
        given = sides(np.random.default_rng(SEED), World(), World(errors=0.9), 4.9)
        judged = judge(windows(passed=4), given)

        assert judged.verdict == "unknown"
        assert judged.confidence == 0
        assert all(one.before is None for one in judged.measures)

    def test_is_what_nobody_sends(self) -> None:
        given = sides(np.random.default_rng(SEED), World(), World())
        none = without_week(given)
        facts = replace(given.facts, sends_errors=False, new_issues=None, down=None)
        empty = replace(none, before=none.week_before, after=none.week_before, facts=facts)

        judged = judge(windows(), empty)

        assert judged.verdict == "unknown"
        assert {one.verdict for one in judged.measures} == {"unknown"}

    def test_are_costs_of_calls_without_a_price(self) -> None:
        given = sides(np.random.default_rng(SEED), World(), World(cents=3))
        priced = [round(count * 0.9) for count in given.after.calls]
        unpriced = replace(given, after=replace(given.after, calls_priced=priced))

        found = {one.name: one for one in compare_sides(unpriced)}

        assert found["cost_per_call"].outcome is None
        assert found["cost_per_call"].why == "too many LLM calls have no price"
        assert found["cost_per_request"].outcome is None

    def test_is_an_hour_before_that_began_two_minutes_ago(self) -> None:
        previous = Switch("old", SWITCH_US - 2 * MINUTE_US)
        times = windows_of(
            Switch("new", SWITCH_US),
            SWITCH_US + 60 * MINUTE_US,
            minutes=60,
            previous=previous,
            following=None,
        )
        judged = judge(times, sides(np.random.default_rng(SEED), World(), World(down=0.9)))

        by_name = {one.name: one.verdict for one in judged.measures}
        assert by_name["error_rate"] == "unknown"
        # What is rare is compared with a week, whatever was deployed in it.
        assert by_name["uptime"] == "worse"


class TestP95:
    def test_is_within_a_hundredth_of_the_exact_one(self) -> None:
        durations = np.random.default_rng(SEED).lognormal(18, 1, 10_000)

        exact = np.quantile(durations, 0.95) / 1e6
        assert p95_ms([histogram(durations)]) == pytest.approx(exact, rel=0.02)

    def test_moves_with_the_slowest_alone(self) -> None:
        random = np.random.default_rng(SEED)
        before = [random.lognormal(18, 0.5, 100) for _ in range(BLOCKS)]
        after = [random.lognormal(18, 0.5, 100) for _ in range(BLOCKS)]
        for block in after:
            block[:10] *= 5

        found = compare_p95(list(map(histogram, before)), list(map(histogram, after)))

        assert found.effect == "more"
        assert found.chances.more < 1e-6
        assert found.chances.less > 0.99


class TestWindows:
    def test_are_as_long_as_the_time_that_has_passed(self) -> None:
        times = windows(minutes=60, passed=20)

        assert times.after == (SWITCH_US, SWITCH_US + 20 * MINUTE_US)
        assert times.before == (SWITCH_US - 20 * MINUTE_US, SWITCH_US)
        assert times.week_after.start_us == SWITCH_US - WEEK_US
        assert times.reference.length_us == 168 * 20 * MINUTE_US
        assert times.reference_parts == 168

    def test_end_where_another_took_over_and_say_which(self) -> None:
        times = windows_of(
            Switch("new", SWITCH_US),
            SWITCH_US + 300 * MINUTE_US,
            minutes=60,
            previous=Switch("old", SWITCH_US - 10 * MINUTE_US),
            following=Switch("next", SWITCH_US + 30 * MINUTE_US),
        )

        assert times.after.minutes == 30
        assert times.after_cut_by == "next"
        assert times.before.minutes == 10
        assert times.before_cut_by == "old"

    def test_of_a_day_look_back_a_week_for_what_is_rare(self) -> None:
        times = windows(minutes=1440, passed=1440)

        assert times.reference.length_us == WEEK_US
        assert times.reference_parts == 7
