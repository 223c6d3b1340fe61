"""Every route against everybody whom it does not concern; the routes are the application's own."""

import itertools
import json
import time
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from api.reference import reference_router
from schemas.errors.examples import CHECKED_IN, ITEMS, STORED_EVENT
from schemas.llm.budgets import BUDGET
from schemas.llm.datasets import DATASET, DATASET_CHANGE, ITEM_CHANGE, RUN
from schemas.llm.datasets import ITEMS as DATASET_ITEMS
from schemas.llm.examples import (
    ANNOTATION,
    LANGFUSE_BATCH,
    LANGFUSE_SCORE,
    PUBLIC_SCORE,
    QUEUE,
    QUEUE_ITEMS,
    SCORES,
)
from schemas.llm.judges import JUDGE, PAST, TRY
from schemas.llm.langfuse_datasets import LANGFUSE_DATASET, LANGFUSE_ITEM, LANGFUSE_RUN_ITEM
from schemas.llm.prompts import PROMPT
from schemas.uptime.examples import EXCLUSION, MONITOR, POLICY
from sluice.web import ingest_routes, out_routes
from tests.e2e.payloads import new_id, span, trace
from tests.e2e.people import join
from tests.e2e.server import EMAIL, PASSWORD, Project, Server, create_project, wait_for
from tests.poison import append_poison

RANGE = {"date_from": "2026-11-01T00:00:00Z", "date_to": "2026-11-02T00:00:00Z"}
LASTED = {"start_timestamp": time.time() - 1, "timestamp": time.time()}
PLAN = {"every": "day", "format": "csv", "place": "folder"}
RULE = {
    "name": "taken",
    "ruleType": "issue.new",
    "thresholdWindow": 5,
    "thresholdCount": 1,
}
WAYS_IN = ("GET", "POST")
BUNDLE = {"checksum": "0" * 40, "chunks": ["0" * 40], "projects": ["1"]}
CHANNEL = {"name": "taken", "kind": "webhook", "config": {"url": "http://127.0.0.1:9/"}}
METRIC = "orders"
ANNOTATES = "POST /dashboard/api/annotation-queues/{queue_id}/items/{queue_item_id}/scores"
BY_TOKEN = "/api/v1/projects/{project_id}"
TAKES_AWAY = "DELETE /v1/scores/{score_id}"
MARKER = "only-for-the-first"
"""Stands in every text of the first project; no answer to anybody else may hold it."""


class Guard(Enum):
    """Whom a route answers."""

    PUBLIC = auto()
    """Everybody: it knows no project."""
    KEY = auto()
    """Who has a key, of the key's project."""
    DSN = auto()
    """Who has a DSN key, of the key's project, and only to send."""
    OTLP = auto()
    """Who has a key or a DSN key, of its project; to name another one beside it is refused."""
    TOKEN = auto()
    """Who has an API token, of the projects that it reaches."""
    RELEASES = auto()
    """The same, in Sentry's forms, of the releases that its projects have."""
    SENTRY_CLI = auto()
    """The same, in Sentry's forms: what is sent belongs to the token until a project is named."""
    MONITOR = auto()
    """Who has a monitor key, of the key's project."""
    PROBER = auto()
    """Who has a prober key, of the key's project."""
    LOGIN = auto()
    """Who has logged in to the API of deployments, of their own projects."""
    SESSION = auto()
    """Who is signed in, of themselves."""
    MEMBER = auto()
    """Members of the project in `X-Project-Id` or in the path."""
    ADMIN = auto()
    """Its admins."""

    PAGE = auto()
    """A page for members of the project in its path; to everybody else it does not exist."""

    PAGE_ADMIN = auto()
    """The same, for its admins."""

    PAGE_FORM = auto()
    """What a form of a page asks to be done, by its project's members."""

    PAGE_OWN = auto()
    """A page for who is signed in, of themselves."""


class Case(NamedTuple):
    """What is sent to a route."""

    guard: Guard
    body: Any = None


