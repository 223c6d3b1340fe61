"""Exports: what there is, and what becomes of the files that are written by a plan."""

from msgspec import Struct


class ExportTable(Struct, frozen=True):
    """A table that can be exported."""

    table: str
    meaning: str
    days: dict[str, int]
    """How many rows came on each day of UTC."""


class ExportDays(Struct, frozen=True):
    """The tables of a project that can be exported."""

    tables: list[ExportTable]
