"""The values of attributes, as plain Python."""

from typing import TypeAlias

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""What an AnyValue holds. A list and an object hold values again, as deep as `Bounds` allows."""
Attributes: TypeAlias = dict[str, Value]
"""By name. Of a name that was sent twice the last value counts."""