OF_DATASET = ("", "/versions", "/items", "/items/{item_id}", "/runs", "/results", "/comparison")
QUERIES = (
    "traces",
    "traces/{trace_id}",
    "traces/{trace_id}/cost",
    "sessions/{session_id}",
    "sessions/{session_id}/spans",
    "spans",
    "spans/{span_id}",
    "spans/{span_id}/cost",
    "analytics",
    *("sessions", "analytics/users", "analytics/retention"),
    *("analytics/spans", "analytics/prompts"),
    *("prompts", "prompts/{prompt_name}", "prompts/{prompt_name}/versions"),
    "models",
    *("scores", "scores/{score_id}", "traces/{trace_id}/scores", "scores/analytics"),
    *("budgets", "budgets/check", "budgets/alerts", "budgets/anomalies", "budgets/{budget_id}"),
    *("annotation-queues", "annotation-queues/{queue_id}"),
    *("annotation-queues/{queue_id}/items", "annotation-queues/{queue_id}/agreement"),
    *("judges", "judges/{judge_id}"),
    *("datasets", *(f"datasets/{{dataset}}{end}" for end in OF_DATASET)),
    *("traces/{otel_trace_id}/tree", "otel/spans/{otel_span_id}", "otel/traces", "otel/map"),
    *("otel/services", "otel/services/{otel_service}/operations"),
    *("outcomes", "export", "export/{table}", "retention"),
    "transactions",
    "transactions/spans",
    "transactions/{transaction_id}",
    *("feedback", "attachments", "attachments/{attachment_id}", "check-ins", "check-ins/monitors"),
    *("issues", "issues/{issue_id}", "releases"),
    *("logs", "logs/counts", "logs/{log_id}"),
    *("otel/metrics", "otel/metrics/series", "otel/spans"),
    *("releases/health", "releases/{version}"),
    *(f"issues/{{issue_id}}/{one}" for one in ("timeline", "tags", "activity", "events")),
    *("issues/{issue_id}/events/{event_id}", "issues/{issue_id}/events/{event_id}/grouping"),
    "issues/{issue_id}/events/{event_id}/source-maps",
)
QUEUE_PARTS = ("{queue_id}", "{queue_id}/items/{queue_item_id}")
OF_QUEUES = ("", "/{queue_id}", "/{queue_id}/items", "/{queue_id}/agreement")
OF_BUDGETS = ("", "/check", "/alerts", "/anomalies")
OF_TOKENS = (
    *("GET me", "GET org/stats", "GET org/activity", "GET projects", "POST projects"),
    *("GET projects/{project_id}", "GET projects/{project_id}/issues", "GET issues/{issue_id}"),
    *("PATCH issues/{issue_id}", "GET issues/{issue_id}/events"),
    *(f"GET issues/{{issue_id}}/{one}" for one in ("timeline", "tags", "activity")),
    *(f"GET issues/{{issue_id}}/events/{{event_id}}{end}" for end in ("", "/grouping")),
    "GET issues/{issue_id}/events/{event_id}/source-maps",
    *(f"GET projects/{{project_id}}/{one}" for one in ("performance", "transactions", "releases")),
    "GET projects/{project_id}/transactions/spans",
    "GET projects/{project_id}/transactions/{transaction_id}",
    *(f"GET projects/{{project_id}}/{one}" for one in ("issues/search", "ai", "traces")),
    *(f"GET projects/{{project_id}}/traces/{{trace_id}}{end}" for end in ("", "/cost")),
    "GET projects/{project_id}/analytics",
    *(f"GET projects/{{project_id}}/logs{end}" for end in ("", "/counts", "/{log_id}")),
    *(f"GET projects/{{project_id}}/releases/{one}" for one in ("health", "{version}")),
    "POST projects/{project_id}/releases",
    "POST projects/{project_id}/releases/{version}/deployments",
    *(f"{way} projects/{{project_id}}/persons/erasures" for way in ("GET", "POST")),
    *("GET projects/{project_id}/persons", "GET projects/{project_id}/persons/export"),
    *("POST projects/{project_id}/alerts/rules", "GET alerts/rules", "GET alerts/rules/{rule_id}"),
    "PATCH alerts/rules/{rule_id}",
    *(f"GET projects/{{project_id}}/{one}" for one in ("feedback", "attachments", "check-ins")),
    "GET projects/{project_id}/attachments/{attachment_id}",
    "GET projects/{project_id}/check-ins/monitors",
    *(f"GET projects/{{project_id}}/export{end}" for end in ("", "/{table}")),
    *(f"{way} projects/{{project_id}}/exports/schedules" for way in ("GET", "DELETE")),
    *(f"GET projects/{{project_id}}/annotation-queues{end}" for end in OF_QUEUES),
    *(f"DELETE projects/{{project_id}}/annotation-queues/{one}" for one in QUEUE_PARTS),
    "GET projects/{project_id}/retention",
    "GET projects/{project_id}/datasets",
    *(f"GET projects/{{project_id}}/datasets/{{dataset}}{end}" for end in OF_DATASET),
    *(f"GET projects/{{project_id}}/budgets{end}" for end in OF_BUDGETS),
    *(f"{way} projects/{{project_id}}/budgets/{{budget_id}}" for way in ("GET", "DELETE")),
    "GET projects/{project_id}/judges",
    *(f"{way} projects/{{project_id}}/judges/{{judge_id}}" for way in ("GET", "DELETE")),
    *(f"GET projects/{{project_id}}/{one}" for one in ("analytics/prompts", "prompts")),
    *(f"{way} projects/{{project_id}}/prompts/{{prompt_name}}" for way in ("GET", "DELETE")),
    "GET projects/{project_id}/prompts/{prompt_name}/versions",
    "DELETE projects/{project_id}/prompts/{prompt_name}/labels/{label}",
)
DEPLOYMENT_PAGES = ("", "/live", "/lines.events", "/impact")
PAGES = (
    *("", "/overview", "/overview/more", "/find", "/parts", "/settings"),
    *("/llm/explore", "/llm/explore.csv", "/llm/suggest", "/llm/models"),
    "/llm/scores",
    *("/llm/traces", "/llm/traces/{trace_id}", "/llm/traces/{trace_id}/raw"),
    *("/llm/users", "/llm/users/totals", "/llm/users/beside", "/llm/retention"),
    *("/llm/sessions/export", "/llm/users/export"),
    *("/llm/budgets", "/llm/budgets/{budget_id}", "/llm/annotation", "/llm/annotation-items"),
    *(f"/llm/annotation/{{queue_id}}{one}" for one in ("", "/work", "/items/{queue_item_id}")),
    *("/llm/sessions", "/llm/sessions/totals", "/llm/sessions/{session_id}", "/llm/asked"),
    "/llm/prompts",
    *("/llm/judges", "/llm/judges/{judge_id}"),
    *("/llm/datasets", "/llm/datasets/{dataset}", "/llm/datasets/{dataset}/items/{item_id}"),
    *("/llm/datasets/{dataset}/run", "/llm/datasets/{dataset}/comparison"),
    *("/llm/add-to-dataset", "/llm/copy-to-dataset"),
    *("/llm/users/{user}", "/llm/users/{user}/more"),
    "/llm/traces/{trace_id}/raw/{part}",
    *("/llm/explore.parquet", "/llm/traces.csv", "/llm/traces.parquet"),
    *("/overview.events", "/llm/explore.events", "/llm/traces.events"),
    *("/errors/issues.events", "/errors/issues/{issue_id}/live"),
    *("/agents", "/agents/glance", "/agents/suggest", "/agents/sessions/{session_id}"),
    *("/agents/spans/{span_id}", "/agents/spans/{span_id}/raw"),
    *("/agents/tools", "/agents/tools/uses"),
    *("/errors/issues", "/errors/issues/suggest", "/errors/issues/{issue_id}"),
    "/errors/issues/{issue_id}/events",
    "/errors/issues/{issue_id}/events/{event_id}",
    "/errors/issues/{issue_id}/events/{event_id}/raw",
    *("/errors/logs", "/errors/logs/suggest", "/errors/logs.events", "/errors/logs/{log_id}"),
    *("/errors/feedback", "/errors/feedback/suggest", "/errors/check-ins"),
    *("/errors/check-ins/{monitor}", "/errors/attachments/{attachment_id}"),
    "/errors/attachments/{attachment_id}/picture",
    *("/errors/alerts", "/errors/alerts/rules/{rule_id}"),
    *("/releases", "/releases/one", "/releases/suggest"),
    "/errors/alerts/channels/{channel_id}",
    *("/performance", "/performance/suggest", "/performance/spans"),
    *("/performance/name", "/performance/name/more", "/performance/transactions"),
    "/performance/transactions/{transaction_id}",
    "/performance/transactions/{transaction_id}/spans/{span_id}",
    *("/uptime/glance", "/uptime/monitors", "/uptime/monitors.events", "/uptime/monitors/suggest"),
    *(
        "/uptime/monitors/new",
        "/uptime/monitors/{monitor_id}",
        "/uptime/monitors/{monitor_id}/live",
    ),
    *("/uptime/monitors/{monitor_id}/checks", "/uptime/monitors/{monitor_id}/settings"),
    *("/uptime/incidents", "/uptime/incidents.events", "/uptime/sla", "/uptime/sla.csv"),
    *("/uptime/escalation", "/uptime/escalation/{policy_id}"),
    *("/uptime/incidents/{incident_id}", "/uptime/incidents/{incident_id}/live"),
    *("/pipeline", "/pipeline/dead", "/pipeline/dead/{ref}", "/pipeline/dead/{ref}/raw"),
    *("/uptime/status-pages", "/uptime/status-pages/{page_id}"),
    *("/deploys/app", "/deploys/app.events", "/deploys/deployments", "/deploys/deployments.events"),
    *("/export/{table}",),
    *("/deploys/environment", "/deploys/domains", "/deploys/webhooks", "/deploys/settings"),
    *(f"/deploys/deployments/{{deployment_id}}{one}" for one in DEPLOYMENT_PAGES),
    *("/otel/traces", "/otel/spans", "/otel/suggest", "/otel/map"),
    *("/otel/services", "/otel/services/{otel_service}", "/otel/metrics", "/otel/metrics/one"),
    *("/otel/traces/{otel_trace_id}", "/otel/spans/{otel_span_id}"),
    "/{page}",
)
SETTINGS = tuple(
    f"/settings/{one}"
    for one in (
        "members",
        "keys",
        "dsn",
        "tokens",
        "persons",
        "prices",
        "errors",
        "source-maps",
        "exports",
        "retention",
    )
)
CHANGES = (
    *("", "/delete", "/keys", "/keys/{key_id}/rename", "/keys/{key_id}/revoke"),
    *("/dsn", "/dsn/{dsn_key_id}/revoke", "/tokens", "/tokens/{token_id}/revoke"),
    *("/members/invite", "/members/{user_id}/role", "/members/{user_id}/remove"),
    *("/members/invitations/{invitation_id}/revoke", "/prices", "/prices/{number}"),
    *("/prices/{number}/remove", "/aliases", "/aliases/{number}", "/aliases/{number}/remove"),
    *("/errors", "/errors/try", "/persons", "/persons/export", "/persons/erase"),
    *("/source-maps/{bundle_id}/remove", "/exports", "/exports/remove"),
    "/retention",
)
ALERTS = (
    *("rules", "rules/{rule_id}", "rules/{rule_id}/remove"),
    *(
        "channels",
        "channels/{channel_id}",
        "channels/{channel_id}/test",
        "channels/{channel_id}/remove",
    ),
)
BUDGETS = ("", "/{budget_id}", "/{budget_id}/remove")
QUEUES = (
    *("", "/{queue_id}", "/{queue_id}/remove"),
    "/{queue_id}/items/{queue_item_id}/remove",  # who has added it may, too
)
REVIEWS = (
    *("-items", "/{queue_id}/skipped", "/{queue_id}/work"),
    "/{queue_id}/items/{queue_item_id}/skip",
)
JUDGES = ("", *(f"/{{judge_id}}{one}" for one in ("", "/test", "/past", "/remove")))
PROMPTS = ("", "/label", "/remove")
DATASET_FORMS = (
    *("add-to-dataset", "copy-to-dataset", "datasets", "datasets/{dataset}"),
    *(f"datasets/{{dataset}}/{one}" for one in ("items", "items/{item_id}", "remove")),
)
DATASET_WRITES: dict[str, Any] = {
    "POST datasets": DATASET,
    "PATCH datasets/{dataset}": DATASET_CHANGE,
    "DELETE datasets/{dataset}": None,
    "POST datasets/{dataset}/items": DATASET_ITEMS,
    "PATCH datasets/{dataset}/items/{item_id}": ITEM_CHANGE,
    "POST datasets/{dataset}/from-calls": None,
    "POST datasets/{dataset}/runs": RUN,
}
BOARDS = ("", "/{page_id}", "/{page_id}/logo", "/{page_id}/remove")
MONITOR_FORMS = (
    *("monitors/{monitor_id}/notifications", "escalation", "escalation/{policy_id}"),
    *("escalation/{policy_id}/test", "escalation/{policy_id}/remove"),
    *("monitors", "monitors/{monitor_id}/settings", "monitors/{monitor_id}/test"),
    *(
        "monitors/{monitor_id}/pause",
        "monitors/{monitor_id}/resume",
        "monitors/{monitor_id}/remove",
    ),
    *("monitors/{monitor_id}/maintenance", "monitors/{monitor_id}/maintenance/remove"),
)
DEPLOY_FORMS = ("deployments", "deployments/{deployment_id}")
APP_FORMS = (
    *("app", "settings", "settings/end", "environment", "environment/remove", "domains"),
    *("domains/{domain_id}/verify", "domains/{domain_id}/remove"),
    *("webhooks", "webhooks/{git_webhook_id}/remove"),
)
REPAIRS = ("replay", "discard", "{ref}/replay", "{ref}/discard")
OWN = (
    *("/account/name", "/account/password", "/account/delete", "/new-project"),
    *("/account/sessions/{session_id}/end", "/account/sessions/end-others"),
    *("/account/tokens", "/account/tokens/{token_id}/revoke"),
)
WAYS = ("in", "up")
PRICE = {"model": "gpt-4o", "discountPercent": 99}
ALIAS = {"name": "taken", "toProvider": "openai", "toModel": "gpt-4o"}
TAKEN_RELEASE = {"version": "taken@1", "projects": ["1"], "environment": "taken"}
OF_ORG, OF_PROJECT = "organizations/{org}/releases", "projects/{org}/{project}/releases"
OF_CLI = (
    *("GET ", "GET organizations", "GET organizations/{org}/projects"),
    *("GET organizations/{org}/repos", f"GET {OF_ORG}", f"GET {OF_PROJECT}"),
    *(f"POST {OF_ORG}", f"POST {OF_PROJECT}"),
    *(f"{method} {OF_ORG}/{{version}}" for method in ("GET", "PUT", "DELETE")),
    *(f"{method} {OF_PROJECT}/{{version}}" for method in ("GET", "PUT", "DELETE")),
    *(f"GET {OF_ORG}/{{version}}/{one}" for one in ("commits", "previous-with-commits")),
    *(f"{method} {OF_ORG}/{{version}}/deploys" for method in ("GET", "POST")),
)
"""What `sentry-cli` asks, below `/api/0/`."""
MONITORS: dict[str, Any] = {
    "GET monitors": None,
    "POST monitors": MONITOR,
    "GET monitors/{monitor_id}": None,
    "DELETE monitors/{monitor_id}": None,
    "PUT monitors/{monitor_id}/config": {"name": "taken"},
    "POST monitors/{monitor_id}/pause": None,
    "POST monitors/{monitor_id}/resume": None,
    "GET monitors/{monitor_id}/checks": None,
    "GET monitors/{monitor_id}/days": None,
    "GET monitors/{monitor_id}/series": None,
    "GET monitors/{monitor_id}/exclusions": None,
    "POST monitors/{monitor_id}/exclusions": EXCLUSION,
    "DELETE monitors/{monitor_id}/exclusions/{exclusion_id}": None,
    "GET status/{monitor_id}": None,
    "GET sla": None,
    "GET incidents": None,
    "POST incidents": {"state": "triggered", "title": "taken"},
    "GET incidents/{incident_id}": None,
    "POST incidents/{incident_id}/notifications/replay": None,
    "GET webhooks": None,
    "POST webhooks": {"url": "https://taken.example/hook"},
    "GET webhooks/{webhook_id}": None,
    "PUT webhooks/{webhook_id}": {"url": "https://taken.example/hook"},
    "DELETE webhooks/{webhook_id}": None,
    "POST webhooks/{webhook_id}/test": None,
    "GET webhooks/{webhook_id}/deliveries": None,
    "POST webhooks/{webhook_id}/replay": None,
    "GET status-pages": None,
    "POST status-pages": {"title": "taken", "slug": "taken"},
    "GET status-pages/{page_id}": None,
    "PUT status-pages/{page_id}": {"title": "taken"},
    "DELETE status-pages/{page_id}": None,
    "PUT status-pages/{page_id}/logo": None,
    "POST monitors/{monitor_id}/notifications/test": None,
    "GET escalation-policies": None,
    "POST escalation-policies": POLICY,
    **{
        f"{method} escalation-policies/{{policy_id}}": body
        for method, body in (("GET", None), ("PUT", {"name": "taken"}), ("DELETE", None))
    },
    "POST escalation-policies/{policy_id}/test": None,
}
OPERATOR_PATHS = ("health", "ready", "metrics", "routing/traefik", "routing/caddy/ask")
"""Below `/api/v1`."""
DEPLOYS: dict[str, Any] = {
    "POST auth/logout": None,
    "PUT projects/{project_id}": {"name": "taken"},
    "DELETE projects/{project_id}": None,
    "POST projects/{project_id}/sync": None,
    "POST detect": {"project_id": "{project_id}"},
    "POST deployments": {"project_id": "{project_id}"},
    "GET deployments": None,
    "GET deployments/{deployment_id}": None,
    "DELETE deployments/{deployment_id}": None,
    "GET deployments/{deployment_id}/events": None,
    "GET deployments/{deployment_id}/impact": None,
    "GET logs/{deployment_id}": None,
    "PATCH deployments/{deployment_id}/promote": None,
    **{
        f"POST deployments/{{deployment_id}}/{one}": None
        for one in ("rollback", "restart", "cancel")
    },
    "POST env": {"project_id": "{project_id}", "key": "TAKEN", "value": "taken"},
    "GET env": None,
    "DELETE env": {"project_id": "{project_id}", "key": MARKER.replace("-", "_")},
    "POST domains": {"project_id": "{project_id}", "domain": "taken.example.com"},
    "GET domains": None,
    "DELETE domains/{domain_id}": None,
    "POST domains/{domain_id}/verify": None,
    "POST webhooks": {"project_id": "{project_id}"},
    "GET webhooks": None,
    "DELETE webhooks/{git_webhook_id}": None,
    "GET notifications/config": None,
    "PUT notifications/config": {"project_id": "{project_id}", "notify_on_success": True},
    "GET audit": None,
}
"""Below `/api/v1`. What names a project in the query or in the body names the first one."""
OF_LOGIN_QUERIES = ("/env", "/notifications/config")
PUBLIC_PAGES = (
    *("/{name}", "/{name}/history", "/{name}/feed.rss", "/{name}/badge.svg", "/{name}/logo"),
    "/{name}/badges/{file}",
)
"""Below `/status`: everybody reads them, and finds nothing that is not published."""
IN_DATASETS = (
    *("POST /api/public/dataset-items", "GET /api/public/dataset-items"),
    "POST /api/public/dataset-run-items",
)
"""They name a dataset, or an item, but not in the path."""
CASES: dict[str, Case] = {
    **{f"GET /v1/{path}": Case(Guard.KEY) for path in QUERIES},
    **{f"GET /dashboard/api/{path}": Case(Guard.MEMBER) for path in QUERIES},
    **{
        f"{one.replace(' ', ' /api/v1/')}": Case(Guard.TOKEN, {"status": "ignored"})
        for one in OF_TOKENS
    },
    **{
        f"{one.replace(' ', ' /api/0/')}".rstrip("/"): Case(Guard.RELEASES, TAKEN_RELEASE)
        for one in OF_CLI
    },
    "POST /dashboard/api/releases": Case(Guard.MEMBER, TAKEN_RELEASE),
    "POST /dashboard/api/releases/{version}/deployments": Case(Guard.MEMBER, TAKEN_RELEASE),
    **{
        f"{one} /api/0/organizations/{{org}}/chunk-upload": Case(Guard.SENTRY_CLI)
        for one in WAYS_IN
    },
    "POST /api/0/organizations/{org}/artifactbundle/assemble": Case(Guard.SENTRY_CLI, BUNDLE),
    "PATCH /dashboard/api/issues/{issue_id}": Case(Guard.MEMBER, {"status": "ignored"}),
    "POST /dashboard/api/issues/bulk": Case(Guard.MEMBER, {"ids": [], "status": "ignored"}),
    "POST /dashboard/api/issues/{issue_id}/merge": Case(Guard.MEMBER, {"ids": ["1"]}),
    "POST /dashboard/api/issues/{issue_id}/unmerge": Case(Guard.MEMBER, {"fingerprints": ["x"]}),
    "POST /v1/traces/async": Case(Guard.KEY, []),
    "POST /v1/traces/batch": Case(Guard.KEY, []),
    "POST /v1/spans/async": Case(Guard.KEY, []),
    "POST /v1/spans/batch": Case(Guard.KEY, []),
    "POST /dashboard/api/traces/batch": Case(Guard.MEMBER, []),
    "POST /dashboard/api/spans/batch": Case(Guard.MEMBER, []),
    "POST /dashboard/api/spans/async": Case(Guard.MEMBER, []),
    "POST /v1/scores": Case(Guard.KEY, SCORES),
    "POST /dashboard/api/scores": Case(Guard.MEMBER, SCORES),
    "POST /api/public/scores": Case(Guard.KEY, LANGFUSE_SCORE),
    "POST /api/public/ingestion": Case(Guard.KEY, LANGFUSE_BATCH),
    "GET /project/{project_id}/traces/{otel_trace_id}": Case(Guard.PUBLIC),
    "GET /project/{project_id}/datasets/{dataset}/runs/{run}": Case(Guard.PUBLIC),
    "GET /project/{project_id}/experiments/results": Case(Guard.PUBLIC),
    "GET /api/public/projects": Case(Guard.KEY),
    "POST /api/public/v2/datasets": Case(Guard.KEY, LANGFUSE_DATASET | {"name": "langfuse"}),
    "GET /api/public/v2/datasets/{dataset}": Case(Guard.KEY),
    "POST /api/public/dataset-items": Case(Guard.KEY, LANGFUSE_ITEM | {"datasetName": MARKER}),
    "GET /api/public/dataset-items": Case(Guard.KEY),
    "POST /api/public/dataset-run-items": Case(
        Guard.KEY, LANGFUSE_RUN_ITEM | {"datasetItemId": MARKER}
    ),
    "POST /v1/scores/public": Case(Guard.DSN, PUBLIC_SCORE),
    "DELETE /v1/scores/{score_id}": Case(Guard.KEY),
    "DELETE /dashboard/api/scores/{score_id}": Case(Guard.MEMBER),
    **{
        one.replace(" ", f" {base}/"): Case(guard, body)
        for base, guard in (("/v1", Guard.KEY), ("/dashboard/api", Guard.MEMBER))
        for one, body in DATASET_WRITES.items()
    },
    **{f"POST /p/{{project_id}}/llm/{one}": Case(Guard.PAGE_FORM) for one in DATASET_FORMS},
    "POST /v1/ingest": Case(Guard.DSN, ITEMS),
    "POST /api/{project_number}/envelope": Case(Guard.DSN, {}),
    "POST /api/{project_number}/store": Case(Guard.DSN, STORED_EVENT),
    **{
        f"{method} /api/{{project_number}}/cron/{rest}": Case(Guard.DSN, body)
        for method, body in (("GET", None), ("POST", CHECKED_IN))
        for rest in ("{monitor_slug}", "{monitor_slug}/{public_key}")
    },
    "POST /v1/checks": Case(Guard.KEY, []),
    **{
        f"POST {base}/v1/{signal}": Case(Guard.OTLP, {})
        for base in ("", "/otlp", "/api/public/otel")
        for signal in ("traces", "logs", "metrics")
    },
    **{
        f"POST /api/{{project_number}}/integration/otlp/v1/{signal}": Case(Guard.DSN, {})
        for signal in ("traces", "logs")
    },
    "POST /v1/probes/targets": Case(Guard.PROBER, {"region": "default", "holder": "0123456789"}),
    **{f"{one.replace(' ', ' /v1/')}": Case(Guard.MONITOR, body) for one, body in MONITORS.items()},
    **{
        f"{method} /v1/heartbeats/{rest}": Case(Guard.PUBLIC)
        for method in ("GET", "POST")
        for rest in ("{secret}", "{secret}/{signal}")
    },
    **{
        f"{one.replace(' ', ' /api/v1/')}": Case(Guard.LOGIN, body) for one, body in DEPLOYS.items()
    },
    **{f"POST /api/v1/auth/{one}": Case(Guard.PUBLIC, {}) for one in ("register", "login")},
    **{f"GET /api/v1/{one}": Case(Guard.PUBLIC) for one in OPERATOR_PATHS},
    # What the git server signs is the capability.
    "POST /api/v1/webhooks/{git_webhook_id}/receive": Case(Guard.PUBLIC, {}),
    "GET /": Case(Guard.PUBLIC),
    "GET /health": Case(Guard.PUBLIC),
    "GET /ready": Case(Guard.PUBLIC),
    "GET /metrics": Case(Guard.PUBLIC),
    "GET /runtime-config.js": Case(Guard.PUBLIC),
    "GET /docs": Case(Guard.PUBLIC),
    "GET /docs/openapi.json": Case(Guard.PUBLIC),
    "GET /docs/start.js": Case(Guard.PUBLIC),
    "GET /docs/static/{name}": Case(Guard.PUBLIC),
    "POST /v1/auth/login": Case(Guard.PUBLIC),
    "POST /api/auth/sign-in/email": Case(Guard.PUBLIC, {"email": "x@example.com", "password": "-"}),
    "POST /api/auth/sign-up/email": Case(Guard.PUBLIC, {}),
    "GET /api/auth/get-session": Case(Guard.PUBLIC),
    "POST /api/auth/sign-out": Case(Guard.PUBLIC),
    "POST /api/auth/change-password": Case(Guard.SESSION, {}),
    "POST /api/auth/update-user": Case(Guard.SESSION, {}),
    "GET /api/auth/list-sessions": Case(Guard.SESSION),
    "POST /api/auth/revoke-session": Case(Guard.SESSION, {}),
    "POST /api/auth/revoke-sessions": Case(Guard.SESSION, {}),
    "POST /api/auth/revoke-other-sessions": Case(Guard.SESSION, {}),
    "POST /dashboard/api/signup": Case(Guard.PUBLIC, {}),
    "POST /dashboard/api/local-login-token": Case(Guard.PUBLIC, {}),
    "GET /dashboard/api/local-login": Case(Guard.PUBLIC),
    "GET /dashboard/api/projects": Case(Guard.SESSION),
    "POST /dashboard/api/projects": Case(Guard.SESSION, {}),
    "GET /dashboard/api/projects/{project_id}": Case(Guard.MEMBER),
    "PATCH /dashboard/api/projects/{project_id}": Case(Guard.ADMIN, {"name": "taken over"}),
    "DELETE /dashboard/api/projects/{project_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/api-keys": Case(Guard.ADMIN),
    "POST /dashboard/api/api-keys": Case(Guard.ADMIN, {"name": "taken"}),
    "PATCH /dashboard/api/api-keys/{key_id}": Case(Guard.ADMIN, {"name": "taken"}),
    "DELETE /dashboard/api/api-keys/{key_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/dsn-keys": Case(Guard.MEMBER),
    "POST /dashboard/api/dsn-keys": Case(Guard.ADMIN, {"label": "taken"}),
    "DELETE /dashboard/api/dsn-keys/{dsn_key_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/tokens": Case(Guard.MEMBER),
    "POST /dashboard/api/tokens": Case(Guard.ADMIN, {"name": "taken"}),
    "DELETE /dashboard/api/tokens/{token_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/prices": Case(Guard.MEMBER),
    "POST /dashboard/api/prices": Case(Guard.ADMIN, PRICE),
    "PUT /dashboard/api/prices/{number}": Case(Guard.ADMIN, PRICE),
    "DELETE /dashboard/api/prices/{number}": Case(Guard.ADMIN),
    "POST /dashboard/api/price-aliases": Case(Guard.ADMIN, ALIAS),
    "PUT /dashboard/api/price-aliases/{number}": Case(Guard.ADMIN, ALIAS),
    "DELETE /dashboard/api/price-aliases/{number}": Case(Guard.ADMIN),
    "GET /dashboard/api/alert-rules": Case(Guard.MEMBER),
    "POST /dashboard/api/alert-rules": Case(Guard.ADMIN, RULE),
    "PUT /dashboard/api/alert-rules/{rule_id}": Case(Guard.ADMIN, RULE),
    "DELETE /dashboard/api/alert-rules/{rule_id}": Case(Guard.ADMIN),
    "POST /dashboard/api/retention/preview": Case(Guard.ADMIN, {}),
    "PUT /dashboard/api/retention": Case(Guard.ADMIN, {"kinds": {"logs": 9}}),
    "POST /api/v1/projects/{project_id}/retention/preview": Case(Guard.TOKEN, {}),
    "PUT /api/v1/projects/{project_id}/retention": Case(Guard.TOKEN, {"kinds": {"logs": 9}}),
    "POST /dashboard/api/prompts": Case(Guard.ADMIN, PROMPT),
    "PUT /dashboard/api/prompts/{prompt_name}/labels/{label}": Case(Guard.ADMIN, {"version": 1}),
    "DELETE /dashboard/api/prompts/{prompt_name}/labels/{label}": Case(Guard.ADMIN),
    "DELETE /dashboard/api/prompts/{prompt_name}": Case(Guard.ADMIN),
    "POST /api/v1/projects/{project_id}/prompts": Case(Guard.TOKEN, PROMPT),
    "PUT /api/v1/projects/{project_id}/prompts/{prompt_name}/labels/{label}": Case(
        Guard.TOKEN, {"version": 1}
    ),
    "GET /api/public/v2/prompts/{prompt_name}": Case(Guard.KEY),
    "POST /dashboard/api/budgets": Case(Guard.ADMIN, BUDGET),
    "PATCH /dashboard/api/budgets/{budget_id}": Case(Guard.ADMIN, {"name": "taken"}),
    "DELETE /dashboard/api/budgets/{budget_id}": Case(Guard.ADMIN),
    "POST /api/v1/projects/{project_id}/budgets": Case(Guard.TOKEN, BUDGET),
    "GET /dashboard/api/exports/schedules": Case(Guard.ADMIN),
    "PUT /dashboard/api/exports/schedules": Case(Guard.ADMIN, PLAN),
    "DELETE /dashboard/api/exports/schedules": Case(Guard.ADMIN),
    "PUT /api/v1/projects/{project_id}/exports/schedules": Case(Guard.TOKEN, PLAN),
    "PATCH /api/v1/projects/{project_id}/budgets/{budget_id}": Case(Guard.TOKEN, {"amount": 1}),
    "POST /dashboard/api/annotation-queues": Case(Guard.ADMIN, QUEUE),
    "PATCH /dashboard/api/annotation-queues/{queue_id}": Case(Guard.ADMIN, {"name": "taken"}),
    **{f"DELETE /dashboard/api/annotation-queues/{one}": Case(Guard.ADMIN) for one in QUEUE_PARTS},
    "POST /v1/annotation-queues/{queue_id}/items": Case(Guard.KEY, QUEUE_ITEMS),
    "POST /dashboard/api/annotation-queues/{queue_id}/items": Case(Guard.MEMBER, QUEUE_ITEMS),
    ANNOTATES: Case(Guard.MEMBER, ANNOTATION),
    f"POST {BY_TOKEN}/annotation-queues": Case(Guard.TOKEN, QUEUE),
    f"PATCH {BY_TOKEN}/annotation-queues/{{queue_id}}": Case(Guard.TOKEN, {"name": "taken"}),
    f"POST {BY_TOKEN}/annotation-queues/{{queue_id}}/items": Case(Guard.TOKEN, QUEUE_ITEMS),
    "POST /dashboard/api/judges": Case(Guard.ADMIN, JUDGE),
    "PATCH /dashboard/api/judges/{judge_id}": Case(Guard.ADMIN, {"name": "taken"}),
    "DELETE /dashboard/api/judges/{judge_id}": Case(Guard.ADMIN),
    "POST /dashboard/api/judges/{judge_id}/test": Case(Guard.ADMIN, TRY),
    "POST /dashboard/api/judges/{judge_id}/past": Case(Guard.ADMIN, PAST),
    "POST /api/v1/projects/{project_id}/judges": Case(Guard.TOKEN, JUDGE),
    "PATCH /api/v1/projects/{project_id}/judges/{judge_id}": Case(Guard.TOKEN, {"sampling": 1}),
    "POST /api/v1/projects/{project_id}/judges/{judge_id}/test": Case(Guard.TOKEN, TRY),
    "POST /api/v1/projects/{project_id}/judges/{judge_id}/past": Case(Guard.TOKEN, PAST),
    "GET /dashboard/api/alert-channels": Case(Guard.MEMBER),
    "POST /dashboard/api/alert-channels": Case(Guard.ADMIN, CHANNEL),
    "PUT /dashboard/api/alert-channels/{channel_id}": Case(Guard.ADMIN, CHANNEL),
    "POST /dashboard/api/alert-channels/{channel_id}/test": Case(Guard.ADMIN),
    "DELETE /dashboard/api/alert-channels/{channel_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/alert-deliveries": Case(Guard.MEMBER),
    "GET /dashboard/api/errors/settings": Case(Guard.MEMBER),
    "PUT /dashboard/api/errors/settings": Case(Guard.ADMIN, {"masking": {"names": False}}),
    "GET /dashboard/api/users": Case(Guard.ADMIN),
    "POST /dashboard/api/users": Case(Guard.ADMIN, {"email": "x@example.com"}),
    "PATCH /dashboard/api/users/{user_id}": Case(Guard.ADMIN, {"role": "admin"}),
    "DELETE /dashboard/api/users/{user_id}": Case(Guard.ADMIN),
    "GET /dashboard/api/invitations": Case(Guard.ADMIN),
    "DELETE /dashboard/api/invitations/{invitation_id}": Case(Guard.ADMIN),
    # These two look at the token alone, which is the capability.
    "GET /dashboard/api/invitations/accept": Case(Guard.PUBLIC),
    "POST /dashboard/api/invitations/accept": Case(Guard.PUBLIC, {"token": "guessed"}),
    "GET /invite": Case(Guard.PUBLIC),
    **{f"GET /p/{{project_id}}{path}": Case(Guard.PAGE) for path in (*PAGES, *SETTINGS)},
    **{f"POST /p/{{project_id}}/settings{path}": Case(Guard.PAGE_ADMIN) for path in CHANGES},
    **{f"POST /p/{{project_id}}/pipeline/dead/{one}": Case(Guard.PAGE_ADMIN) for one in REPAIRS},
    **{f"POST /p/{{project_id}}/errors/alerts/{one}": Case(Guard.PAGE_ADMIN) for one in ALERTS},
    **{f"POST /p/{{project_id}}/llm/budgets{one}": Case(Guard.PAGE_ADMIN) for one in BUDGETS},
    **{f"POST /p/{{project_id}}/llm/annotation{one}": Case(Guard.PAGE_ADMIN) for one in QUEUES},
    **{f"POST /p/{{project_id}}/llm/annotation{one}": Case(Guard.PAGE_FORM) for one in REVIEWS},
    **{f"POST /p/{{project_id}}/llm/judges{one}": Case(Guard.PAGE_ADMIN) for one in JUDGES},
    **{f"POST /p/{{project_id}}/llm/prompts{one}": Case(Guard.PAGE_ADMIN) for one in PROMPTS},
    **{
        f"POST /p/{{project_id}}/uptime/status-pages{one}": Case(Guard.PAGE_ADMIN) for one in BOARDS
    },
    **{f"POST /p/{{project_id}}/uptime/{one}": Case(Guard.PAGE_ADMIN) for one in MONITOR_FORMS},
    **{f"POST /p/{{project_id}}/deploys/{one}": Case(Guard.PAGE_FORM) for one in DEPLOY_FORMS},
    **{f"POST /p/{{project_id}}/deploys/{one}": Case(Guard.PAGE_ADMIN) for one in APP_FORMS},
    "POST /p/{project_id}/uptime/incidents": Case(Guard.PAGE_FORM),
    "POST /p/{project_id}/uptime/incidents/{incident_id}": Case(Guard.PAGE_FORM),
    "POST /p/{project_id}/errors/issues": Case(Guard.PAGE_FORM),
    "POST /p/{project_id}/errors/issues/{issue_id}": Case(Guard.PAGE_FORM),
    **{f"GET {path}": Case(Guard.PAGE_OWN) for path in ("/account", "/new-project")},
    **{f"POST {path}": Case(Guard.PAGE_OWN) for path in OWN},
    "GET /assets/{tree}/{name}": Case(Guard.PUBLIC),
    **{f"GET /status{path}": Case(Guard.PUBLIC) for path in PUBLIC_PAGES},
    **{
        f"{method} /status/{{name}}/{one}": Case(Guard.PUBLIC)
        for method in ("GET", "POST")
        for one in ("subscribe", "confirm", "unsubscribe")
    },
    **{f"{method} /sign-{way}": Case(Guard.PUBLIC) for method in ("GET", "POST") for way in WAYS},
    "POST /sign-out": Case(Guard.PUBLIC),
    "GET /enter": Case(Guard.PUBLIC),
    "POST /invite": Case(Guard.PUBLIC),
}


