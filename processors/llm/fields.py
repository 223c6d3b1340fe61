"""What traces and spans share: metadata to tags, money to pico-dollars."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

MAX_TAGS = 64
MAX_TAG_KEY_CHARS = 128
MAX_TAG_VALUE_CHARS = 512
"""Beyond these a metadata entry is kept with the event but cannot be grouped by."""
PICO_PER_CENT = 10**10
PICO_PER_USD = 10**12
MAX_COST_PICO = 10**26
"""What a sender may report for one call, far below where sums leave Decimal(38, 12)."""

MAX_WHOLE_BYTES = 256 << 10
"""Longer JSON is not decoded as a whole: of `{}` and commas Python makes 25 times the memory."""
LOOKED_INTO = frozenset(
    {"usage", "usageMetadata", "usage_metadata", "environment", "userId", "user_id"}
)

UNPRICED: tuple[int | None, str] = (None, "")
"""What stands in a row in the place of a `Quote` where there is none."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def read_object(text: bytes | str) -> dict[str, Any]:
    """Decodes an optional JSON object; absent and anything but an object is empty.

    So is valid JSON that Python cannot hold, such as 1e400 or a number of 5,000 digits: its text is
    stored as it came, and only what would be read out of it is missing. Beyond `MAX_WHOLE_BYTES`
    arrays and objects within it are left out, but for those that a step looks into.
    """
    if not text:
        return {}
    try:
        if len(text) > MAX_WHOLE_BYTES:
            return dict(_read_members(text))
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_members(text: bytes | str) -> Iterator[tuple[str, Any]]:
    for name, raw in _MEMBERS.decode(text).items():
        view = memoryview(raw)
        is_nested = bytes(view[:1]) in (b"{", b"[")
        if not is_nested or (name in LOOKED_INTO and view.nbytes <= MAX_WHOLE_BYTES):
            yield name, msgspec.json.decode(raw)


def tags_of(metadata: dict[str, Any]) -> dict[str, str]:
    """Returns the top-level scalars of metadata as text, for grouping and filtering."""
    tags = {}
    for key, value in metadata.items():
        text = value if type(value) is str else _scalar(value)
        if text is None or len(key) > MAX_TAG_KEY_CHARS or len(text) > MAX_TAG_VALUE_CHARS:
            continue
        tags[key] = text
        if len(tags) == MAX_TAGS:
            break
    return tags


class Reported(NamedTuple):
    """What a sender says that a call cost; both empty where it does not say."""

    pico: int | None = None
    digits: str = ""
    """In cents, as a JSON number of 17 digits; empty where pico-dollars have all of it."""


def reported_of(amount: Decimal | float | int, pico_per_unit: int) -> Reported:
    """Converts a reported amount to pico-dollars, half to even; what these round away, a row keeps.

    Both are empty for what is no amount of money.
    """
    try:
        exact = Decimal(str(amount)) * pico_per_unit
        pico = exact.to_integral_value(ROUND_HALF_EVEN)
    except InvalidOperation:
        return Reported()
    if not 0 <= pico <= MAX_COST_PICO:
        return Reported()
    return Reported(int(pico), "" if exact == pico else repr(float(exact / PICO_PER_CENT)))


def pico_of(amount: Decimal | float | int, pico_per_unit: int) -> int | None:
    """Converts an amount to pico-dollars, half to even; `None` for what is no amount of money."""
    return reported_of(amount, pico_per_unit).pico


def _scalar(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return None
