"""Alerts of errors: rules, what they send, and what became of each message."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from schemas.messages import DeliveryState
from schemas.projects import ProjectId

RuleType = Literal[
    "issue.new", "issue.regression", "issue.count_threshold", "issue.frequency_spike",
    "transaction.error_rate", "transaction.p95_latency",
]  # fmt: skip
RULE_TYPES: tuple[RuleType, ...] = get_args(RuleType)
HAPPENINGS: Mapping[RuleType, str] = {"issue.new": "created", "issue.regression": "regressed"}
"""The rules that wait for something to happen to an issue, as its history names it."""
RuleState = Literal["unknown", "ok", "firing"]


class RuleQuery(
    Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """What a rule is narrowed to; everything that is given must match. Levels are of errors."""

    levels: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tags: Mapping[str, str] = {}
    transaction_name: str | None = None

    @property
    def narrows(self) -> bool:
        """Whether it asks for anything."""
        return self != RuleQuery()


class RuleForm(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A rule as people write it. Windows and cooldowns are minutes."""

    name: str
    rule_type: RuleType
    description: str = ""
    query: RuleQuery = RuleQuery()
    threshold_window: int
    threshold_count: int
    """Events or issues; percent of `transaction.error_rate`, milliseconds of
    `transaction.p95_latency`."""
    environment: str = ""
    enabled: bool = True
    cooldown_minutes: int = 30
    channel_ids: tuple[str, ...] = ()


class Rule(RuleForm, frozen=True, kw_only=True, rename="camel"):
    """A rule as it is kept. Times are microseconds since 1970 UTC."""

    id: str
    project_id: ProjectId
    state: RuleState
    last_fired_us: int | None
    created_us: int

    @property
    def window_us(self) -> int:
        """The window in microseconds."""
        return self.threshold_window * 60_000_000

    @property
    def cooldown_us(self) -> int:
        """The cooldown in microseconds."""
        return self.cooldown_minutes * 60_000_000

    @property
    def environments(self) -> tuple[str, ...] | None:
        """Which environments count; `None` for all. What names none both ways counts none."""
        if not self.environment:
            return self.query.environments or None
        if self.query.environments and self.environment not in self.query.environments:
            return ()
        return (self.environment,)


class Alert(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is sent; a webhook's body is this, word for word."""

    rule_id: str
    rule_name: str
    rule_type: str
    value: float
    threshold: int
    window_minutes: int
    environment: str | None
    organization_id: str
    """The project's id: what Open Sentry calls an organisation is not known here."""
    triggered_at: str
    message: str
    subject: str
    text: str


class Delivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """One message to one channel, and what became of it."""

    id: str
    rule_id: str
    rule_name: str
    channel_id: str
    channel_name: str
    state: DeliveryState
    attempts: int
    next_attempt_us: int
    last_status: int | None
    last_error: str
    created_us: int
    delivered_us: int | None
    subject: str
