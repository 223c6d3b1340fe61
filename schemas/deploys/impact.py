"""What a deployment changed, as it is told: verdicts and what they are made of."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Verdict = Literal["better", "same", "worse", "unknown"]
MeasureName = Literal[
    "error_rate",
    "failure_rate",
    "new_issues",
    "latency_p95",
    "llm_failure_rate",
    "cost_per_request",
    "cost_per_call",
    "uptime",
]
Unit = Literal["per_transaction", "per_minute", "per_hour", "share", "ms", "cents"]
"""Of the values of a measure. A share is from 0 to 1."""


class ImpactWindow(Struct, frozen=True, kw_only=True):
    """A time that was looked at."""

    started_at: datetime
    ended_at: datetime
    minutes: float
    cut_by: str | None = None
    """The deployment that took over within it, so that it is shorter than the other one."""


class ImpactMeasure(Struct, frozen=True, kw_only=True):
    """One measure before and after."""

    name: MeasureName
    verdict: Verdict
    confidence: float
    """From 0 to 1: how sure the verdict is. 0 where it is unknown."""
    unit: Unit
    before: float | None
    after: float | None
    baseline: float | None
    """The same hours a week ago. Of new issues and uptime: the week before."""
    change: float | None
    """Of `after` against `before`: 0.5 is half as much again."""
    reason: str
    """The verdict in words."""


class ImpactIssue(Struct, frozen=True, kw_only=True):
    """An issue that was first seen after the deployment took over."""

    id: str
    number: int
    title: str
    level: str
    first_seen: datetime


class Impact(Struct, frozen=True, kw_only=True):
    """What changed when a deployment took over."""

    deployment_id: str
    project_id: str
    environment: str
    commit_sha: str
    switched_at: datetime | None
    """When it took over; `None` where it has not."""
    previous_deployment_id: str | None
    verdict: Verdict
    confidence: float
    reason: str
    before: ImpactWindow | None
    after: ImpactWindow | None
    measures: list[ImpactMeasure]
    new_issues: list[ImpactIssue]
    """The first ones."""