def routes() -> list[str]:
    """Returns every route that `sluice up` answers, as `METHOD path`."""
    application = Litestar(
        [*ingest_routes(), *out_routes(), reference_router()], openapi_config=None
    )
    return sorted(
        f"{method} {route.path_format}"
        for route in application.routes
        for method in getattr(route, "methods", ()) - {"OPTIONS", "HEAD"}
    )


class World(NamedTuple):
    """The first project with all that it holds, and those who want it."""

    first: Project
    ids: dict[str, str]
    """What stands in the braces of a path."""
    stranger: httpx.Client
    other_key: httpx.Client
    other_dsn_key: str
    outsider: httpx.Client
    """An admin, of another project."""
    member: httpx.Client
    """Of the first project, and no admin."""
    monitor_key: str
    """Of the first project, as a header has it."""
    login: dict[str, str]
    """The headers of somebody else, who has logged in to the API of deployments."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: more people sign up here than one address may on a shared one."""
    with Server(tmp_path_factory.mktemp("matrix") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    first, second = create_project(server, f"{MARKER} project"), create_project(server, "Second")
    ids = {"monitor_slug": MARKER, "public_key": "0" * 32}
    ids |= {"secret": "0" * 32, "signal": "fail"}  # nobody's
    ids |= {"trace_id": new_id(), "span_id": new_id(), "session_id": f"{MARKER} session"}
    ids |= {"score_id": new_id()}
    fill(first, ids)
    ids |= fill_errors(first, ids["span_id"])
    ids |= fill_otel(first)
    member = join(server, first, role="user", name="Member")
    other = join(server, first, role="user", name=f"{MARKER} member")
    other.close()
    outsider = join(server, second, role="admin")
    own = {"X-Project-Id": first.project_id}
    keys = server.admin.get("/dashboard/api/api-keys", headers=own).json()["keys"]
    dsn_keys = server.admin.get("/dashboard/api/dsn-keys", headers=own).json()["dsnKeys"]
    named = {"name": MARKER}
    token = server.admin.post("/dashboard/api/tokens", json=named, headers=own).json()["token"]
    users = server.admin.get("/dashboard/api/users", headers=own).json()["users"]
    guest = {"email": f"{MARKER}@example.com"}
    invited = server.admin.post("/dashboard/api/users", json=guest, headers=own).json()["user"]
    price = {"model": MARKER, "rates": {"input": 1}}
    set_price = server.admin.post("/dashboard/api/prices", json=price, headers=own)
    channel = {**CHANNEL, "name": MARKER}
    channel_id = server.admin.post("/dashboard/api/alert-channels", json=channel, headers=own)
    rule = {**RULE, "name": MARKER}
    rule_id = server.admin.post("/dashboard/api/alert-rules", json=rule, headers=own)
    budget = server.admin.post("/dashboard/api/budgets", json=BUDGET | named, headers=own)
    judge = server.admin.post("/dashboard/api/judges", json=JUDGE | named, headers=own)
    kept = {"name": MARKER, "prompt": MARKER, "labels": ["production"], "message": MARKER}
    assert server.admin.post("/dashboard/api/prompts", json=kept, headers=own).is_success
    fill_dataset(first)
    ids |= {
        **{"prompt_name": MARKER, "label": "production"},
        "channel_id": channel_id.json()["id"],
        "rule_id": rule_id.json()["id"],
        "budget_id": budget.json()["id"],
        **fill_queue(server, first, ids["trace_id"]),
        "judge_id": judge.json()["id"],
        **dict.fromkeys(("dataset", "item_id", "run"), MARKER),
        "number": str(set_price.json()["number"]),
        "project_id": first.project_id,
        "project_number": dsn_of(server, first)[1],
        "key_id": keys[0]["id"],
        "dsn_key_id": dsn_keys[0]["id"],
        "token_id": token["id"],
        "user_id": next(user["userId"] for user in users if MARKER in user["name"]),
        "invitation_id": invited["userId"],
        "user": MARKER,
        "name": "swagger-ui.css",
        "path": "other",
        "page": "nothing/of/the/sort",
        "ref": poison(server, first),
        "tree": "other",
        "file": "cmp_00000000.svg",
        "part": "metadata",
        "table": "traces",
        "org": "sluice",
        "bundle_id": new_id(),
    }
    stranger = server.client(None)
    other_dsn_key, _ = dsn_of(server, second)
    monitors = {"name": "monitors", "scope": "write", "forMonitors": True}
    made = server.admin.post("/dashboard/api/tokens", json=monitors, headers=own).json()
    monitor_key = f"Bearer {made['apiToken']}"
    ids |= fill_monitors(stranger, monitor_key) | fill_deploys(stranger, first.project_id)
    login = log_in(stranger, "auth/register", {"email": "thief@example.com", "name": "Thief"})
    yield World(
        *(first, ids, stranger, second.http, other_dsn_key, outsider, member, monitor_key), login
    )
    for client in (stranger, outsider, member):
        client.close()


def fill_queue(server: Server, project: Project, trace_id: str) -> dict[str, str]:
    """Makes an annotation queue with an item; returns their ids."""
    own = {"X-Project-Id": project.project_id}
    named = QUEUE | {"name": MARKER, "instructions": MARKER}
    path = "/dashboard/api/annotation-queues"
    queue_id = server.admin.post(path, json=named, headers=own).json()["id"]
    items = f"/v1/annotation-queues/{queue_id}/items"
    assert project.post(items, {"items": [{"trace_id": trace_id}]}).json()["added"] == 1
    (item,) = project.get(items).json()["items"]
    return {"queue_id": queue_id, "queue_item_id": item["id"]}


def fill_monitors(client: httpx.Client, monitor_key: str) -> dict[str, str]:
    """Makes a monitor, an incident and a webhook whose texts hold the marker; returns their ids."""
    own = {"Authorization": monitor_key}
    monitor = MONITOR | {"name": MARKER, "url": f"https://{MARKER}.example"}
    made = client.post("/v1/monitors", json=monitor, headers=own)
    told = {"state": "triggered", "title": MARKER, "notes": MARKER}
    incident = client.post("/v1/incidents", json=told, headers=own)
    hook = {"url": f"https://{MARKER}.example/hook", "description": MARKER}
    webhook = client.post("/v1/webhooks", json=hook, headers=own)
    page = {"title": MARKER, "slug": MARKER, "description": MARKER}
    status_page = client.post("/v1/status-pages", json=page, headers=own)
    policy = client.post("/v1/escalation-policies", json=POLICY | {"name": MARKER}, headers=own)
    monitor_id = made.json()["monitor_id"]
    void = EXCLUSION | {"reason": MARKER}
    voided = client.post(f"/v1/monitors/{monitor_id}/exclusions", json=void, headers=own)
    return {
        "exclusion_id": voided.json()["exclusion_id"],
        "webhook_id": webhook.json()["webhook_id"],
        "monitor_id": monitor_id,
        "incident_id": incident.json()["incident_id"],
        "page_id": status_page.json()["page_id"],
        "policy_id": policy.json()["policy_id"],
    }


def log_in(client: httpx.Client, way: str, form: dict[str, str]) -> dict[str, str]:
    """Returns the headers of somebody who has registered, or logged in."""
    answer = client.post(f"/api/v1/{way}", json={"password": PASSWORD, **form})
    assert answer.status_code in (200, 201), answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def fill_deploys(client: httpx.Client, project_id: str) -> dict[str, str]:
    """Has a project deployed, with texts that hold the marker; returns the ids."""
    own = log_in(client, "auth/login", {"email": EMAIL})

    def send(method: str, path: str, **body: Any) -> httpx.Response:
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=own)
        assert answer.is_success, answer.text
        return answer

    url = f"https://{MARKER}.example/shop"
    send("PUT", f"projects/{project_id}", repo_url=url, start_command=MARKER)
    send("POST", "env", project_id=project_id, key=MARKER.replace("-", "_"), value=MARKER)
    hook = send("POST", "webhooks", project_id=project_id, branch=MARKER).json()
    made = send("POST", "deployments", project_id=project_id, commit_msg=MARKER, branch=MARKER)
    name = send("POST", "domains", project_id=project_id, domain=f"{MARKER}.example.com").json()
    ids = {"git_webhook_id": hook["id"], "deployment_id": made.json()["id"]}
    return {**ids, "domain_id": name["id"]}


