"""What an answer over sums says where the rows behind them are gone."""

from msgspec import Struct


class SumsOnly(Struct, rename="camel", frozen=True):
    """That the range reaches into a time of which retention has deleted rows."""

    rows_from: str
    """Before it, numbers come from sums that outlive rows; ends of the range there are moved to
    the hour."""
    counted_from: str
    """Where the counted range begins."""
    counted_to: str
    """Where it ends, inclusive."""
    partial: list[str]
    """What is answered of the rows that are left, and so of fewer than the totals are: `totals`,
    `groups`, `latency`, `calls`."""
