"""What a prober is told to look at, by whom, and what it does when nobody tells it."""

from typing import Any

import pytest
import structlog

from probes.following import ASK_TIMEOUT_S, MARGIN_S, Following, SourceAway, SourceRejects
from probes.settings import ProberSettings
from schemas.uptime.probing import ASK_EVERY_S, LEASE_S, TargetsAnswer, TargetsAsk

SETTINGS = ProberSettings(region="eu")
USED_UP_S = LEASE_S - MARGIN_S


def told(*shards: int, mark: str = "m", **fields: Any) -> TargetsAnswer:
    usual: dict[str, Any] = {
        "project_id": "p",
        "shards": dict.fromkeys(shards, 0),
        "lease_seconds": LEASE_S,
        "ask_again_seconds": ASK_EVERY_S,
        "mark": mark,
        "targets": [],
    }
    return TargetsAnswer(**{**usual, **fields})


class World:
    """A source that says what a test wants, and a clock that it sets."""

    def __init__(self, *, known: TargetsAnswer | None = None) -> None:
        self.now_s = 1000.0
        self.asked: list[TargetsAsk] = []
        self.says: TargetsAnswer | Exception = told(0, 1)
        self.remembered: list[TargetsAnswer] = []
        self.following = Following(
            self,
            self._send,
            SETTINGS,
            holder="a-holder",
            known=known,
            remember=self.remembered.append,
            clock=lambda: self.now_s,
        )

    async def ask(self, ask: TargetsAsk) -> TargetsAnswer:
        self.asked.append(ask)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def after(self, seconds: float) -> bool:
        """Lets time pass, and the prober ask if it is time to; tells whether it may look."""
        self.now_s += seconds
        await self.following.follow()
        return self.following.may_begin()

    async def _send(self, _: object) -> None:
        raise AssertionError("nothing is looked at")


async def test_it_says_what_it_holds_and_what_it_knows() -> None:
    world = World()
    await world.after(0)
    await world.after(ASK_EVERY_S)

    assert [(one.holds, one.known) for one in world.asked] == [([], ""), ([0, 1], "m")]
    assert {(one.region, one.holder, one.leaves) for one in world.asked} == {
        ("eu", "a-holder", False)
    }
    assert world.remembered == [told(0, 1)] * 2


async def test_before_it_is_told_it_begins_nothing() -> None:
    assert not World().following.may_begin()


async def test_who_has_to_give_something_up_asks_again_at_once() -> None:
    world = World()
    world.says = told(0, ask_again_seconds=0.0)
    await world.after(0)

    assert len(world.asked) > 1


async def test_when_the_lease_ends_it_begins_nothing_before_it_has_asked() -> None:
    world = World()
    await world.after(0)
    world.now_s += USED_UP_S - 0.01
    assert world.following.may_begin()

    # As after a sleep: its clock went on, and it did nothing.
    world.now_s += 0.02
    assert not world.following.may_begin()
    assert await world.after(0)


async def test_a_lease_counts_from_before_it_was_asked_for() -> None:
    world = World()
    ask = world.ask

    async def slow(asked: TargetsAsk) -> TargetsAnswer:
        world.now_s += 5
        return await ask(asked)

    world.ask = slow  # type: ignore[method-assign]
    await world.after(0)

    world.now_s += USED_UP_S - 5 - 0.01
    assert world.following.may_begin()
    world.now_s += 0.02
    assert not world.following.may_begin()


async def test_while_nobody_answers_it_goes_on_and_says_so_once() -> None:
    world = World()
    await world.after(0)
    world.says = SourceAway("away")
    with structlog.testing.capture_logs() as lines:
        assert all([await world.after(ASK_EVERY_S) for _ in range(100)])
        world.says = told(0, 1)
        assert await world.after(ASK_EVERY_S)

    said = [line["event"] for line in lines if line["log_level"] in ("warning", "error")]
    assert said == ["nobody tells what to look at"]
    assert "told again what to look at" in [line["event"] for line in lines]
    assert world.following.trouble is None


async def test_one_that_slept_while_nobody_answered_asks_before_it_goes_on() -> None:
    world = World()
    await world.after(0)
    world.says = SourceAway("away")
    await world.after(ASK_EVERY_S)

    world.now_s += LEASE_S + ASK_TIMEOUT_S + ASK_EVERY_S
    assert not world.following.may_begin()
    assert await world.after(0)


async def test_who_says_when_to_ask_again_is_not_asked_before() -> None:
    world = World()
    await world.after(0)
    world.says = SourceAway("busy", retry_after_s=60.0)
    await world.after(ASK_EVERY_S)
    asked = len(world.asked)

    assert all([await world.after(1) for _ in range(59)])
    assert len(world.asked) == asked
    await world.after(1)
    assert len(world.asked) == asked + 1


async def test_when_it_is_rejected_it_ends_with_its_lease_and_is_told_again_later() -> None:
    world = World()
    await world.after(0)
    world.says = SourceRejects("401: a revoked key")
    with structlog.testing.capture_logs() as lines:
        looked = [await world.after(ASK_EVERY_S) for _ in range(10)]

    assert looked == [True] * 4 + [False] * 6
    assert [line["reason"] for line in lines] == ["401: a revoked key"]
    assert world.following.trouble == "401: a revoked key"
    world.says = told(0, 1)
    assert await world.after(ASK_EVERY_S)


async def test_one_that_begins_while_nobody_answers_goes_on_with_what_it_knows() -> None:
    world = World(known=told(3, 4, mark="old"))
    world.says = SourceAway("away")
    assert await world.after(0)

    world.says = told(3, 4, mark="old", targets=None)
    await world.after(ASK_EVERY_S)

    assert [(one.holds, one.known) for one in world.asked] == [([], "old"), ([3, 4], "old")]
    assert world.remembered == []


async def test_one_that_begins_anew_and_hears_that_nothing_has_changed_holds_its_share() -> None:
    world = World(known=told(3, 4, mark="old"))
    world.says = told(3, 4, mark="old", targets=None)
    await world.after(0)
    await world.after(ASK_EVERY_S)

    assert world.asked[-1].holds == [3, 4]


@pytest.mark.parametrize("says", [told(), SourceAway("away"), SourceRejects("no")])
async def test_who_stops_leaves_even_where_nobody_hears_it(
    says: TargetsAnswer | Exception,
) -> None:
    world = World()
    await world.after(0)
    world.says = says
    await world.following.stop()

    assert (world.asked[-1].leaves, world.asked[-1].holds) == (True, [0, 1])


async def test_who_holds_nothing_leaves_nothing() -> None:
    world = World()
    world.says = SourceAway("away")
    await world.after(0)
    await world.following.stop()

    assert [one.leaves for one in world.asked] == [False]
