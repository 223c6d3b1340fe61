"""Files to take away: what a reader of theirs gets back."""

import csv
import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from api.pages.parts.sheets import Column, Csv, Parquet, Sheet, moment_of

COLUMNS = (
    Column("time", "time"),
    Column("model", "text"),
    Column("calls", "count"),
    Column("cost_usd", "number"),
)
AT = datetime(2025, 11, 28, 12, 0, 0, 250, tzinfo=UTC)
ROWS = [(AT, "gpt-4o, new", 3, 0.25), (AT, None, 4, None), (AT, "\ud800 ünï", 5, 1e-9)]


def whole(sheet: Sheet) -> bytes:
    return sheet.write(ROWS[:1]) + sheet.write(ROWS[1:]) + sheet.write([]) + sheet.end()


def test_parquet_is_read_back_with_its_types() -> None:
    table = pq.read_table(io.BytesIO(whole(Parquet(COLUMNS))))

    assert [str(one) for one in table.schema.types] == [
        "timestamp[us, tz=UTC]",
        "string",
        "int64",
        "double",
    ]
    assert table["model"].to_pylist() == ["gpt-4o, new", None, "? ünï"]
    assert table["calls"].to_pylist() == [3, 4, 5]
    assert table["cost_usd"].to_pylist() == [0.25, None, 1e-9]
    assert table["time"].cast("int64").to_pylist() == [1_764_331_200_000_250] * 3


def test_csv_is_read_back() -> None:
    head, first, second, _ = csv.reader(io.StringIO(whole(Csv(COLUMNS)).decode()))

    assert head == ["time", "model", "calls", "cost_usd"]
    assert first == ["2025-11-28T12:00:00.000250+00:00", "gpt-4o, new", "3", "0.25"]
    assert second[1:] == ["", "4", ""]


@pytest.mark.parametrize("kind", [Csv, Parquet])
def test_a_file_without_rows_has_the_names_of_its_columns(kind: type[Csv | Parquet]) -> None:
    sheet = kind(COLUMNS)
    text = sheet.write([]) + sheet.end()

    if kind is Csv:
        assert text == b"time,model,calls,cost_usd\r\n"
    else:
        assert pq.read_table(io.BytesIO(text)).num_rows == 0


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_nothing_that_a_sender_wrote(text: str) -> None:
    sheet = Csv((Column("model", "text"),))

    _, row = csv.reader(io.StringIO(sheet.write([(text,)]).decode(), newline=""))

    assert row == [f"'{text}"]


@pytest.mark.parametrize("us", [0, -1, 1_764_331_200_000_250, 2**53])
def test_a_time_keeps_its_microseconds(us: int) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    delta = moment_of(us) - epoch

    assert (delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds == us
