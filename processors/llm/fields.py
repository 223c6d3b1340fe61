"""What traces and spans share: metadata to tags, money to pico-dollars."""

from collections.abc import Iterator, Set
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

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
LOOKED_INTO = frozenset({"usage", "environment", "userId", "user_id"})

UNPRICED: tuple[int | None, str] = (None, "")
"""What stands in a row in the place of a `Quote` where there is none."""

_VALUE = msgspec.json.Decoder()
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def read_object(text: bytes | str, looked_into: Set[str] = LOOKED_INTO) -> dict[str, Any]:
    """Decodes an optional JSON object; absent and anything but an object is empty.

    So is valid JSON that Python cannot hold, such as 1e400 or a number of 5,000 digits: its text is
    stored as it came, and only what would be read out of it is missing. Beyond `MAX_WHOLE_BYTES`
    arrays and objects within it are left out, but for those that a step looks into.
    """
    if not text:
        return {}
    if len(text) > MAX_WHOLE_BYTES:
        return read_members(members_of(text), looked_into)
    try:
        value = _VALUE.decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if type(value) is dict else {}


def members_of(text: bytes | str) -> dict[str, Raw]:
    """The members of an optional JSON object as text; absent and anything else is empty."""
    if not text:
        return {}
    try:
        return _MEMBERS.decode(text)
    except (ValueError, RecursionError):
        return {}


def read_members(members: dict[str, Raw], looked_into: Set[str]) -> dict[str, Any]:
    """Decodes the scalars among members, and the arrays and objects with these names.

    Those larger than `MAX_WHOLE_BYTES` are left out. Empty where Python cannot hold one.
    """
    try:
        return dict(_read_members(members, looked_into))
    except (ValueError, RecursionError):
        return {}


def _read_members(members: dict[str, Raw], looked_into: Set[str]) -> Iterator[tuple[str, Any]]:
    for name, raw in members.items():
        view = memoryview(raw)
        is_nested = bytes(view[:1]) in (b"{", b"[")
        if not is_nested or (name in looked_into and view.nbytes <= MAX_WHOLE_BYTES):
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


def pico_of(amount: Decimal | float | int, pico_per_unit: int) -> int | None:
    """Converts an amount to pico-dollars, half to even; `None` for what is no amount of money."""
    try:
        pico = (Decimal(str(amount)) * pico_per_unit).to_integral_value(ROUND_HALF_EVEN)
    except InvalidOperation:
        return None
    return int(pico) if 0 <= pico <= MAX_COST_PICO else None


def _scalar(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return None
