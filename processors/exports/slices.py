"""Stretches of time by which a project is cut into files: days, or hours, of when rows came."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from clickhouse.exports.registry import EXPORTED

Grain = Literal["day", "hour"]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTLED = timedelta(minutes=15)
"""After which no row of a stretch is on its way any more, unless the stream lags by more."""


class Slice(Struct, frozen=True):
    """The rows of a table that came in a day or an hour of UTC."""

    table: str
    first: datetime
    before: datetime
    rows: int = 0
    """How many were counted, of a day."""

    @property
    def folder(self) -> str:
        """Where its files are: as Hive names partitions, which readers of Parquet know."""
        day = f"{self.table}/received_date={self.first:%Y-%m-%d}"
        return day if self.before - self.first == DAY else f"{day}/received_hour={self.first:%H}"

    def is_over(self, now: datetime) -> bool:
        """Whether it gets no more rows, and none of them changes any more."""
        changing = timedelta(days=EXPORTED[self.table].changes_days)
        return now >= self.before + SETTLED + changing


def slices_of(table: str, days: Mapping[str, int], grain: Grain) -> Iterator[Slice]:
    """Yields the stretches of days, `YYYY-MM-DD` with their rows, in their order."""
    step = DAY if grain == "day" else HOUR
    for day in sorted(days):
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        for number in range(DAY // step):
            first = start + number * step
            yield Slice(table, first, first + step, days[day] if step == DAY else 0)
