"""What a message of a budget says."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from controlplane.llm.budget_alerts import Reached
from schemas.llm.budget_windows import Window
from schemas.llm.budgets import Budget, Measure
from schemas.messages import Message
from schemas.projects import ProjectId
from schemas.times import iso_ms

MOST_NAMED = 20
MANY = {"user": "users", "model": "models", "environment": "environments"}
MANY |= {"key": "keys", "metadata": "values"}
OF = {"day": "today", "week": "this week", "month": "this month"}


class Occasion(NamedTuple):
    """Of which budget something is told, and when."""

    project_id: ProjectId
    budget: Budget
    window: Window
    names: Mapping[str, str]
    """What people call an entity, where that is not what it is counted under."""
    now_us: int


def message_of(occasion: Occasion, told: Sequence[Reached]) -> Message:
    """Returns a message of thresholds that were reached: of each entity the greatest one."""
    _, budget, window, names, now_us = occasion
    lines = [_line(budget, names, one) for one in told[:MOST_NAMED]]
    if len(told) > MOST_NAMED:
        lines.append(f"and {len(told) - MOST_NAMED} more {MANY[budget.scope]}")
    what = lines[0] if len(told) == 1 else f"{len(told)} {MANY[budget.scope]} reached a threshold"
    subject = f"[Sluice] Budget {budget.name}: {what}"
    when = f"the last {budget.hours} h" if window.end_us is None else OF[budget.window]
    ends = "" if window.end_us is None else f", until {iso_ms(window.end_us)}"
    text = "\n".join([*lines, f"Counted over {when}{ends}."])
    is_over = any(one.threshold >= 100 for one in told)
    return Message(
        subject=subject,
        text=text,
        summary=f"{subject} ({when})",
        at=iso_ms(now_us),
        urgency="critical" if is_over else "warning",
        incident_key=f"budget/{budget.id}/{window.start_us if window.end_us else 'rolling'}",
        body=Raw(msgspec.json.encode(_body(occasion, told))),
    )


def anomaly_message(
    project_id: ProjectId, budget: Budget, hour_us: int, told: Sequence[Reached], now_us: int
) -> Message:
    """Returns a message of an hour with much more than usual, by model or of all together."""
    lines = []
    for one in told[:MOST_NAMED]:
        amount, usual = (amount_text(budget.measure, each) for each in (one.spent, one.amount))
        name = one.entity or budget.value
        lines.append(f"{name + ': ' if name else ''}{amount}, where {usual} is usual")
    if len(told) > MOST_NAMED:
        lines.append(f"and {len(told) - MOST_NAMED} more {MANY[budget.scope]}")
    what = lines[0] if len(told) == 1 else f"{len(told)} models spend more than usual"
    subject = f"[Sluice] Budget {budget.name}: unusual, {what}"
    body = {
        "type": "budget.anomaly",
        "project_id": project_id,
        "budget_id": budget.id,
        "budget": budget.name,
        "measure": budget.measure,
        "hour": iso_ms(hour_us),
        "at": iso_ms(now_us),
        "anomalies": [
            {
                "entity": one.entity or budget.value,
                "amount": float(one.spent),
                "usual": float(one.amount),
            }
            for one in told[:MOST_NAMED]
        ],
    }
    return Message(
        subject=subject,
        text="\n".join([*lines, f"In the hour from {iso_ms(hour_us)}."]),
        summary=subject,
        at=iso_ms(now_us),
        urgency="warning",
        incident_key=f"budget/{budget.id}/anomaly/{hour_us}",
        body=Raw(msgspec.json.encode(body)),
    )


def amount_text(measure: Measure, amount: Decimal) -> str:
    """Writes an amount for people: `$12.50`, `$0.0031`, `1,200 tokens`."""
    if measure != "cost":
        return f"{amount:,.0f} {measure}"
    return f"${amount:,.2f}" if amount >= Decimal("0.01") or not amount else f"${amount:.2g}"


def _line(budget: Budget, names: Mapping[str, str], one: Reached) -> str:
    percent = one.spent * 100 / one.amount
    entity = one.entity or budget.value or ""
    name = names.get(entity, entity)
    who = f"{name}: " if name else ""
    spent, amount = (amount_text(budget.measure, each) for each in (one.spent, one.amount))
    return f"{who}{percent:.0f} % used, {spent} of {amount} (threshold {one.threshold} %)"


def _body(occasion: Occasion, told: Sequence[Reached]) -> dict[str, Any]:
    project_id, budget, window, _, now_us = occasion
    return {
        "type": "budget.threshold",
        "project_id": project_id,
        "budget_id": budget.id,
        "budget": budget.name,
        "scope": budget.scope,
        "measure": budget.measure,
        "amount": float(budget.amount),
        "window_start": iso_ms(window.start_us),
        "window_end": None if window.end_us is None else iso_ms(window.end_us),
        "at": iso_ms(now_us),
        "entities": len(told),
        "reached": [
            {
                "entity": one.entity or budget.value,
                "threshold": one.threshold,
                "spent": float(one.spent),
                "percent": round(float(one.spent * 100 / one.amount), 2),
            }
            for one in told[:MOST_NAMED]
        ],
    }
