"""Names of monitors, as addresses have them."""

import re

MAX_SLUG = 50
NO_SLUG = re.compile(r"[^a-z0-9_-]+")


def slug_of(text: str) -> str:
    """Returns `nightly-backup` for `Nightly backup`; empty where nothing is left."""
    return NO_SLUG.sub("-", text.lower()).strip("-")[:MAX_SLUG]
