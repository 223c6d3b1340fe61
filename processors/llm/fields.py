"""What traces and spans share: metadata to tags, money to pico-dollars."""

from collections.abc import Callable, Iterator, Set
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
LOOKED_INTO = frozenset({"usage", "environment", "userId", "user_id"})

UNPRICED: tuple[int | None, str] = (None, "")
"""What stands in a row in the place of a `Quote` where there is none."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Written(float):
    """A number with a fraction or an exponent, and how it was written."""

    text: str


def _written(text: str) -> Written:
    number = Written(text)
    number.text = text
    return number


_Decode = Callable[[bytes | str], Any]
_decode: _Decode = msgspec.json.Decoder().decode
_decode_as_written: _Decode = msgspec.json.Decoder(float_hook=_written).decode


def read_object(text: bytes | str, looked_into: Set[str] = LOOKED_INTO) -> dict[str, Any]:
    """Decodes an optional JSON object; absent and anything but an object is empty.

    So is valid JSON that Python cannot hold, such as 1e400 or a number of 5,000 digits: its text is
    stored as it came, and only what would be read out of it is missing. Beyond `MAX_WHOLE_BYTES`
    arrays and objects within it are left out, but for those that a step looks into.
    """
    return _read_object(text, looked_into, _decode)


def read_metadata(text: bytes | str) -> dict[str, Any]:
    """As `read_object`, but numbers know how they were written, so that `text_of` can tell."""
    return _read_object(text, LOOKED_INTO, _decode_as_written)


def _read_object(text: bytes | str, looked_into: Set[str], decode: _Decode) -> dict[str, Any]:
    if not text:
        return {}
    if len(text) > MAX_WHOLE_BYTES:
        return read_members(members_of(text), looked_into, decode)
    try:
        value = decode(text)
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


def read_members(
    members: dict[str, Raw], looked_into: Set[str], decode: _Decode = _decode
) -> dict[str, Any]:
    """Decodes the scalars among members, and the arrays and objects with these names.

    Those larger than `MAX_WHOLE_BYTES` are left out. Empty where Python cannot hold one.
    """
    try:
        return dict(_read_members(members, looked_into, decode))
    except (ValueError, RecursionError):
        return {}


def _read_members(
    members: dict[str, Raw], looked_into: Set[str], decode: _Decode
) -> Iterator[tuple[str, Any]]:
    for name, raw in members.items():
        view = memoryview(raw)
        is_nested = bytes(view[:1]) in (b"{", b"[")
        if not is_nested or (name in looked_into and view.nbytes <= MAX_WHOLE_BYTES):
            yield name, decode(raw)


def tags_of(metadata: dict[str, Any]) -> dict[str, str]:
    """Returns the top-level scalars of metadata as text, for grouping and filtering."""
    tags = {}
    for key, value in metadata.items():
        text = value if type(value) is str else text_of(value)
        if text is None or len(key) > MAX_TAG_KEY_CHARS or len(text) > MAX_TAG_VALUE_CHARS:
            continue
        tags[key] = text
        if len(tags) == MAX_TAGS:
            break
    return tags


def text_of(value: object) -> str | None:
    """Returns a scalar as its JSON says it, a text without quotes; `None` for all else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Written):
        return value.text
    return repr(value) if isinstance(value, int | float) else None


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
