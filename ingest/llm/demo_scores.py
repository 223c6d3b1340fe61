"""What people and a judging model think of some calls of the demo."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

ONE_OF = 4
"""So many calls have scores."""
TONES = ("friendly", "friendly", "neutral", "curt")
COMMENTS = ("answers what was asked", "leaves out the second question", "right, and too long")
CURT_MODEL = "mini"
"""What stands in the names of models that answer less helpfully."""


def scores_of(call: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the scores of a call, for the same id the same; of most calls there are none."""
    digest = hashlib.sha256(call["trace_id"].encode()).digest()
    if digest[0] % ONE_OF:
        return []
    at = datetime.fromisoformat(call["timestamp"]) + timedelta(seconds=30 + digest[1])
    share = digest[2] / 255
    is_curt = CURT_MODEL in call["model_requested"] or call["status"] == "error"
    helpful = round(share * (0.7 if is_curt else 0.3) + (0.1 if is_curt else 0.7), 3)
    about = {"trace_id": call["trace_id"], "timestamp": at.isoformat()}
    about["updated_at"] = about["timestamp"]
    judged = {"source": "eval", "author": "gpt-4o", "comment": COMMENTS[digest[3] % len(COMMENTS)]}
    found: list[dict[str, Any]] = [
        {"name": "helpfulness", "value": helpful, **judged},
        {"name": "tone", "value": TONES[digest[4] % len(TONES)], **judged},
    ]
    if digest[5] % 3 == 0:
        found.append({"name": "thumbs", "value": helpful > 0.5})
    return [{"id": f"{call['trace_id']}.{one['name']}", **one, **about} for one in found]
