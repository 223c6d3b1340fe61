"""A table that is an interface: its columns, and the key that its rows are read out by."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from clickhouse.exports.columns import Column

KeyForm = Literal["time", "minute", "date", "text", "hash", "integer"]
# How a value of a key is written in a place, and read from there; both keep the order.
WRITTEN: Mapping[KeyForm, str] = {
    "time": "toInt64(toUnixTimestamp64Micro(KEY))",
    "minute": "toInt64(toUnixTimestamp(KEY))",
    "date": "toInt64(toUInt16(KEY))",
    "text": "KEY::String",
    "hash": "hex(KEY)",
    "integer": "toUInt64(KEY)",
}
READ: Mapping[KeyForm, str] = {
    "time": "fromUnixTimestamp64Micro({NAME:Int64}, 'UTC')",
    "minute": "toDateTime({NAME:Int64}, 'UTC')",
    "date": "toDate(toUInt16({NAME:Int64}))",
    "text": "{NAME:String}",
    "hash": "toFixedString(unhex({NAME:String}), 16)",
    "integer": "{NAME:UInt64}",
}


class Key(NamedTuple):
    """A column of the key of a table, after the project."""

    name: str
    form: KeyForm


class Exported(Struct, frozen=True):
    """One table as it is exported; its name is that of the table."""

    name: str
    meaning: str
    key: tuple[Key, ...]
    """As the table is sorted, and with its id at the end: no two rows have the same."""
    size: str
    """Expression for the bytes of a row's texts, which reads no text where it can. What columns
    of the form `paths` have is added."""
    columns: tuple[Column, ...]
    equal: tuple[str, ...] = ()
    """Columns that an export may be narrowed by, with one value each."""
    moment: str = "timestamp"
    """What a range of time is about."""
    received: str = "received_at"
    """When a row came, which does not change."""
    changes_days: int = 0
    """For how many days after a row came it may change."""
    final: bool = False
    """Whether rows of one key stand for the last of them."""
