"""One search over an event as it came: whether there can be anything to mask in it.

It may find more than there is, and never less. What escapes could hide (`\\u0070assword`) counts
as found.
"""

from typing import Any

from processors.errors.masking.forms import (
    QUICK_ACCOUNTS,
    QUICK_CARDS,
    QUICK_EMAILS,
    QUICK_IPS,
    QUICK_TOKENS,
    compiled,
)
from processors.errors.masking.names import names_in_json
from schemas.errors.masking import MaskRules

ESCAPED = rb"\\u00[0-7]"
"""An ASCII character that is written as an escape."""
BLANKS = rb"(?: |\t|\\t)*"
AFTER_NAME = (
    rb"(?:(?:[^\"\\]|\\.)*\"\s*:"  # the name of a field
    rb"|[0-9A-Za-z_.$-]*(?:%5D|\]|\\*[\"'`])?" + BLANKS + rb"(?:=>|%3D|[=:]|\s*[,}\]]))"
)


def quick_search(rules: MaskRules) -> Any:
    """Compiles the search for what some rules mask, but for own patterns."""
    names = names_in_json(rules)
    named = (
        (
            rb"(?i:(?:" + names + rb")" + AFTER_NAME + rb")",
            rb"(?i:--[0-9a-z-]*(?:" + names + rb")[0-9a-z_-]*(?: |\t|\\t))",
        )
        if names
        else ()
    )
    parts = (
        ESCAPED,
        *named,
        *(QUICK_TOKENS if rules.tokens else ()),
        *(QUICK_CARDS if rules.cards else ()),
        *(QUICK_ACCOUNTS if rules.accounts else ()),
        *(QUICK_EMAILS if rules.emails else ()),
        *(QUICK_IPS if rules.ips else ()),
    )
    return compiled(b"(?s)" + b"|".join(b"(?:" + part + b")" for part in parts))
