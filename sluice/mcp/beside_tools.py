"""The tools that ask about what comes beside errors: log records, feedback, files, check-ins."""

from typing import Annotated, Any

from pydantic import Field

from sluice.mcp.asking import Asking
from sluice.mcp.parameters import (
    Cursor,
    From,
    Limit,
    LogLevel,
    ProjectId,
    To,
    Tool,
    path_of,
)


def log_tools(api: Asking) -> list[Tool]:
    """Return the tools that search log records."""

    async def search_logs(
        project_id: ProjectId,
        q: Annotated[str | None, Field(description="A text that stands in the line")] = None,
        level: Annotated[LogLevel | None, Field(description="At least this level")] = None,
        trace_id: Annotated[
            str | None, Field(description="Id of a trace, as errors and transactions have it")
        ] = None,
        environment: str | None = None,
        release: str | None = None,
        logger: str | None = None,
        attributes: Annotated[
            dict[str, str] | None, Field(description="Attributes by key, each with its value")
        ] = None,
        oldest_first: bool = False,
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> str:
        """Search log lines with their attributes, newest first; by default of 24 hours."""
        named: dict[str, Any] = {"environment": environment, "release": release, "logger": logger}
        named |= {f"attr.{key}": value for key, value in (attributes or {}).items()}
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit, "cursor": cursor}
        path = path_of("projects", project_id, "logs")
        return await api.get(
            path,
            q=q,
            level=level,
            trace_id=trace_id,
            oldest_first="true" if oldest_first else None,
            **named,
            **asked,
        )

    return [search_logs]


def beside_tools(api: Asking) -> list[Tool]:
    """Return the tools that read what comes beside errors."""

    async def list_feedback(
        project_id: ProjectId,
        q: Annotated[str | None, Field(description="A text that stands in it")] = None,
        event_id: Annotated[str | None, Field(description="The error that it is about")] = None,
        trace_id: str | None = None,
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> str:
        """List what people have said of errors or of the application, newest first."""
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit, "cursor": cursor}
        named = {"q": q, "event_id": event_id, "trace_id": trace_id}
        return await api.get(path_of("projects", project_id, "feedback"), **named, **asked)

    async def list_attachments(project_id: ProjectId, event_id: str) -> str:
        """List the files that came with an event: names, types, sizes; not their bytes."""
        return await api.get(path_of("projects", project_id, "attachments"), event_id=event_id)

    return [list_feedback, list_attachments]


def check_in_tools(api: Asking) -> list[Tool]:
    """Return the tools that read what scheduled jobs say."""

    async def list_cron_monitors(project_id: ProjectId, environment: str | None = None) -> str:
        """List scheduled jobs: ok, failed, missed or unknown, when due, how long they take."""
        path = path_of("projects", project_id, "check-ins", "monitors")
        return await api.get(path, environment=environment)

    async def list_check_ins(
        project_id: ProjectId,
        monitor: Annotated[str | None, Field(description="Name of the scheduled job")] = None,
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> str:
        """List runs of scheduled jobs, newest first; by default of 30 days."""
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit, "cursor": cursor}
        path = path_of("projects", project_id, "check-ins")
        return await api.get(path, monitor=monitor, **asked)

    return [list_cron_monitors, list_check_ins]
