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


class ScheduleAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """A plan as it is answered, and what became of it."""

    every: Every
    format: ExportFormat
    place: Place
    is_running: bool
    next_run: str
    done_before: str | None
    """All that came before then is written."""
    last_started: str | None
    last_ended: str | None
    rows: int
    """Of the last run, as `bytes`."""
    bytes: int
    failures: int
    error: str
    """Why the last run failed; empty where it did not."""


class ScheduleList(Struct, frozen=True):
    """The schedules of a project: one, or none."""

    schedules: list[ScheduleAnswer]
    places: list[str]
    """Where files may go, as the operator says."""
