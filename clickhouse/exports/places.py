"""Where an export goes on, as a text that is given away and comes back."""

import base64
import binascii
import re

import msgspec

from clickhouse.exports.statements import Place
from clickhouse.exports.tables import Exported

HASH = re.compile(r"[0-9A-F]{32}")


class NoPlace(ValueError):
    """Raised for a text that `written` never gave for this table."""


def written(table: Exported, place: Place) -> str:
    """Returns a place as a text."""
    return base64.urlsafe_b64encode(msgspec.json.encode([table.name, *place])).decode()


def read_place(table: Exported, text: str) -> Place:
    """Reads what `written` gave. Raises `NoPlace`."""
    try:
        name, *place = msgspec.json.decode(base64.urlsafe_b64decode(text), type=list[int | str])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise NoPlace(text[:100]) from error
    forms = [str if key.form in ("text", "hash") else int for key in table.key]
    fits = len(place) == len(forms) and all(map(isinstance, place, forms))
    numbers = [one for one in place if isinstance(one, int)]
    hashes = [one for one, key in zip(place, table.key, strict=False) if key.form == "hash"]
    fits = fits and all(HASH.fullmatch(str(one)) for one in hashes)
    if name != table.name or not fits or any(not -(1 << 63) <= one < 1 << 64 for one in numbers):
        raise NoPlace(text[:100])
    return tuple(place)
