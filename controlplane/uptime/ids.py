"""Ids of monitors and incidents, as the page of StatusPulse has them."""

import secrets
import string

ALPHABET = string.ascii_lowercase + string.digits


def new_id(prefix: str) -> str:
    """Returns an id as `mon_9x2k4p7q`."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(8))}"
