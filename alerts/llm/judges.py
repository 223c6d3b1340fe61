"""Tells people of judges that fail and of those that work again: in one process of all."""

import time
from collections.abc import Callable

import msgspec
import structlog
from msgspec import Raw

from controlplane.database import Database
from controlplane.llm.judge_troubles import Trouble, tell_troubles
from schemas.messages import Message
from schemas.times import iso_ms

LOOK_EVERY_US = 5_000_000

log = structlog.get_logger(__name__)


class JudgeTroubles:
    """Looks after judges. Several may run at once for a moment: each trouble is told once."""

    def __init__(
        self, database: Database, now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._database = database
        self._now_us = now_us
        self._due_us = 0

    async def work(self) -> None:
        """Does what is due; cheap when nothing is."""
        now_us = self._now_us()
        if now_us < self._due_us:
            return
        for one in await tell_troubles(self._database, trouble_message, now_us):
            said = "judge fails no more" if one.is_over else "judge fails"
            log.info(said, project_id=one.project_id, judge_id=one.judge_id)
        self._due_us = now_us + LOOK_EVERY_US


def trouble_message(trouble: Trouble, now_us: int) -> Message:
    """Returns what a message says of a judge that fails, or of which that is over."""
    is_over = trouble.is_over
    since = iso_ms(trouble.since_us)
    state = "is off" if trouble.is_off else "works again" if is_over else "fails"
    subject = f"[Sluice] Judge {trouble.name} {state}"
    if is_over:
        lines = ["Somebody has turned it off." if trouble.is_off else "It gives scores again."]
        lines.append(f"That it fails was told at {since}.")
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
        "type": f"judge.{'off' if trouble.is_off else 'working' if trouble.is_over else 'failing'}",
        "project_id": trouble.project_id,
        "judge_id": trouble.judge_id,
        "judge": trouble.name,
        "at": iso_ms(now_us),
    }
    since = iso_ms(trouble.since_us)
    if trouble.is_over:
        return fields | {"told_at": since}
    return fields | {
        "failing_since": since,
        "failed_calls": trouble.failed_calls,
        "reason": trouble.reason,
    }
