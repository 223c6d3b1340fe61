"""The tools: each asks one route of the API for holders of tokens, and answers its JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from sluice.mcp.asking import Asking
from sluice.mcp.beside_tools import beside_tools, check_in_tools, log_tools
from sluice.mcp.parameters import (
    Cursor,
    EventId,
    From,
    IssueId,
    Level,
    Limit,
    ProjectId,
    RuleId,
    Status,
    To,
    Tool,
    TraceId,
    path_of,
)


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
        return await api.get(path_of("projects", project_id))

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
        return await api.get(path_of("projects", project_id, "releases"))

    async def get_release(project_id: ProjectId, version: str) -> str:
        """Show one release: commits, deployments, new issues, and how it fared for 30 days."""
        return await api.get(path_of("projects", project_id, "releases", version))

    async def release_health(
        project_id: ProjectId,
        environment: str | None = None,
        date_from: From = None,
        date_to: To = None,
        interval: Literal["hour", "day"] = "day",
    ) -> str:
        """Show crash-free sessions and users, in all, by release and over time; null is unknown."""
        asked = {"date_from": date_from, "date_to": date_to, "interval": interval}
        path = path_of("projects", project_id, "releases", "health")
        return await api.get(path, environment=environment, **asked)

    return [list_releases, get_release, release_health]


def issue_tools(api: Asking) -> list[Tool]:
    """Return the tools that find issues."""

    async def list_issues(
        project_id: ProjectId, status: Status | None = None, level: Level | None = None
    ) -> str:
        """List the 100 issues of a project that were seen last, with counts of all time."""
        path = path_of("projects", project_id, "issues")
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
        path = path_of("projects", project_id, "issues", "search")
        return await api.get(path, query=query, sort=sort, **asked)

    return [list_issues, search_issues]


def one_issue_tools(api: Asking) -> list[Tool]:
    """Return the tools that read one issue, and change its status."""

    async def get_issue(issue_id: IssueId) -> str:
        """Show one issue: title, culprit, status, counts, releases, who resolved it."""
        return await api.get(path_of("issues", issue_id))

    async def issue_timeline(
        issue_id: IssueId,
        interval: Literal["hour", "day"] = "day",
        date_from: From = None,
        date_to: To = None,
    ) -> str:
        """Count the events of an issue over time, by default over 14 days."""
        path = path_of("issues", issue_id, "timeline")
        return await api.get(path, interval=interval, date_from=date_from, date_to=date_to)

    async def issue_tags(issue_id: IssueId) -> str:
        """Show what the events of an issue have in common: tags, browsers, releases, servers."""
        return await api.get(path_of("issues", issue_id, "tags"))

    async def issue_activity(issue_id: IssueId) -> str:
        """List what happened to an issue, newest first: status changes, merges, regressions."""
        return await api.get(path_of("issues", issue_id, "activity"))

    async def update_issue_status(issue_id: IssueId, status: Status) -> str:
        """Resolve, ignore or open an issue. Needs a token of scope write."""
        return await api.patch(path_of("issues", issue_id), {"status": status})

    return [get_issue, issue_timeline, issue_tags, issue_activity, update_issue_status]


def event_tools(api: Asking) -> list[Tool]:
    """Return the tools that read the events of issues."""

    async def get_issue_events(
        issue_id: IssueId,
        limit: Annotated[int, Field(ge=1, le=100)] = 5,
        cursor: Cursor = None,
    ) -> str:
        """List events of an issue, newest first, with stack, tags and breadcrumbs."""
        return await api.get(path_of("issues", issue_id, "events"), limit=limit, cursor=cursor)

    async def get_event(issue_id: IssueId, event_id: EventId) -> str:
        """Show one event with all that was sent: stack, request, contexts, breadcrumbs."""
        return await api.get(path_of("issues", issue_id, "events", event_id))

    async def explain_grouping(issue_id: IssueId, event_id: EventId) -> str:
        """Explain, part by part, why an event belongs to its issue."""
        return await api.get(path_of("issues", issue_id, "events", event_id, "grouping"))

    async def explain_source_maps(issue_id: IssueId, event_id: EventId) -> str:
        """Explain, frame by frame, why JavaScript is mapped by a source map, or what is missing."""
        return await api.get(path_of("issues", issue_id, "events", event_id, "source-maps"))

    return [get_issue_events, get_event, explain_grouping, explain_source_maps]


def alert_tools(api: Asking) -> list[Tool]:
    """Return the tools that read and switch alert rules."""

    async def list_alert_rules() -> str:
        """List the alert rules of all projects: what fires them, whether they are on or firing."""
        return await api.get("alerts/rules")

    async def get_alert_rule(rule_id: RuleId) -> str:
        """Show one alert rule."""
        return await api.get(path_of("alerts", "rules", rule_id))

    async def switch_alert_rule(rule_id: RuleId, enabled: bool) -> str:
        """Switch an alert rule on or off. Needs a token of scope admin."""
        return await api.patch(path_of("alerts", "rules", rule_id), {"enabled": enabled})

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
        return await api.post(path_of("projects", project_id, "alerts", "rules"), rule)

    return [create_alert_rule]


def performance_tools(api: Asking) -> list[Tool]:
    """Return the tools that add up transactions."""

    async def performance(project_id: ProjectId, date_from: From = None, date_to: To = None) -> str:
        """Show latency, throughput and failures of all transactions, by default of 24 hours."""
        path = path_of("projects", project_id, "performance")
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
        return await api.get(path_of("projects", project_id, "transactions"), by=by, q=q, **asked)

    return [performance, list_transactions]


def transaction_tools(api: Asking) -> list[Tool]:
    """Return the tools that read single transactions, and spans."""

    async def get_transaction(project_id: ProjectId, transaction_id: str) -> str:
        """Show one transaction: its spans, repeated queries, and what else its trace has."""
        return await api.get(path_of("projects", project_id, "transactions", transaction_id))

    async def slowest_spans(
        project_id: ProjectId,
        span_op: Annotated[str | None, Field(description="What operations begin with: db")] = None,
        date_from: From = None,
        date_to: To = None,
    ) -> str:
        """List the spans that take most time, such as queries, by operation and description."""
        asked = {"date_from": date_from, "date_to": date_to}
        path = path_of("projects", project_id, "transactions", "spans")
        return await api.get(path, span_op=span_op, **asked)

    return [get_transaction, slowest_spans]


def llm_tools(api: Asking) -> list[Tool]:
    """Return the tools that add up LLM calls and their costs."""

    async def ai_stats(project_id: ProjectId, date_from: From = None, date_to: To = None) -> str:
        """Add up LLM calls: cost, tokens, cache hits, by model; by default of 30 days."""
        path = path_of("projects", project_id, "ai")
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
        return await api.get(
            path_of("projects", project_id, "analytics"), group_by=group_by, **asked
        )

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
        path = path_of("projects", project_id, "traces")
        return await api.get(path, session_id=session_id, **named, **asked)

    async def get_llm_call(project_id: ProjectId, trace_id: TraceId) -> str:
        """Show one LLM call with what was asked and answered."""
        return await api.get(path_of("projects", project_id, "traces", trace_id))

    async def explain_cost(project_id: ProjectId, trace_id: TraceId) -> str:
        """Explain how the cost of an LLM call comes about, or why it is unknown."""
        return await api.get(path_of("projects", project_id, "traces", trace_id, "cost"))

    return [list_llm_calls, get_llm_call, explain_cost]


MAKERS = (
    *(project_tools, release_tools, issue_tools, one_issue_tools, event_tools),
    *(alert_tools, alert_makers, beside_tools, check_in_tools),
    *(performance_tools, transaction_tools, log_tools, llm_tools, llm_call_tools),
)
