"""What the demo's application tells its models first: one prompt that is kept and named, and
others that are found by what they say, whatever values stand in them."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

NAMED = "support-chat"
CHANGED_AGO = timedelta(hours=60)
"""So long ago the second version of the named prompt came into use."""
CUSTOMER = "\nCustomer: {{customer}}"
VERSIONS = (
    "You are the support assistant of an outdoor shop. Be brief and kind." + CUSTOMER,
    "You are the support assistant of an outdoor shop. Be brief and kind. Look orders up"
    " instead of guessing." + CUSTOMER,
)
MESSAGES = ("As we began", "Look orders up")


class Told(NamedTuple):
    """A system message, and what the metadata say of it."""

    system: str
    metadata: dict[str, Any]


def told_by(feature: str, system: str, at: datetime, until: datetime, user: str) -> Told:
    """Returns what a call of a feature tells the model, at a moment of the demo's days."""
    if feature != NAMED:
        return Told(f"{system}\nToday is {at:%A, %B %d, %Y}.", {})
    number = 1 if at < until - CHANGED_AGO else 2
    text = VERSIONS[number - 1].replace("{{customer}}", user)
    return Told(text, {"prompt_name": NAMED, "prompt_version": number})
