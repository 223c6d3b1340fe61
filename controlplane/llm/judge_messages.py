"""What messages say of judges that fail, and of those of which that is over."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
from msgspec import Raw

from schemas.messages import Message
from schemas.projects import ProjectId
from schemas.times import iso_ms

State = Literal["fails", "works", "off", "removed"]
WORDS: Mapping[State, tuple[str, str, str]] = {
    "fails": ("judge.failing", "fails", ""),
    "works": ("judge.working", "works again", "It gives scores again."),
    "off": ("judge.off", "is off", "Somebody has turned it off."),
    "removed": ("judge.removed", "is removed", "Somebody has removed it, or its project."),
}
"""By the state: the type of what webhooks get, and what people read."""


class Trouble(NamedTuple):
    """A judge that fails, or one of which that is over."""

    project_id: ProjectId
    judge_id: str
    name: str
    state: State
    failed_calls: int
    since_us: int
    """When it began to fail; of one of which that is over, when people were told."""
    reason: str


def trouble_message(trouble: Trouble, now_us: int) -> Message:
    """Return what a message says of a judge that fails, or of which that is over."""
    is_over = trouble.state != "fails"
    since = iso_ms(trouble.since_us)
    _, state, why = WORDS[trouble.state]
    subject = f"[Sluice] Judge {trouble.name} {state}"
    if is_over:
        lines = [why, f"That it fails was told at {since}."]
    else:
        lines = [f"It has given no score since {since}: {trouble.reason}"]
        if trouble.failed_calls:
            lines.append(f"Calls in a row that failed: {trouble.failed_calls}.")
    return Message(
        subject=subject,
        text="\n".join(lines),
        summary=subject if is_over else f"{subject}: {trouble.reason}",
        at=iso_ms(now_us),
        tone="good" if is_over else "bad",
        action="resolve" if is_over else "trigger",
        urgency="info" if is_over else "warning",
        incident_key=f"judge/{trouble.judge_id}",
        body=Raw(msgspec.json.encode(_body(trouble, now_us))),
    )


def _body(trouble: Trouble, now_us: int) -> dict[str, object]:
    fields: dict[str, object] = {
        "type": WORDS[trouble.state][0],
        "project_id": trouble.project_id,
        "judge_id": trouble.judge_id,
        "judge": trouble.name,
        "at": iso_ms(now_us),
    }
    since = iso_ms(trouble.since_us)
    if trouble.state != "fails":
        return fields | {"told_at": since}
    return fields | {
        "failing_since": since,
        "failed_calls": trouble.failed_calls,
        "reason": trouble.reason,
    }