def dsn_of(server: Server, project: Project) -> tuple[str, str]:
    """Returns the key and the number of a new DSN."""
    dsn = urlsplit(server.run("key", "dsn", "create", "--project", project.project_id).strip())
    return dsn.username or "", dsn.path.strip("/")


def poison(server: Server, project: Project) -> str:
    """Gives a project a dead letter whose body holds the marker, and returns its name."""
    append_poison(server.data_dir, project.project_id, {"trace_id": MARKER})

    def refs() -> list[str]:
        lines = server.run("dead", "list", "--project", project.project_id).splitlines()[1:]
        return [line.split("\t")[0] for line in lines]

    return wait_for(refs, "the dead letter")[0]


def fill(project: Project, ids: dict[str, str]) -> None:
    """Stores one trace, one span and one score, whose every text holds the marker."""
    item = trace(
        trace_id=ids["trace_id"],
        session_id=ids["session_id"],
        output_text=MARKER,
        metadata={"userId": MARKER},
    )
    event = span(span_id=ids["span_id"], session_id=ids["session_id"], tool_name=MARKER)
    assert project.post("/v1/traces/batch", [item]).status_code == 202
    assert project.post("/v1/spans/batch", [event]).status_code == 202
    score = {"id": ids["score_id"], "name": MARKER, "value": MARKER, "comment": MARKER}
    score |= {"trace_id": ids["trace_id"], "author": MARKER}
    assert project.post("/v1/scores", score).status_code == 202
    wait_for(lambda: project.get("/v1/scores").json()["scores"], "the score")


