"""Answers about escalation policies and tests of targets. Times are ISO 8601, UTC."""

from msgspec import Struct


class PolicyStepAnswer(Struct, frozen=True):
    """One step; of its targets, what is no secret."""

    after_seconds: int
    notifications: list[str]


class PolicyAnswer(Struct, frozen=True, kw_only=True):
    """An escalation policy."""

    policy_id: str
    name: str
    steps: list[PolicyStepAnswer]
    repeat_count: int
    remind_after_seconds: int
    created_at: str
    updated_at: str
    warnings: list[str]
    message: str


class PolicyList(Struct, frozen=True):
    """The policies of the project, by name."""

    escalation_policies: list[PolicyAnswer]


class PolicyRemoved(Struct, frozen=True):
    """It is gone."""

    policy_id: str
    warnings: list[str]
    message: str


class TargetTest(Struct, frozen=True):
    """What a test came to."""

    target: str
    ok: bool
    status: int | None
    """Of HTTP, where the target was asked by HTTP."""
    error: str


class TargetTests(Struct, frozen=True):
    """What the test of each target came to."""

    results: list[TargetTest]
    message: str
