"""How probers share the shards of a region."""

import random
from collections import Counter

import pytest

from controlplane.uptime.sharing import LEASE_US, Dealt, Shares, deal
from schemas.uptime.probing import SHARDS, TargetsAsk

S = 1_000_000
NOW = 1_900_000_000 * S
SEED = 20_261_129


class Prober:
    """One that behaves, on a clock that it shares with the server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.holds: set[int] = set()
        self.until_us = 0

    def looks_at(self, now_us: int) -> set[int]:
        return self.holds if now_us < self.until_us else set()

    def ask(self, shares: Shares, now_us: int, *, leaves: bool = False) -> tuple[Shares, Dealt]:
        asked = TargetsAsk(
            region="eu",
            holder=self.name,
            holds=sorted(self.holds),
            done_us=now_us if self.holds else 0,
            leaves=leaves,
        )
        shares, dealt = deal(shares, asked, now_us)
        self.holds, self.until_us = set(dealt.shards), now_us + LEASE_US
        return shares, dealt


def settled(*names: str) -> tuple[Shares, list[Prober]]:
    shares, probers = Shares(), [Prober(name) for name in names]
    for round_number in range(6):
        for one in probers:
            shares, _ = one.ask(shares, NOW + round_number * S)
    return shares, probers


def test_one_alone_has_all() -> None:
    _, (one,) = settled("a")

    assert one.holds == set(range(SHARDS))


@pytest.mark.parametrize("count", [2, 3, 5, 31, 32])
def test_all_have_a_share_each_and_no_shard_has_two(count: int) -> None:
    _, probers = settled(*(f"p{number}" for number in range(count)))

    held = Counter(shard for one in probers for shard in one.holds)
    assert held == dict.fromkeys(range(SHARDS), 1)
    assert max(len(one.holds) for one in probers) == -(-SHARDS // count)


def test_more_than_there_are_shards_wait() -> None:
    shares, probers = settled(*(f"p{number}" for number in range(SHARDS + 3)))

    assert sum(len(one.holds) for one in probers) == SHARDS
    assert sum(not one.holds for one in probers) == 3
    assert len(shares.members) == SHARDS + 3


def test_what_is_given_up_is_free_only_when_its_holder_says_that_it_stopped() -> None:
    shares, one = Shares(), Prober("a")
    shares, _ = one.ask(shares, NOW)
    two = Prober("b")
    shares, dealt = two.ask(shares, NOW + S)
    assert (dealt.shards, dealt.ask_again_s) == ({}, 1.0)

    before = set(one.holds)
    shares, dealt = one.ask(shares, NOW + 2 * S)
    assert len(dealt.shards) == SHARDS / 2
    assert dealt.ask_again_s == 0
    shares, dealt = two.ask(shares, NOW + 3 * S)
    assert dealt.shards == {}

    shares, _ = one.ask(shares, NOW + 4 * S)
    shares, dealt = two.ask(shares, NOW + 5 * S)
    assert dealt.shards.keys() == before - one.holds
    # It was looked at until the first of them was told.
    assert set(dealt.shards.values()) == {NOW + 2 * S}


def test_an_answer_that_is_lost_is_given_again() -> None:
    shares, one = Shares(), Prober("a")
    shares, _ = one.ask(shares, NOW)
    held = set(one.holds)
    shares, _ = Prober("b").ask(shares, NOW + S)
    shares, first = one.ask(shares, NOW + 2 * S)
    one.holds = held

    _, again = one.ask(shares, NOW + 3 * S)

    assert again.shards.keys() == first.shards.keys()


def test_the_share_of_one_that_died_is_free_when_its_lease_ends() -> None:
    shares, (one, two) = settled("a", "b")
    shares, _ = one.ask(shares, NOW + 10 * S)
    died = NOW + 11 * S
    shares, _ = two.ask(shares, died)

    shares, before = one.ask(shares, died + LEASE_US - 1)
    shares, after = one.ask(shares, died + LEASE_US)

    assert (len(before.shards), len(after.shards)) == (SHARDS / 2, SHARDS)
    assert {after.shards[shard] for shard in two.holds} == {died}


def test_one_that_leaves_frees_its_share_at_once() -> None:
    shares, (one, two) = settled("a", "b")
    left = set(two.holds)
    shares, _ = two.ask(shares, NOW + 10 * S, leaves=True)

    shares, dealt = one.ask(shares, NOW + 11 * S)

    assert {dealt.shards[shard] for shard in left} == {NOW + 10 * S}
    assert shares.members.keys() == {"a"}


def test_one_that_begins_anew_has_its_own_shards_at_once_and_learns_how_far_they_are() -> None:
    shares, (one, two) = settled("a", "b")
    shares, _ = one.ask(shares, NOW + 7 * S)
    before, one.holds = set(one.holds), set()

    _, dealt = one.ask(shares, NOW + 8 * S)

    assert dealt.shards == dict.fromkeys(before, NOW + 7 * S)
    assert not dealt.shards.keys() & two.holds


def test_a_clock_that_is_ahead_makes_no_slot_done_that_is_not() -> None:
    shares, _ = deal(Shares(), TargetsAsk(region="eu", holder="12345678"), NOW)
    ask = TargetsAsk(region="eu", holder="12345678", holds=[0], done_us=NOW + 99 * S)
    shares, _ = deal(shares, ask, NOW + S)

    assert shares.shards[0].done_us == NOW + S


class Region:
    """Probers that come, go, and lose answers, as chance has it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._shares = Shares()
        self._names = 0
        self.now_us = NOW
        self.alive = [Prober("p0")]

    def step(self) -> None:
        self.now_us += self._chance.randrange(3 * S)
        one = self._chance.choice(self.alive)
        match self._chance.randrange(12):
            case 0:
                self._names += 1
                self.alive.append(Prober(f"p{self._names}"))
            case 1 if len(self.alive) > 1:
                self.alive.remove(one)
            case 2:
                self._shares, _ = one.ask(self._shares, self.now_us, leaves=True)
                one.holds = set()
            case 3:
                # The answer is lost.
                held, until_us = set(one.holds), one.until_us
                self._shares, _ = one.ask(self._shares, self.now_us)
                one.holds, one.until_us = held, until_us
            case 4:
                one.holds = set()
            case _:
                self._shares, _ = one.ask(self._shares, self.now_us)

    def settle(self) -> None:
        for _ in range(40):
            self.now_us += S
            for one in self.alive:
                self._shares, _ = one.ask(self._shares, self.now_us)

    def looked_at(self) -> list[int]:
        """Returns the shards that somebody looks at now; those of two are in it twice."""
        return [shard for one in self.alive for shard in one.looks_at(self.now_us)]


def test_whatever_happens_no_shard_is_looked_at_by_two_and_all_are_by_one_in_the_end() -> None:
    chance = random.Random(SEED)
    for _ in range(200):
        region = Region(chance)
        for _ in range(80):
            region.step()
            looked_at = region.looked_at()
            assert len(looked_at) == len(set(looked_at)), SEED
        region.settle()
        assert sorted(region.looked_at()) == list(range(SHARDS)), SEED
