"""Who looks at which shard of a region. Pure. Times: microseconds since 1970 UTC, of one clock.

1. A shard has one holder, until its lease ends. Whoever asks renews what it holds.
2. A holder with more than its share is told to stop looking at some shards. They are free when it
   has said that it did, or when their lease ends.
3. Whoever has less than its share takes free shards, and learns how far their slots are done.
4. A holder that begins anew under its name has its shards at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from schemas.uptime.probing import (
    ASK_EVERY_S,
    LEASE_S,
    SHARDS,
    SOON_S,
    TargetsAsk,
)

LEASE_US = LEASE_S * 1_000_000
NOBODY = ""


class ShardLease(Struct, frozen=True, array_like=True):
    """Who looks at one shard."""

    holder: str = NOBODY
    until_us: int = 0
    done_us: int = 0
    """Its slots before this moment are done; 0 where nobody has looked at it yet."""
    leaving: bool = False
    """Whether the holder has been told to stop looking at it."""


class Shares(Struct, frozen=True, array_like=True):
    """A region: its shards in order, and until when each prober is taken to be alive."""

    shards: tuple[ShardLease, ...] = (ShardLease(),) * SHARDS
    members: Mapping[str, int] = {}


class Dealt(NamedTuple):
    """What one prober is told."""

    shards: dict[int, int]
    """With each, how far its slots are done."""
    ask_again_s: float


def deal(shares: Shares, ask: TargetsAsk, now_us: int) -> tuple[Shares, Dealt]:
    """Returns the shares after somebody has asked, and what it is told."""
    members = {name: until for name, until in shares.members.items() if until > now_us}
    members.pop(ask.holder, None)
    shards = [_seen(one, number, ask, now_us) for number, one in enumerate(shares.shards)]
    if ask.leaves:
        return Shares(tuple(shards), members), Dealt({}, ASK_EVERY_S)
    members[ask.holder] = now_us + LEASE_US
    fair = -(-SHARDS // len(members))
    _give_up(shards, ask.holder, fair)
    _take(shards, ask, fair, now_us)
    held = _numbers(shards, ask.holder)
    dealt = Dealt({number: shards[number].done_us for number in held}, ASK_EVERY_S)
    if any(shards[number].leaving for number in ask.holds if _is(shards[number], ask.holder)):
        dealt = dealt._replace(ask_again_s=0.0)
    elif len(held) < SHARDS // len(members):
        dealt = dealt._replace(ask_again_s=SOON_S)
    return Shares(tuple(shards), members), dealt


def last_end_us(shares: Shares) -> int:
    """Returns when the last prober of a region is taken to be gone."""
    return max(shares.members.values(), default=0)


def _seen(one: ShardLease, number: int, ask: TargetsAsk, now_us: int) -> ShardLease:
    """Returns a shard as it is now that somebody has asked."""
    if not _is(one, ask.holder):
        return ShardLease(done_us=one.done_us) if one.until_us <= now_us else one
    looked = number in ask.holds
    done_us = min(ask.done_us or now_us, now_us) if looked else one.done_us
    if ask.leaves or (one.leaving and not looked):
        return ShardLease(done_us=one.done_us if one.leaving else done_us)
    if one.leaving:
        return one
    return ShardLease(ask.holder, now_us + LEASE_US, done_us)


def _give_up(shards: list[ShardLease], holder: str, fair: int) -> None:
    for number in _numbers(shards, holder)[fair:]:
        shards[number] = structs.replace(shards[number], leaving=True)


def _take(shards: list[ShardLease], ask: TargetsAsk, fair: int, now_us: int) -> None:
    missing = fair - len(_numbers(shards, ask.holder))
    for number, one in enumerate(shards):
        if missing <= 0:
            return
        if _is(one, NOBODY) or (_is(one, ask.holder) and one.leaving):
            shards[number] = ShardLease(ask.holder, now_us + LEASE_US, one.done_us)
            missing -= 1


def _numbers(shards: Sequence[ShardLease], holder: str) -> list[int]:
    """Returns what a holder has and keeps."""
    return [n for n, one in enumerate(shards) if _is(one, holder) and not one.leaving]


def _is(one: ShardLease, holder: str) -> bool:
    return one.holder == holder
