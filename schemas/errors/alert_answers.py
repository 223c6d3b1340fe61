"""How alerts are answered over HTTP. What a channel sends to is in none of it."""

from msgspec import Struct

from schemas.channels import ChannelKind
from schemas.errors.alerts import RuleForm, RuleState
from schemas.messages import DeliveryState


class AlertRuleAnswer(RuleForm, frozen=True, kw_only=True, rename="camel"):
    """A rule, how it stands, and when it last fired."""

    id: str
    state: RuleState
    last_fired_at: str | None
    created_at: str


class AlertRules(Struct, frozen=True, rename="camel"):
    """The rules of a project."""

    alert_rules: list[AlertRuleAnswer]


class ReachedRule(AlertRuleAnswer, frozen=True, kw_only=True, rename="camel"):
    """A rule, for who reaches several projects."""

    project_id: str


class ReachedRules(Struct, frozen=True):
    """The rules of all projects that a token reaches."""

    rules: list[ReachedRule]


class AlertChannelAnswer(Struct, frozen=True, rename="camel"):
    """A channel; `target` says which one it is."""

    id: str
    name: str
    kind: ChannelKind
    target: str
    created_at: str


class AlertChannels(Struct, frozen=True, rename="camel"):
    """The channels of a project."""

    alert_channels: list[AlertChannelAnswer]


class AlertTest(Struct, frozen=True, rename="camel"):
    """What a test came to; `status` is the receiver's, where it answered over HTTP."""

    delivered: bool
    status: int | None
    error: str


class AlertDeliveryAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """One message to one channel, and what became of it."""

    id: str
    rule_id: str
    rule_name: str
    channel_id: str
    channel_name: str
    subject: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str
    created_at: str
    delivered_at: str | None


class AlertDeliveries(Struct, frozen=True, rename="camel"):
    """A project's messages, the newest first."""

    alert_deliveries: list[AlertDeliveryAnswer]