def fill_dataset(project: Project) -> None:
    """Makes a dataset with an item and a run, whose texts hold the marker."""
    item = {"id": MARKER, "input": MARKER, "expected_output": MARKER}
    for path, body in (
        ("", {"name": MARKER, "description": MARKER}),
        (f"/{MARKER}/items", [item]),
        (f"/{MARKER}/runs", {"name": MARKER}),
    ):
        assert project.post(f"/v1/datasets{path}", body).status_code == 201


def fill_otel(project: Project) -> dict[str, str]:
    """Stores a span of OpenTelemetry whose texts hold the marker; returns its ids."""
    trace_id, span_id, at_ns = uuid4().hex, uuid4().hex[:16], time.time_ns()
    said = {"traceId": trace_id, "spanId": span_id, "name": MARKER, "kind": 2}
    moments = {"startTimeUnixNano": str(at_ns), "endTimeUnixNano": str(at_ns + 1000)}
    service = {"key": "service.name", "value": {"stringValue": MARKER}}
    sent = {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [said | moments]}]}
    assert project.post("/v1/traces", {"resourceSpans": [sent]}).status_code == 200
    wait_for(lambda: project.get(f"/v1/traces/{trace_id}/tree").status_code == 200, "the span")
    point = {"timeUnixNano": str(at_ns), "asInt": "1"}
    metric = {"name": METRIC, "unit": MARKER, "gauge": {"dataPoints": [point]}}
    measured = {"resource": sent["resource"], "scopeMetrics": [{"metrics": [metric]}]}
    assert project.post("/v1/metrics", {"resourceMetrics": [measured]}).status_code == 200
    wait_for(lambda: project.get("/v1/otel/metrics").json()["metrics"], "the metric")
    ids = {"otel_trace_id": trace_id, "otel_span_id": f"{trace_id}-{span_id}"}
    return ids | {"otel_service": MARKER}


