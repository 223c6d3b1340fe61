"""What the tools have in common: how a parameter is described to models, and paths."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal
from urllib.parse import quote

from mcp.server.fastmcp.exceptions import ToolError
from pydantic import Field

Tool = Callable[..., Awaitable[str]]
ProjectId = Annotated[str, Field(description="Id of the project; list_projects shows them.")]
IssueId = Annotated[str, Field(description="Id of the issue (a UUID), not its number.")]
EventId = Annotated[str, Field(description="Id of the event; `latest` and `oldest` too.")]
TraceId = Annotated[str, Field(description="Id of the LLM call.")]
RuleId = Annotated[str, Field(description="Id of the alert rule; list_alert_rules shows it.")]
Level = Literal["fatal", "error", "warning", "info", "debug"]
LogLevel = Literal["trace", "debug", "info", "warn", "error", "fatal"]
Status = Literal["open", "resolved", "ignored"]
From = Annotated[
    str | None, Field(description="ISO time or date that the range begins with, such as 2026-01-31")
]
To = Annotated[str | None, Field(description="ISO time or date that the range ends with")]
Cursor = Annotated[str | None, Field(description="`nextCursor` of the page before")]
Limit = Annotated[int, Field(ge=1, le=100, description="How many to answer at most")]


def path_of(*parts: str) -> str:
    """Return a path whose parts a model cannot leave. Raises `ToolError`."""
    for part in parts:
        if part.strip() in ("", ".", ".."):
            raise ToolError(f"{part!r} is no id")
    return "/".join(quote(part, safe="") for part in parts)
