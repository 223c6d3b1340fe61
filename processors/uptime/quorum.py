"""What several regions together say of a monitor. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.uptime.states import Flip, Policy, Quorum, State


def needed(quorum: Quorum, known: int) -> int:
    """Returns how many of so many regions that know a state must see it down."""
    if quorum == "any":
        return 1
    if quorum == "all":
        return known
    if quorum == "majority":
        return known // 2 + 1
    return min(quorum, known)


def state_of(states: Sequence[State], policy: Policy) -> State:
    """Returns the state of a monitor from those of its regions.

    Unknown while fewer than half of the configured regions know one. Degraded is also a monitor of
    which some regions see it down, but not enough.
    """
    counts = Counter(state for state in states if state != "unknown")
    known = counts.total()
    if known < max(1, (policy.regions + 1) // 2):
        return "unknown"
    if counts["down"] >= needed(policy.quorum, known):
        return "down"
    if counts["down"] or counts["degraded"] >= needed("majority", known):
        return "degraded"
    return "up"


def combine(
    start: State,
    states: Mapping[str, State],
    flips: Mapping[str, Sequence[Flip]],
    policies: Sequence[Policy],
    from_us: int,
) -> list[Flip]:
    """Returns the flips of a monitor from those of its regions since a moment.

    `start` is its state before, `states` those of its regions. `policies` are in force one after
    the other, by `Policy.from_us`, which ascends; the first counts from the beginning.
    """
    current = dict(states)
    events: list[tuple[int, str, State]] = [
        (flip.at_us, region, flip.after) for region, some in flips.items() for flip in some
    ]
    events += [(one.from_us, "", "unknown") for one in policies if one.from_us > from_us]
    found: list[Flip] = []
    state = start
    events.sort()
    for number, (at_us, region, after) in enumerate(events):
        if region:
            current[region] = after
        if number + 1 < len(events) and events[number + 1][0] == at_us:
            continue
        told = state_of(list(current.values()), policy_at(policies, at_us))
        if told != state:
            found.append(Flip(at_us, state, told))
            state = told
    return found


def policy_at(policies: Sequence[Policy], at_us: int) -> Policy:
    """Returns the policy that is in force at a moment."""
    in_force = policies[0]
    for policy in policies:
        if policy.from_us <= at_us:
            in_force = policy
    return in_force
