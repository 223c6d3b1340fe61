"""The tools: each asks one route of the API for holders of tokens, and answers its JSON."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from mcp.server.fastmcp.exceptions import ToolError
from pydantic import Field

from sluice.mcp.asking import Asking

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


def project_tools(api: Asking) -> list[Tool]:
    """Return the tools that ask about projects as a whole."""

    async def who_am_i() -> str:
        """Show what the API token is: its scope, and the project or person whose it is."""
        return await api.get("me")

    async def list_projects() -> str:
        """List the projects that the token reaches, with open issues and counts of events."""
        return await api.get("projects")

    async def get_project(project_id: ProjectId) -> str:
        """Show one project: its DSN, its issues by status, events, and latency of 24 hours."""
        return await api.get(_path("projects", project_id))

    async def org_stats() -> str:
        """Add up all projects: open issues, and events, transactions and error rate of today."""
        return await api.get("org/stats")

    async def recent_activity(limit: Annotated[int, Field(ge=1, le=50)] = 8) -> str:
        """List what happened last to issues: created, resolved, regressed, by whom."""
        return await api.get("org/activity", limit=limit)

    return [who_am_i, list_projects, get_project, org_stats, recent_activity]


def release_tools(api: Asking) -> list[Tool]:
    """Return the tools that ask about releases."""

    async def list_releases(project_id: ProjectId) -> str:
        """List the newest releases of a project, and when each was seen first and last."""
        return await api.get(_path("projects", project_id, "releases"))

    async def get_release(project_id: ProjectId, version: str) -> str:
        """Show one release: commits, deployments, new issues, and how it fared for 30 days."""
        return await api.get(_path("projects", project_id, "releases", version))

    async def release_health(
        project_id: ProjectId,
        environment: str | None = None,
        date_from: From = None,
        date_to: To = None,
        interval: Literal["hour", "day"] = "day",
    ) -> str:
        """Show crash-free sessions and users, in all, by release and over time; null is unknown."""
        asked = {"date_from": date_from, "date_to": date_to, "interval": interval}
        path = _path("projects", project_id, "releases", "health")
        return await api.get(path, environment=environment, **asked)

    return [list_releases, get_release, release_health]


def issue_tools(api: Asking) -> list[Tool]:
    """Return the tools that find issues."""

    async def list_issues(
        project_id: ProjectId, status: Status | None = None, level: Level | None = None
    ) -> str:
        """List the 100 issues of a project that were seen last, with counts of all time."""
        path = _path("projects", project_id, "issues")
        return await api.get(path, status=status, level=level)

    async def search_issues(
        project_id: ProjectId,
        query: Annotated[
            str, Field(description='Words such as is:unresolved level:error env:production "text"')
        ] = "",
        sort: Literal["last_seen", "first_seen", "events", "people"] = "last_seen",
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> str:
        """Search issues by text, tags, release, environment and more; counts are of the range."""
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit, "cursor": cursor}
        path = _path("projects", project_id, "issues", "search")
        return await api.get(path, query=query, sort=sort, **asked)

    return [list_issues, search_issues]


def one_issue_tools(api: Asking) -> list[Tool]:
    """Return the tools that read one issue, and change its status."""

    async def get_issue(issue_id: IssueId) -> str:
        """Show one issue: title, culprit, status, counts, releases, who resolved it."""
        return await api.get(_path("issues", issue_id))

    async def issue_timeline(
        issue_id: IssueId,
        interval: Literal["hour", "day"] = "day",
        date_from: From = None,
        date_to: To = None,
    ) -> str:
        """Count the events of an issue over time, by default over 14 days."""
        path = _path("issues", issue_id, "timeline")
        return await api.get(path, interval=interval, date_from=date_from, date_to=date_to)

    async def issue_tags(issue_id: IssueId) -> str:
        """Show what the events of an issue have in common: tags, browsers, releases, servers."""
        return await api.get(_path("issues", issue_id, "tags"))

    async def issue_activity(issue_id: IssueId) -> str:
        """List what happened to an issue, newest first: status changes, merges, regressions."""
        return await api.get(_path("issues", issue_id, "activity"))

    async def update_issue_status(issue_id: IssueId, status: Status) -> str:
        """Resolve, ignore or open an issue. Needs a token of scope write."""
        return await api.patch(_path("issues", issue_id), {"status": status})

    return [get_issue, issue_timeline, issue_tags, issue_activity, update_issue_status]


def event_tools(api: Asking) -> list[Tool]:
    """Return the tools that read the events of issues."""

    async def get_issue_events(
        issue_id: IssueId,
        limit: Annotated[int, Field(ge=1, le=100)] = 5,
        cursor: Cursor = None,
    ) -> str:
        """List events of an issue, newest first, with stack, tags and breadcrumbs."""
        return await api.get(_path("issues", issue_id, "events"), limit=limit, cursor=cursor)

    async def get_event(issue_id: IssueId, event_id: EventId) -> str:
        """Show one event with all that was sent: stack, request, contexts, breadcrumbs."""
        return await api.get(_path("issues", issue_id, "events", event_id))

    async def explain_grouping(issue_id: IssueId, event_id: EventId) -> str:
        """Explain, part by part, why an event belongs to its issue."""
        return await api.get(_path("issues", issue_id, "events", event_id, "grouping"))

    async def explain_source_maps(issue_id: IssueId, event_id: EventId) -> str:
        """Explain, frame by frame, why JavaScript is mapped by a source map, or what is missing."""
        return await api.get(_path("issues", issue_id, "events", event_id, "source-maps"))

    return [get_issue_events, get_event, explain_grouping, explain_source_maps]


def alert_tools(api: Asking) -> list[Tool]:
    """Return the tools that read and switch alert rules."""

    async def list_alert_rules() -> str:
        """List the alert rules of all projects: what fires them, whether they are on or firing."""
        return await api.get("alerts/rules")

    async def get_alert_rule(rule_id: RuleId) -> str:
        """Show one alert rule."""
        return await api.get(_path("alerts", "rules", rule_id))

    async def switch_alert_rule(rule_id: RuleId, enabled: bool) -> str:
        """Switch an alert rule on or off. Needs a token of scope admin."""
        return await api.patch(_path("alerts", "rules", rule_id), {"enabled": enabled})

    return [list_alert_rules, get_alert_rule, switch_alert_rule]


def alert_makers(api: Asking) -> list[Tool]:
    """Return the tool that makes an alert rule."""

    async def create_alert_rule(
        project_id: ProjectId,
        name: str,
        rule_type: Literal[
            "issue.new",
            "issue.regression",
            "issue.count_threshold",
            "issue.frequency_spike",
            "transaction.error_rate",
            "transaction.p95_latency",
        ],
        threshold_count: Annotated[
            int, Field(ge=1, description="Events or issues; percent; milliseconds of p95")
        ],
        threshold_window: Annotated[int, Field(ge=1, le=10_080, description="Minutes")] = 60,
        environment: str = "",
    ) -> str:
        """Make an alert rule; people choose its channels afterwards. Needs scope admin."""
        rule = {
            "name": name,
            "ruleType": rule_type,
            "thresholdCount": threshold_count,
            "thresholdWindow": threshold_window,
            "environment": environment,
        }
        return await api.post(_path("projects", project_id, "alerts", "rules"), rule)

    return [create_alert_rule]


def performance_tools(api: Asking) -> list[Tool]:
    """Return the tools that add up transactions."""

    async def performance(project_id: ProjectId, date_from: From = None, date_to: To = None) -> str:
        """Show latency, throughput and failures of all transactions, by default of 24 hours."""
        path = _path("projects", project_id, "performance")
        return await api.get(path, date_from=date_from, date_to=date_to)

    async def list_transactions(
        project_id: ProjectId,
        by: Literal[
            "total", "count", "failed", "failure_rate", "avg", "p50", "p95", "p99", "apdex"
        ] = "total",
        q: Annotated[str | None, Field(description="A text that stands in the name")] = None,
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 25,
    ) -> str:
        """List transactions by name, the slowest or most frequent first, with percentiles."""
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit}
        return await api.get(_path("projects", project_id, "transactions"), by=by, q=q, **asked)

    return [performance, list_transactions]


def transaction_tools(api: Asking) -> list[Tool]:
    """Return the tools that read single transactions, and spans."""

    async def get_transaction(project_id: ProjectId, transaction_id: str) -> str:
        """Show one transaction: its spans, repeated queries, and what else its trace has."""
        return await api.get(_path("projects", project_id, "transactions", transaction_id))

    async def slowest_spans(
        project_id: ProjectId,
        span_op: Annotated[str | None, Field(description="What operations begin with: db")] = None,
        date_from: From = None,
        date_to: To = None,
    ) -> str:
        """List the spans that take most time, such as queries, by operation and description."""
        asked = {"date_from": date_from, "date_to": date_to}
        path = _path("projects", project_id, "transactions", "spans")
        return await api.get(path, span_op=span_op, **asked)

    return [get_transaction, slowest_spans]


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
        path = _path("projects", project_id, "logs")
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


def llm_tools(api: Asking) -> list[Tool]:
    """Return the tools that add up LLM calls and their costs."""

    async def ai_stats(project_id: ProjectId, date_from: From = None, date_to: To = None) -> str:
        """Add up LLM calls: cost, tokens, cache hits, by model; by default of 30 days."""
        path = _path("projects", project_id, "ai")
        return await api.get(path, date_from=date_from, date_to=date_to)

    async def ai_costs(
        project_id: ProjectId,
        date_from: Annotated[str, Field(description="ISO time that the range begins with")],
        date_to: Annotated[str, Field(description="ISO time that the range ends with")],
        group_by: Annotated[
            str, Field(description="day, hour, model, provider, user, session, metadata.<key>, …")
        ] = "model",
        limit: Limit = 25,
    ) -> str:
        """Group LLM calls by any dimension, the greatest cost first. Costs are US cents."""
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit}
        return await api.get(_path("projects", project_id, "analytics"), group_by=group_by, **asked)

    return [ai_stats, ai_costs]


def llm_call_tools(api: Asking) -> list[Tool]:
    """Return the tools that read single LLM calls."""

    async def list_llm_calls(
        project_id: ProjectId,
        model: str | None = None,
        status: Literal["success", "error"] | None = None,
        user: str | None = None,
        session_id: str | None = None,
        date_from: From = None,
        date_to: To = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> str:
        """List LLM calls, newest first, without their bodies; by default of 30 days."""
        named: dict[str, Any] = {"model": model, "status": status, "user": user}
        asked = {"date_from": date_from, "date_to": date_to, "limit": limit, "cursor": cursor}
        path = _path("projects", project_id, "traces")
        return await api.get(path, session_id=session_id, **named, **asked)

    async def get_llm_call(project_id: ProjectId, trace_id: TraceId) -> str:
        """Show one LLM call with what was asked and answered."""
        return await api.get(_path("projects", project_id, "traces", trace_id))

    async def explain_cost(project_id: ProjectId, trace_id: TraceId) -> str:
        """Explain how the cost of an LLM call comes about, or why it is unknown."""
        return await api.get(_path("projects", project_id, "traces", trace_id, "cost"))

    return [list_llm_calls, get_llm_call, explain_cost]


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
        return await api.get(_path("projects", project_id, "feedback"), **named, **asked)

    async def list_attachments(project_id: ProjectId, event_id: str) -> str:
        """List the files that came with an event: names, types, sizes; not their bytes."""
        return await api.get(_path("projects", project_id, "attachments"), event_id=event_id)

    return [list_feedback, list_attachments]


def check_in_tools(api: Asking) -> list[Tool]:
    """Return the tools that read what scheduled jobs say."""

    async def list_cron_monitors(project_id: ProjectId, environment: str | None = None) -> str:
        """List scheduled jobs: ok, failed, missed or unknown, when due, how long they take."""
        path = _path("projects", project_id, "check-ins", "monitors")
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
        path = _path("projects", project_id, "check-ins")
        return await api.get(path, monitor=monitor, **asked)

    return [list_cron_monitors, list_check_ins]


def _path(*parts: str) -> str:
    """Return a path whose parts a model cannot leave. Raises `ToolError`."""
    for part in parts:
        if part.strip() in ("", ".", ".."):
            raise ToolError(f"{part!r} is no id")
    return "/".join(quote(part, safe="") for part in parts)


MAKERS = (
    *(project_tools, release_tools, issue_tools, one_issue_tools, event_tools),
    *(alert_tools, alert_makers, beside_tools, check_in_tools),
    *(performance_tools, transaction_tools, log_tools, llm_tools, llm_call_tools),
)
