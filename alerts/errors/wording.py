"""What an alert says."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from msgspec import Raw

from alerts.errors.rules import Verdict
from schemas.errors.alerts import Alert, Rule
from schemas.messages import Message
from schemas.times import EPOCH

WHAT = {
    "issue.new": "{value:g} new issue{s}",
    "issue.regression": "{value:g} issue{s} came back",
    "issue.count_threshold": "{value:g} error{s}",
    "issue.frequency_spike": "{value:g} error{s}, against {against}",
    "transaction.error_rate": "{value:g} % of the transactions failed",
    "transaction.p95_latency": "95 % of the transactions took up to {value:g} ms",
}
TESTED = "This is a test: no rule has fired."


def alert_of(rule: Rule, verdict: Verdict, now_us: int, titles: Sequence[str] = ()) -> Alert:
    """Returns what is sent when a rule fires; `titles` are those of the first issues."""
    what = WHAT[rule.rule_type].format(
        value=verdict.value, against=verdict.against, s="" if verdict.value == 1 else "s"
    )
    message = f"{what} within {rule.threshold_window} min (threshold {rule.threshold_count})"
    return Alert(
        rule_id=rule.id,
        rule_name=rule.name,
        rule_type=rule.rule_type,
        value=verdict.value,
        threshold=rule.threshold_count,
        window_minutes=rule.threshold_window,
        environment=rule.environment or None,
        organization_id=rule.project_id,
        triggered_at=_iso(now_us),
        message=message,
        subject=f"[Sluice] {rule.name}",
        text="\n".join([message, *(f"- {title}" for title in titles)]),
    )


def trial_alert(project_id: str, channel_name: str, now_us: int) -> Alert:
    """Returns what is sent to try a channel."""
    return Alert(
        rule_id="test",
        rule_name="Test",
        rule_type="test",
        value=0,
        threshold=0,
        window_minutes=0,
        environment=None,
        organization_id=project_id,
        triggered_at=_iso(now_us),
        message=TESTED,
        subject=f"[Sluice] Test of channel {channel_name}",
        text=TESTED,
    )


def message_of(alert: Alert) -> Message:
    """Returns an alert as a message: for PagerDuty, one rule is one incident, however often."""
    return Message(
        subject=alert.subject,
        text=alert.text,
        summary=f"{alert.subject}: {alert.message}",
        at=alert.triggered_at,
        incident_key=alert.rule_id,
        body=Raw(msgspec.json.encode(alert)),
    )


def _iso(us: int) -> str:
    moment = EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
