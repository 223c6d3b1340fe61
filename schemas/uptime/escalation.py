"""Escalation policies: who is told of an incident, one after the other, and when."""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

SECOND_US = 1_000_000
MAX_STEPS = 20
Target = Annotated[str, Meta(min_length=1, max_length=4096)]


class PolicyStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told when an incident has been open for so long and nobody has acknowledged it."""

    after_seconds: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 0
    notifications: Annotated[list[Target], Meta(min_length=1, max_length=50)]


class PolicyForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as people write it."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    steps: Annotated[list[PolicyStep], Meta(min_length=1, max_length=MAX_STEPS)]
    repeat_count: Annotated[int, Meta(ge=0, le=20)] = 0
    """How often all steps are taken again."""
    remind_after_seconds: Annotated[int, Meta(ge=60, le=86_400)] = 1800
    """From the last step to the next round."""


class Policy(Struct, frozen=True, kw_only=True):
    """A policy as the control plane has it."""

    policy_id: str
    form: PolicyForm
    created_us: int
    updated_us: int


class Place(NamedTuple):
    """How far an incident has come in its policy."""

    round: int
    round_us: int
    step: int
    """The one that is next."""


def due_of(policy: PolicyForm | None, place: Place) -> int | None:
    """Returns when the next step is due; `None` where the round has no more."""
    if policy is None or place.step >= len(policy.steps):
        return None
    return place.round_us + policy.steps[place.step].after_seconds * SECOND_US


def next_round(policy: PolicyForm | None, place: Place, now_us: int) -> Place | None:
    """Returns where the next round begins, now that the last step was taken; `None` for the end.

    It is counted from now: who was away does not make up for rounds.
    """
    if policy is None or place.round >= policy.repeat_count:
        return None
    last_us = place.round_us + policy.steps[-1].after_seconds * SECOND_US
    begins_us = max(last_us, now_us) + policy.remind_after_seconds * SECOND_US
    return Place(place.round + 1, begins_us, 0)
