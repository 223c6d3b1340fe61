"""Who met an event: the user that an SDK names, under any keys."""

from typing import Any

from msgspec import Raw

from processors.errors.parts import Problems, encoded, is_absent, mapping_of, text_of
from processors.errors.parts import decode_any as decode
from schemas.errors.event import EMPTY, Person

AUTO = "{{auto}}"
"""What an SDK writes for the address that the request came from."""


def person_of(raw: Raw, client_ip: str, problems: Problems) -> Person:
    """Returns the user; `client_ip` is where the request came from, if the sender asks for that."""
    sent: Any = None if is_absent(raw) else decode(raw)
    user = dict(mapping_of(sent, "user", problems))
    address = text_of(_first(user, "ip_address", "ip"), "user.ip_address", problems)
    if address in ("", AUTO):
        address = client_ip
    return Person(
        text_of(user.pop("id", None), "user.id", problems),
        text_of(user.pop("email", None), "user.email", problems),
        text_of(user.pop("username", None), "user.username", problems),
        address,
        encoded(user, "user", problems) if user else EMPTY,
    )


def _first(user: dict[str, Any], *names: str) -> object:
    """Takes these names out, and returns the first that holds anything."""
    values = [user.pop(name, None) for name in names]
    return next((value for value in values if value is not None), None)