def fill_errors(project: Project, span_id: str) -> dict[str, str]:
    """Stores an error and a transaction whose texts hold the marker; returns their ids.

    Both have the same one: what a path names by it may be either.
    """
    event_id = new_id().replace("-", "")
    shared = {"release": MARKER, "tags": {MARKER: MARKER}, "user": {"id": MARKER}}
    error = {"message": MARKER, **shared}
    inner = {"span_id": span_id, "op": MARKER, "description": MARKER, **LASTED}
    transaction = {"type": "transaction", "transaction": MARKER, "spans": [inner], **shared}
    send_envelope(project, event_id, {"type": "event"}, error)
    send_envelope(project, event_id, {"type": "transaction"}, {**transaction, **LASTED})
    said = {"message": MARKER, "associated_event_id": event_id}
    feedback_id = new_id().replace("-", "")
    send_envelope(project, feedback_id, {"type": "feedback"}, {"contexts": {"feedback": said}})
    job = {"monitor_slug": MARKER, "status": "ok", "release": MARKER}
    send_envelope(project, feedback_id, {"type": "check_in"}, job)
    send_envelope(project, event_id, {"type": "attachment", "filename": MARKER}, {"x": MARKER})

    def found() -> str:
        return "".join(one["id"] for one in project.get("/v1/issues").json()["issues"])

    issue_id = wait_for(found, "the issue")
    path = f"/v1/transactions/{event_id}"
    wait_for(lambda: project.get(path).status_code == 200, "the transaction")
    attributes = {MARKER: {"value": MARKER, "type": "string"}}
    record = {"timestamp": time.time(), "level": "error", "body": MARKER, "attributes": attributes}
    send_envelope(project, event_id, {"type": "log"}, {"items": [record]})
    logs = wait_for(lambda: project.get("/v1/logs").json()["logs"], "the log record")
    path = f"/v1/attachments?event_id={event_id}"
    (file,) = wait_for(lambda: project.get(path).json()["attachments"], "the attachment")
    return {
        **{"issue_id": issue_id, "event_id": event_id, "transaction_id": event_id},
        **{"attachment_id": file["id"], "log_id": logs[0]["id"]},
        **{"monitor": MARKER, "version": MARKER, "org": "sluice", "project": "1"},
    }


