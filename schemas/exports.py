"""Exports: what there is, and what becomes of the files that are written by a plan."""

from typing import Literal

from msgspec import Struct

from schemas.projects import ProjectId


class ExportTable(Struct, frozen=True):
    """A table that can be exported."""

    table: str
    meaning: str
    days: dict[str, int]
    """How many rows came on each day of UTC."""


class ExportDays(Struct, frozen=True):
    """The tables of a project that can be exported."""

    tables: list[ExportTable]


Every = Literal["day", "hour"]
Place = Literal["folder", "s3"]
ExportFormat = Literal["parquet", "jsonl", "csv"]


class Plan(Struct, frozen=True):
    """How often a project is exported, and where to."""

    every: Every
    format: ExportFormat
    place: Place


class Schedule(Struct, frozen=True):
    """A plan, and what became of it. Times are microseconds since 1970 UTC."""

    project_id: ProjectId
    plan: Plan
    next_us: int
    done_before_us: int
    """All that came before then is written."""
    started_us: int | None
    ended_us: int | None
    rows: int
    bytes: int
    failures: int
    error: str
    is_running: bool
