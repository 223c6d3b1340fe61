"""The state of one monitor in one region, from its checks. Pure, no clock.

The rules (docs/uptime.md):

1. Unknown becomes up or degraded with the first check that passes, at its slot.
2. A failure alone changes nothing (*suspect*). `failure_threshold` of them in a row are down, since
   the slot of the first.
3. Down ends after `recovery_threshold` passes in a row (*recovering*), at the slot of the first.
4. Up and degraded change with each check that passes.
5. Nothing heard for longer than `Policy.silence_us` is unknown, since the first slot without any.
6. `inconclusive` is no check.
7. After a pause all is unknown, since it ended.
"""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from schemas.uptime.states import Flip, Policy, RegionState, Seen, State

PolicyOf = Callable[[int], Policy]
"""By the revision of a monitor."""


def fold(
    start: RegionState, checks: Iterable[Seen], policy_of: PolicyOf
) -> tuple[RegionState, list[Flip]]:
    """Returns the state after some checks, which are in order, and the flips on the way."""
    state = start
    flips: list[Flip] = []
    for seen in checks:
        state, more = advance(state, seen, policy_of(seen.revision))
        flips += more
    return state, flips


def advance(known: RegionState, seen: Seen, policy: Policy) -> tuple[RegionState, tuple[Flip, ...]]:
    """Returns the state after one more check, which is later than all before, and its flips."""
    if seen.outcome == "inconclusive":
        return known, ()
    silent = unknown_since(known, seen.slot_us, policy.silence_us)
    if silent is None and policy.resumed and policy.revision > known.revision > 0:
        silent = min(policy.from_us, seen.slot_us)
    flips: list[Flip] = []
    if silent is not None:
        known = _flipped(known, silent, "unknown", flips)
        known = RegionState(known.state, known.since_us, revision=known.revision)
    step = _after_failure if seen.outcome == "fail" else _after_pass
    known = step(known, seen, policy, flips)
    known = replace(
        known,
        last_us=seen.slot_us,
        interval_us=policy.interval_us,
        silence_us=policy.silence_us,
        revision=max(known.revision, policy.revision),
    )
    return known, tuple(flips)


def unknown_since(known: RegionState, now_us: int, silence_us: int = 0) -> int | None:
    """Returns since when nothing was heard; `None` where that is not long enough to say so."""
    longest = max(known.silence_us, silence_us)
    if known.last_us < 0 or now_us - known.last_us <= longest:
        return None
    return known.last_us + known.interval_us


def _after_failure(
    known: RegionState, seen: Seen, policy: Policy, flips: list[Flip]
) -> RegionState:
    if known.state == "down":
        return replace(known, passes=0, passing_us=-1)
    first_us = known.failing_us if known.failures else seen.slot_us
    if known.failures + 1 < policy.failure_threshold:
        return replace(known, failures=known.failures + 1, failing_us=first_us)
    return _flipped(known, first_us, "down", flips)


def _after_pass(known: RegionState, seen: Seen, policy: Policy, flips: list[Flip]) -> RegionState:
    after: State = "degraded" if seen.outcome == "degraded" else "up"
    if known.state != "down":
        return _flipped(known, seen.slot_us, after, flips)
    first_us = known.passing_us if known.passes else seen.slot_us
    if known.passes + 1 < policy.recovery_threshold:
        return replace(known, passes=known.passes + 1, passing_us=first_us)
    return _flipped(known, first_us, after, flips)


def _flipped(known: RegionState, at_us: int, after: State, flips: list[Flip]) -> RegionState:
    """Returns a state with nothing pending, and notes the flip if it is one."""
    if known.state == after:
        return RegionState(known.state, known.since_us, revision=known.revision)
    # Several looks at one slot may flip twice: no two flips have one time.
    at_us = max(at_us, known.since_us + 1)
    flips.append(Flip(at_us, known.state, after))
    return RegionState(after, at_us, revision=known.revision)