def send_envelope(
    project: Project, event_id: str, head: dict[str, str], item: dict[str, Any]
) -> None:
    """Sends one item as an SDK of Sentry does."""
    key, number = dsn_of(project.server, project)
    lines = ({"event_id": event_id}, head, {"event_id": event_id, **item})
    answer = project.http.post(
        f"/api/{number}/envelope/",
        content="\n".join(map(json.dumps, lines)),
        headers={"X-Sentry-Auth": f"Sentry sentry_key={key}"},
    )
    assert answer.status_code == 200, answer.text


def ask(client: httpx.Client, route: str, world: World, **headers: str) -> httpx.Response:
    method, _, template = route.partition(" ")
    # Who came back is asked up to a moment.
    is_ranged = "analytics" in template and not template.endswith("/retention")
    params = RANGE if is_ranged else {}
    if template.endswith("otel/metrics/series"):
        params = {"name": METRIC}  # The answer says it again.
    if template.endswith("/releases/one"):
        params = {"version": world.ids["version"]}
    if template.endswith(("}/results", "}/run")):
        params = {"run": MARKER}
    if template.endswith("}/comparison"):
        params = {"a": MARKER, "b": MARKER}
    if method == "GET" and template.endswith("/dataset-items"):
        params = {"datasetName": MARKER}
    if template.endswith("/add-to-dataset"):
        params = {"trace": world.ids["trace_id"]}
    if method == "GET" and template.endswith(OF_LOGIN_QUERIES):
        params = {"project_id": world.ids["project_id"]}
    body = CASES[route].body
    if isinstance(body, dict) and body.get("project_id") == "{project_id}":
        body = body | {"project_id": world.ids["project_id"]}
    return client.request(
        method,
        template.format_map(world.ids),
        params=params,
        json=body,
        headers=headers,
        follow_redirects=False,
    )


def state_of(server: Server, project: Project) -> dict[str, Any]:
    """Returns what an admin sees of a project, by path, but what changes by itself.

    That is when its keys were used, until when budgets were counted, and the course of its issues,
    which begins anew each hour.
    """
    own = {"X-Project-Id": project.project_id}
    paths = (
        *("projects", "api-keys", "dsn-keys", "tokens", "users", "invitations", "prices"),
        *("traces", "spans", "scores", "issues", "releases", "alert-rules", "alert-channels"),
        *("annotation-queues", "budgets", "datasets", "judges", "prompts"),
        *("errors/settings", "exports/schedules", "retention"),
    )
    answers: dict[str, Any] = {}
    for path in (*paths, f"projects/{project.project_id}"):
        answer = server.admin.get(f"/dashboard/api/{path}", headers=own)
        assert answer.status_code == 200, (path, answer.text)
        answers[path] = answer.json()
    named = (("api-keys", "keys"), ("dsn-keys", "dsnKeys"), ("tokens", "tokens"))
    for key in itertools.chain.from_iterable(answers[path][name] for path, name in named):
        key.pop("lastUsedAt", None)
    answers["budgets"].pop("as_of")
    answers["issues"].pop("courseFrom")
    for issue in answers["issues"]["issues"]:
        issue.pop("course")
    return answers


@pytest.fixture(scope="class")
def unchanged(server: Server, world: World) -> Iterator[None]:
    """Fails behind the last case of a class where one changed what an admin sees of the project.

    Which case that was, is found by running them singly. To look behind each of 750 would take
    2 minutes.
    """
    before = state_of(server, world.first)
    yield
    assert state_of(server, world.first) == before


def cases(*guards: Guard) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "route", [r for r, case in CASES.items() if case.guard in guards]
    )


def test_every_route_has_a_case_here() -> None:
    assert sorted(CASES) == routes(), "a new endpoint says here whom it answers"


@cases(*Guard)
def test_a_stranger_learns_nothing(world: World, route: str) -> None:
    answer = ask(world.stranger, route, world, **{"X-Project-Id": world.first.project_id})

    assert MARKER not in answer.text
    assert world.first.key not in answer.text
    if CASES[route].guard in (Guard.PAGE, Guard.PAGE_FORM, Guard.PAGE_ADMIN):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2Fp%2F")
    elif CASES[route].guard is Guard.PAGE_OWN:
        assert (answer.status_code, answer.headers["location"][:13]) == (303, "/sign-in?next")
    elif "{public_key}" in route:
        assert answer.status_code == 403, "there is a key, of nobody"
    elif CASES[route].guard is not Guard.PUBLIC:
        assert answer.status_code == 401, answer.text


@cases(Guard.KEY, Guard.OTLP)
def test_a_wrong_key_opens_nothing(world: World, route: str) -> None:
    wrong = {"Authorization": f"Bearer pulse_sk_{new_id()}"}

    answer = ask(world.stranger, route, world, **wrong)

    assert answer.status_code == 401, answer.text


@cases(Guard.KEY)
def test_the_key_of_another_project_finds_nothing(world: World, route: str) -> None:
    answer = ask(world.other_key, route, world, **{"X-Project-Id": world.first.project_id})

    assert MARKER not in answer.text
    # A file of a table is there for everybody: of their own rows.
    names_it = "{" in route and "{table}" not in route
    if route == TAKES_AWAY:  # one of their own, which need not be there
        assert answer.status_code == 202
        assert world.first.get(f"/v1/scores/{world.ids['score_id']}").status_code == 200
    else:
        taken = {
            "POST /api/public/scores": 200,
            "POST /api/public/ingestion": 207,
            "POST /v1/datasets": 201,
            "POST /api/public/v2/datasets": 200,
            **dict.fromkeys(IN_DATASETS, 404),
        }.get(route, 202 if "POST" in route else 200)
        assert answer.status_code == (404 if names_it else taken)


@cases(Guard.OTLP)
def test_what_exporters_send_belongs_to_the_project_of_their_key(world: World, route: str) -> None:
    named = {"X-Project-Id": world.first.project_id}
    of_other_dsn = {"X-Sentry-Auth": f"Sentry sentry_key={world.other_dsn_key}"}

    assert ask(world.other_key, route, world, **named).status_code == 403
    assert ask(world.stranger, route, world, **of_other_dsn, **named).status_code == 403
    assert ask(world.stranger, route, world, **of_other_dsn).status_code == 200
    assert ask(world.other_key, route, world).status_code == 200


@cases(Guard.DSN)
def test_only_the_dsn_key_of_the_project_sends_to_it(world: World, route: str) -> None:
    def sent_with(key: str) -> int:
        headers = {"X-Open-Sentry-Key": key, "X-Sentry-Auth": f"Sentry sentry_key={key}"}
        return ask(world.stranger, route, world, **headers).status_code

    wrong = (f"{0:032x}", world.first.key)

    assert [sent_with(key) for key in wrong] == [403, 403]
    before = world.first.outcomes(kind="error")
    assert sent_with(world.other_dsn_key) == (403 if "project_number" in route else 202)
    assert world.first.outcomes(kind="error") == before


