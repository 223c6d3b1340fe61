"""How commands print: a table for people, tab-separated lines for a pipe."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Prints rows under their columns; `empty` goes to standard error where there are none."""
    # Names are strangers': anybody may sign up.
    listed = [[printable(cell) for cell in row] for row in rows]
    if not listed:
        typer.echo(empty, err=True)
        return
    if not sys.stdout.isatty():
        for row in (columns, *listed):
            typer.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        # As text: what people wrote must not be read as markup.
        table.add_row(*map(Text, row))
    Console().print(table)


def moment(at: datetime | None) -> str:
    """Writes a time in UTC to the second, `-` for none."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def moment_ns(at_ns: int) -> str:
    """Writes nanoseconds since 1970 as a time, `-` for 0."""
    return moment(datetime.fromtimestamp(at_ns / 1e9, UTC)) if at_ns else "-"


def printable(text: str) -> str:
    """Replaces control characters, which could steer the terminal."""
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )
