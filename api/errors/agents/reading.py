"""Performance, transactions, logs, releases and more of issues below `/api/v1`, by token.

All but the first answer what `/v1` answers.
"""

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.declared import takes
from api.errors import (
    attachments,
    check_ins,
    feedback,
    issue_events,
    issues,
    logs,
    source_maps,
    transactions,
)
from api.errors.agents.holders import of_issue
from api.errors.performance import performance_body
from api.errors.transactions import TransactionQuery, wanted_of
from api.holders import by_token, project_in
from api.parameters import read, values_of
from api.reads import reader_of
from api.rows import one
from schemas.described import describes
from schemas.errors.performance import Performance

PROJECT = "/projects/{project_id:str}"
ISSUE = "/issues/{issue_id:str}"
EVENT = f"{ISSUE}/events/{{event_id:str}}"


@get(
    f"{PROJECT}/performance",
    opt={**takes(TransactionQuery), **describes(answer=Performance, asks="token")},
)
async def get_performance(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer the figures of a range, by default 24 hours, and its newest transactions."""
    _, reached = await project_in(request, project_id)
    project = reached.access.project
    wanted = wanted_of(project, read(values_of(request), TransactionQuery))
    return await one(
        reader_of(request, project), lambda store: performance_body(store, project, wanted)
    )


HANDLERS = (
    get_performance,
    by_token(f"{PROJECT}/transactions", transactions.list_transactions),
    by_token(f"{PROJECT}/transactions/spans", transactions.list_slowest_spans),
    by_token(f"{PROJECT}/transactions/{{transaction_id:str}}", transactions.get_transaction),
    by_token(f"{PROJECT}/logs", logs.list_log_records),
    by_token(f"{PROJECT}/logs/counts", logs.count_log_records),
    by_token(f"{PROJECT}/logs/{{log_id:str}}", logs.get_log_record),
    by_token(f"{PROJECT}/feedback", feedback.get_feedback),
    by_token(f"{PROJECT}/attachments", attachments.get_attachments),
    by_token(f"{PROJECT}/attachments/{{attachment_id:str}}", attachments.download_attachment),
    by_token(f"{PROJECT}/check-ins", check_ins.get_check_ins),
    by_token(f"{PROJECT}/check-ins/monitors", check_ins.get_monitors),
    by_token(f"{PROJECT}/releases", issues.get_releases),
    by_token(f"{PROJECT}/issues/search", issues.list_all_issues),
    of_issue(f"{ISSUE}/timeline", issues.get_timeline),
    of_issue(f"{ISSUE}/tags", issues.get_tags),
    of_issue(f"{ISSUE}/activity", issues.get_activity),
    of_issue(EVENT, issue_events.get_issue_event),
    of_issue(f"{EVENT}/grouping", issue_events.explain_grouping),
    of_issue(f"{EVENT}/source-maps", source_maps.explain_source_maps),
)