@cases(Guard.TOKEN)
def test_the_token_of_another_project_finds_nothing(world: World, route: str) -> None:
    made = world.outsider.get("/dashboard/api/projects").json()["projects"][0]["id"]
    new = {"name": "theirs", "scope": "write"}
    own = {"X-Project-Id": made}
    token = world.outsider.post("/dashboard/api/tokens", json=new, headers=own).json()["apiToken"]

    answer = ask(world.stranger, route, world, Authorization=f"Bearer {token}")

    assert MARKER not in answer.text
    if "{issue_id}" in route:
        assert (answer.status_code, answer.json()) == (404, {"error": "Issue not found"})
    elif "{project_id}" in route:
        assert answer.status_code == 403
    elif "{rule_id}" in route:
        assert answer.status_code == (404 if route.startswith("GET") else 403)
    else:
        assert answer.status_code == (403 if "POST" in route else 200)


@cases(Guard.MONITOR)
def test_the_monitor_key_of_another_project_finds_nothing(world: World, route: str) -> None:
    answer = ask_by_their_token(world, route, for_monitors=True)

    assert MARKER not in answer.text
    if "{" in route:
        assert answer.status_code == 404, answer.text
    else:
        assert answer.status_code == (201 if "POST" in route else 200), answer.text
    mine = ask(world.stranger, "GET /v1/monitors", world, Authorization=world.monitor_key).json()
    assert [(one["name"], one["state"]) for one in mine["monitors"]] == [(MARKER, "unknown")]


@cases(Guard.LOGIN)
def test_the_login_of_somebody_else_finds_nothing(world: World, route: str) -> None:
    answer = ask(world.stranger, route, world, **world.login)

    assert MARKER not in answer.text
    body = CASES[route].body
    names_it = "{" in route or body is not None or route.endswith(OF_LOGIN_QUERIES)
    if route.endswith("/logout"):
        assert answer.status_code == 200
        form = {"email": "thief@example.com"}
        world.login.update(log_in(world.stranger, "auth/login", form))
    else:
        assert answer.status_code == (404 if names_it else 200), answer.text
        assert set(answer.json()) == {"error"} or not names_it


@cases(Guard.LOGIN)
def test_the_api_token_of_another_project_deploys_nothing_of_this_one(
    world: World, route: str
) -> None:
    answer = ask_by_their_token(world, route)

    assert MARKER not in answer.text
    # Their token may not do what only admins may, nor anything about another project.
    assert answer.status_code in (200, 400, 403, 404), answer.text
    assert answer.status_code != 200 or "{" not in route


@cases(Guard.PROBER)
def test_the_prober_key_of_another_project_is_told_nothing(world: World, route: str) -> None:
    answer = ask_by_their_token(world, route, for_probers=True)

    assert MARKER not in answer.text
    assert answer.status_code == 200, answer.text
    assert answer.json()["project_id"] != world.first.project_id
    assert ask(world.stranger, route, world, Authorization=world.monitor_key).status_code == 401


@cases(Guard.RELEASES)
def test_the_token_of_another_project_learns_of_no_release_of_this_one(
    world: World, route: str
) -> None:
    answer = ask_by_their_token(world, route)

    assert MARKER not in answer.text
    if "{version}" in route:
        assert answer.status_code == 404, answer.text
    elif route.startswith("POST"):
        # Its own project alone: by whatever name its own token says, and by no other number.
        assert answer.status_code == (400 if "{project}" not in route else 201), answer.text
    else:
        assert answer.status_code == 200, answer.text


@cases(Guard.SENTRY_CLI)
def test_the_token_of_another_project_uploads_nothing_to_this_one(world: World, route: str) -> None:
    answer = ask_by_their_token(world, route)

    assert MARKER not in answer.text
    # It may ask how to send; a form that is none and a project that is not its own are rejected.
    assert answer.status_code == (200 if route.startswith("GET") else 400), answer.text


def ask_by_their_token(
    world: World, route: str, *, for_monitors: bool = False, for_probers: bool = False
) -> httpx.Response:
    """Asks a route by a token of the project of somebody else."""
    made = world.outsider.get("/dashboard/api/projects").json()["projects"][0]["id"]
    own = {"X-Project-Id": made}
    new = {"name": "builds", "scope": "write"}
    new |= {"forMonitors": for_monitors, "forProbers": for_probers}
    token = world.outsider.post("/dashboard/api/tokens", json=new, headers=own).json()
    answer = ask(world.stranger, route, world, Authorization=f"Bearer {token['apiToken']}")
    # A project may have so many at a time.
    path = f"/dashboard/api/tokens/{token['token']['id']}"
    assert world.outsider.delete(path, headers=own).is_success
    return answer


@cases(Guard.SESSION)
def test_somebody_else_sees_and_ends_only_their_own(
    server: Server, world: World, route: str
) -> None:
    somebody = join(server, create_project(server, "Third"), role="user")  # a session may end here

    answer = ask(somebody, route, world, **{"X-Project-Id": world.first.project_id})

    assert MARKER not in answer.text
    assert world.outsider.get("/dashboard/api/projects").status_code == 200


def test_pages_of_ones_own_say_nothing_of_others(world: World) -> None:
    for route in (route for route, case in CASES.items() if case.guard is Guard.PAGE_OWN):
        answer = ask(world.outsider, route, world)

        assert (route, answer.status_code) == (route, 200 if route.startswith("GET") else 400)
        assert MARKER not in answer.text
    assert world.member.get("/account").status_code == 200


@pytest.mark.usefixtures("unchanged")
class TestAdminsOfAnotherProject:
    @cases(Guard.MEMBER, Guard.ADMIN)
    def test_they_are_refused(self, world: World, route: str) -> None:
        answer = ask(world.outsider, route, world, **{"X-Project-Id": world.first.project_id})

        assert answer.status_code == 403, answer.text
        assert MARKER not in answer.text

    @pytest.mark.parametrize(
        "route", [one for one, case in CASES.items() if case.guard is Guard.ADMIN and "{" in one]
    )
    def test_they_reach_nothing_of_it_through_their_own(self, world: World, route: str) -> None:
        """The header names a project that they do administer, the path an id not in it."""
        own = world.outsider.get("/dashboard/api/projects").json()["projects"][0]["id"]

        answer = ask(world.outsider, route, world, **{"X-Project-Id": own})

        assert answer.status_code in (403, 404), answer.text


@cases(Guard.PAGE, Guard.PAGE_FORM, Guard.PAGE_ADMIN)
def test_to_others_a_page_is_as_that_of_a_project_that_does_not_exist(
    world: World, route: str
) -> None:
    nowhere = world._replace(ids=world.ids | {"project_id": new_id()})

    answer, other = ask(world.outsider, route, world), ask(world.outsider, route, nowhere)

    assert (answer.status_code, other.status_code) == (404, 404)
    assert answer.text == other.text
    assert MARKER not in answer.text


@cases(Guard.PAGE)
def test_members_see_a_page(world: World, route: str) -> None:
    answer = ask(world.member, route, world)

    leads_on = route.endswith("/{project_id}")
    assert answer.status_code == (303 if leads_on else 200) or (
        # The file of the project is no picture.
        (route.endswith(("/find", "/parts", "/{page}", "/picture")) and answer.status_code == 404)
        # A stream that would not end, but for what its page says.
        or (route.endswith((".events", "/live")) and answer.status_code == 400)
    ), answer.text[:500]


@cases(Guard.PAGE_FORM)
def test_members_may_send_a_form(world: World, route: str) -> None:
    answer = ask(world.member, route, world)

    # Nothing is asked for yet: the form is missing.
    assert (answer.status_code, "The form must be sent" in answer.text) == (400, True)


@pytest.mark.usefixtures("unchanged")
class TestMembersWithoutTheRole:
    @cases(Guard.ADMIN, Guard.PAGE_ADMIN)
    def test_they_are_refused(self, world: World, route: str) -> None:
        answer = ask(world.member, route, world, **{"X-Project-Id": world.first.project_id})

        assert answer.status_code == 403, answer.text


def test_the_form_of_another_site_changes_nothing_even_for_an_admin(
    server: Server, world: World
) -> None:
    before = state_of(server, world.first)
    forms = [
        route for route, case in CASES.items() if case.guard in (Guard.PAGE_ADMIN, Guard.PAGE_OWN)
    ]
    posts = [route for route in forms if route.startswith("POST")]

    for route in posts:
        path = route.removeprefix("POST ").format_map(world.ids)
        form = {"confirm": f"{MARKER} project", "role": "admin", "email": "x@example.com"}
        answer = server.admin.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"})

        assert (route, answer.status_code) == (route, 403)
        assert MARKER not in answer.text
    kinds = (
        *(CHANGES, ALERTS, REPAIRS, OWN, BOARDS),
        *(MONITOR_FORMS, APP_FORMS, BUDGETS, QUEUES, JUDGES, PROMPTS),
    )
    assert len(posts) == sum(map(len, kinds))
    assert state_of(server, world.first) == before
