"""The description of the API against the server: its examples work, its errors are those answered.

One person goes through all of it, in an order in which each step finds what it needs.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from api.openapi_words import PARAMETERS
from schemas.examples import SESSION_ID, TOKEN
from schemas.llm.examples import SPANS, TRACES
from tests.e2e.server import Project, Server, wait_for

pytestmark = pytest.mark.slow

OF_ISSUES = (
    *("issues", "issues/{issue_id}", "issues/{issue_id}/timeline", "issues/{issue_id}/tags"),
    *("issues/{issue_id}/activity", "issues/{issue_id}/events", "releases"),
    *("releases/health", "releases/{version}"),
    *("issues/{issue_id}/events/{event_id}", "issues/{issue_id}/events/{event_id}/grouping"),
    *("logs", "logs/counts", "logs/{log_id}"),
    "issues/{issue_id}/events/{event_id}/source-maps",
)
OF_QUEUES = ("", "/{queue_id}", "/{queue_id}/items", "/{queue_id}/agreement")
OF_PROMPTS, LABEL = ("", "/{prompt_name}", "/{prompt_name}/versions"), "/labels/{label}"
OF_ADMINS = ("/dashboard/api", "/api/v1/projects/{project_id}")
OF_DATASET = ("", "/versions", "/items", "/items/{item_id}", "/runs", "/results", "/comparison")
BY_TOKEN_OF_DATASETS = (
    "GET /api/v1/projects/{project_id}/datasets",
    *(f"GET /api/v1/projects/{{project_id}}/datasets/{{dataset}}{end}" for end in OF_DATASET),
)
MADE_OF_DATASET = ("items", "from-calls", "runs")
OF_BUDGETS = ("/check", "/alerts", "/anomalies", "/{budget_id}")
OF_ISSUE_BY_TOKEN = (
    *("timeline", "tags", "activity", "events/{event_id}", "events/{event_id}/grouping"),
    "events/{event_id}/source-maps",
)
EXPORTS = ("export", "export/{table}")
OF_PROJECT_BY_TOKEN = (
    *("issues/search", "releases", "ai", "traces", "traces/{trace_id}", "traces/{trace_id}/cost"),
    *("analytics", "performance", "transactions", "transactions/spans"),
    *("transactions/{transaction_id}", "logs", "logs/counts", "logs/{log_id}"),
    *("releases/health", "releases/{version}"),
    *("persons", "persons/export", "persons/erasures"),
    *("feedback", "attachments", "attachments/{attachment_id}", "check-ins", "check-ins/monitors"),
    *EXPORTS,
)
OF_ORG, OF_PROJECT = (
    "/api/0/organizations/{org}/releases",
    "/api/0/projects/{org}/{project}/releases",
)
BY_CLI = (
    *("GET /api/0", "GET /api/0/organizations", "GET /api/0/organizations/{org}/projects"),
    *("GET /api/0/organizations/{org}/repos", f"POST {OF_ORG}", f"POST {OF_PROJECT}"),
    *(f"GET {OF_ORG}", f"GET {OF_PROJECT}", f"GET {OF_ORG}/{{version}}"),
    *(f"GET {OF_PROJECT}/{{version}}", f"PUT {OF_ORG}/{{version}}"),
    *(f"PUT {OF_PROJECT}/{{version}}", f"GET {OF_ORG}/{{version}}/commits"),
    f"GET {OF_ORG}/{{version}}/previous-with-commits",
    *(f"POST {OF_ORG}/{{version}}/deploys", f"GET {OF_ORG}/{{version}}/deploys"),
    *(f"DELETE {OF_PROJECT}/{{version}}", f"POST {OF_PROJECT}"),
    *(f"DELETE {OF_PROJECT}/{{version}}", f"POST {OF_ORG}", f"DELETE {OF_ORG}/{{version}}"),
)
CRON = (
    "/api/{project_number}/cron/{monitor_slug}",
    "/api/{project_number}/cron/{monitor_slug}/{public_key}",
)
BESIDE_ERRORS = (
    *("feedback", "attachments", "attachments/{attachment_id}", "check-ins", "check-ins/monitors"),
)
BY_OTLP = (
    *(
        f"{base}/v1/{signal}"
        for base in ("", "/otlp", "/api/public/otel")
        for signal in ("traces", "logs", "metrics")
    ),
    *(f"/api/{{project_number}}/integration/otlp/v1/{signal}" for signal in ("traces", "logs")),
)
PINGS = ("/v1/heartbeats/{secret}", "/v1/heartbeats/{secret}/{signal}")
BY_LOGIN = (
    *("POST /api/v1/auth/register", "POST /api/v1/auth/login"),
    *("POST /api/v1/projects", "GET /api/v1/projects", "GET /api/v1/projects/{project_id}"),
    *("PUT /api/v1/projects/{project_id}", "POST /api/v1/projects/{project_id}/sync"),
    "POST /api/v1/detect",
    *(f"{method} /api/v1/env" for method in ("POST", "GET", "DELETE")),
    *("POST /api/v1/deployments", "GET /api/v1/deployments"),
    *(f"GET /api/v1/deployments/{{deployment_id}}{end}" for end in ("", "/events", "/impact")),
    "GET /api/v1/logs/{deployment_id}",
    *("POST /api/v1/domains", "GET /api/v1/domains"),
    *("POST /api/v1/domains/{domain_id}/verify", "DELETE /api/v1/domains/{domain_id}"),
    *("POST /api/v1/webhooks", "GET /api/v1/webhooks"),
    "POST /api/v1/webhooks/{git_webhook_id}/receive",
    "DELETE /api/v1/webhooks/{git_webhook_id}",
    *(f"{method} /api/v1/notifications/config" for method in ("PUT", "GET")),
    *("GET /api/v1/audit", "GET /api/v1/health", "GET /api/v1/ready", "GET /api/v1/metrics"),
    *(
        f"POST /api/v1/deployments/{{deployment_id}}/{one}"
        for one in ("cancel", "restart", "rollback")
    ),
    "PATCH /api/v1/deployments/{deployment_id}/promote",
    *("DELETE /api/v1/deployments/{deployment_id}", "DELETE /api/v1/projects/{project_id}"),
    *("GET /api/v1/routing/traefik", "GET /api/v1/routing/caddy/ask"),
    "POST /api/v1/auth/logout",
)
"""Of the API of deployments, in an order in which each step finds what it needs."""
PROMOTES = "PATCH /api/v1/deployments/{deployment_id}/promote"
RECEIVES = "POST /api/v1/webhooks/{git_webhook_id}/receive"
CERTIFICATE = "GET /api/v1/routing/caddy/ask"
DETECTS = "POST /api/v1/detect"
OF_OTEL = (
    *("otel/traces", "otel/services", "otel/services/{otel_service}/operations", "otel/map"),
    *("traces/{otel_trace_id}/tree", "otel/spans/{otel_span_id}"),
)
OF_SUBJECTS = ("sessions", "analytics/users", "analytics/retention")
SCHEDULES = "/dashboard/api/exports/schedules"
SCHEDULES_BY_TOKEN = "/api/v1/projects/{project_id}/exports/schedules"
OF_SCORES = ("scores", "scores/{score_id}", "traces/{trace_id}/scores", "scores/analytics")
REJECTED = {
    **{CERTIFICATE: 404, "POST /api/auth/sign-up/email": 403, PROMOTES: 400, RECEIVES: 401},
    DETECTS: 400,
    **{f"PUT {path}": 400 for path in (SCHEDULES, SCHEDULES_BY_TOKEN)},
    **{f"DELETE {path}": 404 for path in (SCHEDULES, SCHEDULES_BY_TOKEN)},
}
"""What is answered otherwise than by its best status: nothing is signed, fetched, exported or
runs in the walk."""
STEPS = (
    *("POST /dashboard/api/signup", "POST /api/auth/sign-in/email", "GET /api/auth/get-session"),
    *("GET /dashboard/api/projects", "GET /dashboard/api/api-keys", "POST /v1/auth/login"),
    *("POST /v1/traces/async", "POST /v1/spans/async"),
    *("POST /v1/traces/batch", "POST /v1/spans/batch"),
    *("POST /v1/scores", "POST /dashboard/api/scores", "POST /v1/scores/public"),
    *("POST /api/public/scores", "POST /api/public/ingestion"),
    *(f"POST {path}" for path in BY_OTLP),
    *("POST /v1/checks", "POST /v1/probes/targets"),
    *("POST /v1/monitors", "GET /v1/monitors", "GET /v1/monitors/{monitor_id}"),
    *("PUT /v1/monitors/{monitor_id}/config", "GET /v1/monitors/{monitor_id}/checks"),
    *("POST /v1/monitors/{monitor_id}/pause", "POST /v1/monitors/{monitor_id}/resume"),
    *(f"{method} {path}" for method in ("GET", "POST") for path in PINGS),
    *("GET /v1/monitors/{monitor_id}/days", "GET /v1/monitors/{monitor_id}/series"),
    "GET /v1/sla",
    *("POST /v1/monitors/{monitor_id}/exclusions", "GET /v1/monitors/{monitor_id}/exclusions"),
    "DELETE /v1/monitors/{monitor_id}/exclusions/{exclusion_id}",
    *("GET /v1/status/{monitor_id}", "POST /v1/incidents", "GET /v1/incidents"),
    *("POST /v1/webhooks", "GET /v1/webhooks", "GET /v1/webhooks/{webhook_id}"),
    *("PUT /v1/webhooks/{webhook_id}", "POST /v1/webhooks/{webhook_id}/test"),
    *("GET /v1/webhooks/{webhook_id}/deliveries", "POST /v1/webhooks/{webhook_id}/replay"),
    "DELETE /v1/webhooks/{webhook_id}",
    "POST /v1/incidents/{incident_id}/notifications/replay",
    *("GET /v1/incidents/{incident_id}", "POST /v1/monitors/{monitor_id}/notifications/test"),
    *("POST /v1/escalation-policies", "GET /v1/escalation-policies"),
    *(f"{method} /v1/escalation-policies/{{policy_id}}" for method in ("GET", "PUT")),
    "POST /v1/escalation-policies/{policy_id}/test",
    *("DELETE /v1/escalation-policies/{policy_id}", "DELETE /v1/monitors/{monitor_id}"),
    *("POST /v1/status-pages", "GET /v1/status-pages", "GET /v1/status-pages/{page_id}"),
    *("PUT /v1/status-pages/{page_id}", "PUT /v1/status-pages/{page_id}/logo"),
    "DELETE /v1/status-pages/{page_id}",
    *("POST /v1/ingest", "POST /api/{project_number}/envelope"),
    "POST /api/{project_number}/store",
    *(f"{method} {path}" for method in ("GET", "POST") for path in CRON),
    *("GET /v1/traces", "GET /v1/traces/{trace_id}", "GET /v1/sessions/{session_id}"),
    *("GET /v1/otel/metrics", "GET /v1/otel/metrics/series"),
    *("GET /dashboard/api/otel/metrics", "GET /dashboard/api/otel/metrics/series"),
    *("GET /v1/otel/spans", "GET /dashboard/api/otel/spans"),
    *("GET /v1/spans", "GET /v1/spans/{span_id}", "GET /v1/sessions/{session_id}/spans"),
    *("GET /v1/traces/{trace_id}/cost", "GET /v1/spans/{span_id}/cost", "GET /v1/models"),
    *("GET /dashboard/api/traces/{trace_id}/cost", "GET /dashboard/api/spans/{span_id}/cost"),
    "GET /dashboard/api/models",
    *(
        "GET /v1/transactions",
        "GET /v1/transactions/spans",
        "GET /v1/transactions/{transaction_id}",
    ),
    *("GET /dashboard/api/transactions", "GET /dashboard/api/transactions/spans"),
    "GET /dashboard/api/transactions/{transaction_id}",
    *("GET /v1/analytics", "GET /v1/analytics/spans", "GET /v1/outcomes"),
    *("POST /dashboard/api/traces/batch", "POST /dashboard/api/spans/batch"),
    "POST /dashboard/api/spans/async",
    *("GET /dashboard/api/traces", "GET /dashboard/api/traces/{trace_id}"),
    *("GET /dashboard/api/spans", "GET /dashboard/api/spans/{span_id}"),
    *("GET /dashboard/api/sessions/{session_id}", "GET /dashboard/api/sessions/{session_id}/spans"),
    *("GET /dashboard/api/analytics", "GET /dashboard/api/analytics/spans"),
    "GET /dashboard/api/outcomes",
    *("POST /dashboard/api/releases", "POST /dashboard/api/releases/{version}/deployments"),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in OF_ISSUES),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in OF_OTEL),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in BESIDE_ERRORS),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in EXPORTS),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in OF_SCORES),
    *(f"GET {base}/{path}" for base in ("/v1", "/dashboard/api") for path in OF_SUBJECTS),
    *(f"{way} {SCHEDULES}" for way in ("PUT", "GET", "DELETE")),
    *(f"{way} {SCHEDULES_BY_TOKEN}" for way in ("PUT", "GET", "DELETE")),
    *(f"DELETE {base}/scores/{{score_id}}" for base in ("/v1", "/dashboard/api")),
    *("PATCH /dashboard/api/issues/{issue_id}", "POST /dashboard/api/issues/bulk"),
    *("POST /dashboard/api/issues/{issue_id}/merge", "GET /v1/issues/{issue_id}"),
    "POST /dashboard/api/issues/{issue_id}/unmerge",
    *("GET /api/v1/me", "GET /api/v1/org/stats", "GET /api/v1/org/activity"),
    *BY_LOGIN,
    *("GET /api/v1/projects/{project_id}/issues", "GET /api/v1/issues/{issue_id}"),
    *("PATCH /api/v1/issues/{issue_id}", "GET /api/v1/issues/{issue_id}/events"),
    *(f"GET /api/v1/issues/{{issue_id}}/{one}" for one in OF_ISSUE_BY_TOKEN),
    *("POST /api/v1/projects/{project_id}/releases",),
    "POST /api/v1/projects/{project_id}/releases/{version}/deployments",
    *(f"GET /api/v1/projects/{{project_id}}/{one}" for one in OF_PROJECT_BY_TOKEN),
    *BY_CLI,
    *(
        "GET /api/0/organizations/{org}/chunk-upload",
        "POST /api/0/organizations/{org}/chunk-upload",
    ),
    "POST /api/0/organizations/{org}/artifactbundle/assemble",
    "POST /api/v1/projects/{project_id}/persons/erasures",
    *("POST /api/v1/projects/{project_id}/alerts/rules", "GET /api/v1/alerts/rules"),
    *("GET /api/v1/alerts/rules/{rule_id}", "PATCH /api/v1/alerts/rules/{rule_id}"),
    *("POST /dashboard/api/annotation-queues", "GET /dashboard/api/annotation-queues"),
    "PATCH /dashboard/api/annotation-queues/{queue_id}",
    "POST /v1/annotation-queues/{queue_id}/items",
    "POST /dashboard/api/annotation-queues/{queue_id}/items",
    *(
        f"GET {base}/annotation-queues{end}"
        for base in ("/v1", "/dashboard/api")
        for end in OF_QUEUES
    ),
    "POST /dashboard/api/annotation-queues/{queue_id}/items/{queue_item_id}/scores",
    "DELETE /dashboard/api/annotation-queues/{queue_id}/items/{queue_item_id}",
    "DELETE /dashboard/api/annotation-queues/{queue_id}",
    "POST /api/v1/projects/{project_id}/annotation-queues",
    "GET /api/v1/projects/{project_id}/annotation-queues",
    "POST /api/v1/projects/{project_id}/annotation-queues/{queue_id}/items",
    *(f"GET /api/v1/projects/{{project_id}}/annotation-queues{end}" for end in OF_QUEUES[1:]),
    "PATCH /api/v1/projects/{project_id}/annotation-queues/{queue_id}",
    "DELETE /api/v1/projects/{project_id}/annotation-queues/{queue_id}/items/{queue_item_id}",
    "DELETE /api/v1/projects/{project_id}/annotation-queues/{queue_id}",
    *("PUT /dashboard/api/retention", "POST /dashboard/api/retention/preview"),
    *("GET /v1/retention", "GET /dashboard/api/retention"),
    *(f"{way} /api/v1/projects/{{project_id}}/retention" for way in ("PUT", "GET")),
    "POST /api/v1/projects/{project_id}/retention/preview",
    *(f"POST {base}/prompts" for base in OF_ADMINS),
    *(f"GET {base}/prompts{end}" for base in ("/v1", *OF_ADMINS) for end in OF_PROMPTS),
    *(f"GET {base}/analytics/prompts" for base in ("/v1", *OF_ADMINS)),
    "GET /api/public/v2/prompts/{prompt_name}",
    *(f"{one} {OF_ADMINS[0]}/prompts/{{prompt_name}}{LABEL}" for one in ("PUT", "DELETE")),
    *(f"{one} {OF_ADMINS[1]}/prompts/{{prompt_name}}{LABEL}" for one in ("PUT", "DELETE")),
    f"DELETE {OF_ADMINS[0]}/prompts/{{prompt_name}}",
    f"POST {OF_ADMINS[0]}/prompts",
    f"DELETE {OF_ADMINS[1]}/prompts/{{prompt_name}}",
    *(
        step
        for base in ("/dashboard/api", "/v1")
        for step in (
            f"POST {base}/datasets",
            *(f"POST {base}/datasets/{{dataset}}/{one}" for one in MADE_OF_DATASET),
            f"PATCH {base}/datasets/{{dataset}}",
            f"PATCH {base}/datasets/{{dataset}}/items/{{item_id}}",
            f"GET {base}/datasets",
            *(f"GET {base}/datasets/{{dataset}}{end}" for end in OF_DATASET),
            *(() if base == "/v1" else BY_TOKEN_OF_DATASETS),
            f"DELETE {base}/datasets/{{dataset}}",
        )
    ),
    *("GET /api/public/projects", "POST /api/public/v2/datasets"),
    *("GET /api/public/v2/datasets/{dataset}", "POST /api/public/dataset-items"),
    *("GET /api/public/dataset-items", "POST /api/public/dataset-run-items"),
    *("POST /dashboard/api/budgets", "GET /dashboard/api/budgets"),
    *(f"GET {base}/budgets{end}" for base in ("/v1", "/dashboard/api") for end in OF_BUDGETS),
    "GET /v1/budgets",
    *("PATCH /dashboard/api/budgets/{budget_id}", "DELETE /dashboard/api/budgets/{budget_id}"),
    *("POST /api/v1/projects/{project_id}/budgets", "GET /api/v1/projects/{project_id}/budgets"),
    *(f"GET /api/v1/projects/{{project_id}}/budgets{end}" for end in OF_BUDGETS),
    "PATCH /api/v1/projects/{project_id}/budgets/{budget_id}",
    "DELETE /api/v1/projects/{project_id}/budgets/{budget_id}",
    *("POST /dashboard/api/judges", "GET /dashboard/api/judges", "GET /v1/judges"),
    *("GET /v1/judges/{judge_id}", "GET /dashboard/api/judges/{judge_id}"),
    *(f"POST /dashboard/api/judges/{{judge_id}}/{one}" for one in ("test", "past")),
    *(f"{way} /dashboard/api/judges/{{judge_id}}" for way in ("PATCH", "DELETE")),
    *(f"{way} /api/v1/projects/{{project_id}}/judges" for way in ("POST", "GET")),
    *(f"{way} /api/v1/projects/{{project_id}}/judges/{{judge_id}}" for way in ("GET", "PATCH")),
    "POST /api/v1/projects/{project_id}/judges/{judge_id}/test",
    "POST /api/v1/projects/{project_id}/judges/{judge_id}/past",
    "DELETE /api/v1/projects/{project_id}/judges/{judge_id}",
    *("GET /dashboard/api/projects/{project_id}", "PATCH /dashboard/api/projects/{project_id}"),
    *("POST /dashboard/api/api-keys", "PATCH /dashboard/api/api-keys/{key_id}"),
    "DELETE /dashboard/api/api-keys/{key_id}",
    *("POST /dashboard/api/dsn-keys", "GET /dashboard/api/dsn-keys"),
    "DELETE /dashboard/api/dsn-keys/{dsn_key_id}",
    *("POST /dashboard/api/tokens", "GET /dashboard/api/tokens"),
    "DELETE /dashboard/api/tokens/{token_id}",
    *("POST /dashboard/api/users", "GET /dashboard/api/invitations"),
    *("GET /dashboard/api/invitations/accept", "POST /dashboard/api/invitations/accept"),
    *("GET /dashboard/api/users", "PATCH /dashboard/api/users/{user_id}"),
    "DELETE /dashboard/api/users/{user_id}",
    *("POST /dashboard/api/local-login-token", "GET /dashboard/api/local-login"),
    *("POST /dashboard/api/projects", "GET /health", "GET /ready", "GET /metrics"),
    *("GET /", "GET /runtime-config.js"),
    *("DELETE /dashboard/api/invitations/{invitation_id}", "GET /invite", "POST /invite"),
    *("POST /dashboard/api/prices", "GET /dashboard/api/prices"),
    *("PUT /dashboard/api/prices/{number}", "GET /dashboard/api/prices"),
    "DELETE /dashboard/api/prices/{number}",
    *("POST /dashboard/api/price-aliases", "GET /dashboard/api/prices"),
    *("PUT /dashboard/api/price-aliases/{number}", "GET /dashboard/api/prices"),
    "DELETE /dashboard/api/price-aliases/{number}",
    *("PUT /dashboard/api/errors/settings", "GET /dashboard/api/errors/settings"),
    *("POST /dashboard/api/alert-channels", "GET /dashboard/api/alert-channels"),
    "PUT /dashboard/api/alert-channels/{channel_id}",
    "POST /dashboard/api/alert-channels/{channel_id}/test",
    *("POST /dashboard/api/alert-rules", "GET /dashboard/api/alert-rules"),
    *("PUT /dashboard/api/alert-rules/{rule_id}", "GET /dashboard/api/alert-deliveries"),
    "DELETE /dashboard/api/alert-rules/{rule_id}",
    "DELETE /dashboard/api/alert-channels/{channel_id}",
    *("POST /api/auth/update-user", "GET /api/auth/list-sessions"),
    *("POST /api/auth/revoke-session", "POST /api/auth/revoke-other-sessions"),
    *("POST /api/auth/change-password", "DELETE /dashboard/api/projects/{project_id}"),
    *("POST /api/auth/revoke-sessions", "POST /api/auth/sign-out", "POST /api/auth/sign-up/email"),
)
INVITES_ANEW = ("DELETE /dashboard/api/invitations/{invitation_id}", "GET /invite")
"""What needs an invitation that is not used up by the steps before."""
ACCEPTS = ("POST /dashboard/api/invitations/accept", "POST /invite")
MADE = re.compile(r'"(?:invite_?url|login_?url)":"[^"]*token=([^"&]+)', re.IGNORECASE)


class Step(NamedTuple):
    """One call of the walk, and its answer."""

    operation: dict[str, Any]
    answer: httpx.Response


class Person:
    """Who goes through the page: sends its examples, and puts in what the server has made up."""

    def __init__(self, server: Server, document: dict[str, Any]) -> None:
        self.server = server
        self.http, self.guest = server.client(None), server.client(None)
        self.document = document
        self.key = self.dsn_key = self.api_token = self.monitor_key = self.prober_key = ""
        self.login = ""
        self.ids: dict[str, str] = {}
        self.deployed: dict[str, str] = {}
        """Ids of the API of deployments, whose project is one of its own."""

    def call(self, name: str, **query: str) -> Step:
        """Sends the example of an operation, with the credentials that it asks for."""
        method, _, path = name.partition(" ")
        operation = self.document["paths"][path][method.lower()]
        known = self.ids | self.deployed if name in BY_LOGIN else self.ids
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                value = known.get(parameter["name"], parameter["example"])
                path = path.replace(f"{{{parameter['name']}}}", value)
            elif parameter["name"] == "project_id":
                query["project_id"] = known["project_id"]
            elif parameter.get("required"):
                query.setdefault(parameter["name"], parameter["example"])
        if "token" in {one["name"] for one in operation.get("parameters", ())}:
            query["token"] = self.ids.get("token", TOKEN)
        # Whoever accepts is signed in: another browser than the one of who has invited.
        http = self.guest if name in ACCEPTS else self.http
        headers, sent = self._credentials(operation), self._sent(operation)
        if name in BY_LOGIN and "project_id" in sent.get("json", {}):
            sent["json"] = sent["json"] | {"project_id": known["project_id"]}
        answer = http.request(method, path, params=query, headers=headers, **sent)
        if name in BY_LOGIN:
            self._learn_deployed(name, answer)
        elif not path.startswith("/api/0/"):  # Sentry's forms: their ids are other ids
            self._learn(answer)
        return Step(operation, answer)

    def _credentials(self, operation: dict[str, Any]) -> dict[str, str]:
        asked = {scheme for way in operation["security"] for scheme in way}
        found = {}
        if "key" in asked or operation["operationId"] == "post_v1_auth_login":
            found["Authorization"] = f"Bearer {self.key}"
        if "token" in asked:
            found["Authorization"] = f"Bearer {self.api_token}"
        if "login" in asked:
            found["Authorization"] = f"Bearer {self.login}"
        if "monitor" in asked:
            found["Authorization"] = f"Bearer {self.monitor_key}"
        if "prober" in asked:
            found["Authorization"] = f"Bearer {self.prober_key}"
        if "dsn" in asked:
            found["X-Open-Sentry-Key"] = self.dsn_key
        if "sentry" in asked:
            found["X-Sentry-Auth"] = f"Sentry sentry_key={self.dsn_key}"
        if "project" in asked:
            found["X-Project-Id"] = self.ids["project_id"]
        return found

    def _sent(self, operation: dict[str, Any]) -> dict[str, Any]:
        ((kind, content),) = operation.get("requestBody", {}).get("content", {"": {}}).items()
        example = content.get("example")
        if isinstance(example, dict) and example.get("token") == TOKEN:
            example = example | {"token": self.ids["token"]}
        if isinstance(example, dict) and "monitor_id" in example:
            example = example | {"monitor_id": self.ids["monitor_id"]}
        if isinstance(example, dict) and "projects" in example:
            example = example | {"projects": [self.ids["project_number"]]}
        if isinstance(example, dict) and example.keys() & {"ids", "fingerprints"}:
            known = {"ids": "other_issue_id", "fingerprints": "fingerprint"}
            found = {name: [self.ids[one]] for name, one in known.items() if name in example}
            example = example | found
        if kind.startswith("application/x-www-form"):
            return {"data": example}
        if isinstance(example, str):
            return {"content": example}
        return {"json": example} if example is not None else {}

    def _learn(self, answer: httpx.Response) -> None:
        if made := MADE.search(answer.text):
            self.ids["token"] = made[1]
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return
        found = answer.json() or {}
        for name, one, field in (
            ("projects", "project_id", "id"),
            ("keys", "key_id", "id"),
            ("dsnKeys", "dsn_key_id", "id"),
            ("tokens", "token_id", "id"),
            ("invitations", "invitation_id", "id"),
            ("issues", "issue_id", "id"),
            ("events", "event_id", "id"),
            ("users", "user_id", "userId"),
            ("prices", "number", "number"),
            ("aliases", "number", "number"),
            ("alertRules", "rule_id", "id"),
            ("budgets", "budget_id", "id"),
            ("queues", "queue_id", "id"),
            ("items", "queue_item_id", "id"),
            ("judges", "judge_id", "id"),
            ("rules", "rule_id", "id"),
            ("alertChannels", "channel_id", "id"),
            ("monitors", "monitor_id", "monitor_id"),
            ("incidents", "incident_id", "incident_id"),
            ("webhooks", "webhook_id", "webhook_id"),
            ("status_pages", "page_id", "page_id"),
            ("escalation_policies", "policy_id", "policy_id"),
            ("exclusions", "exclusion_id", "exclusion_id"),
        ):
            # Sums have such names too.
            listed = found.get(name) if isinstance(found, dict) else None
            if listed and isinstance(listed, list):
                last = listed[-1 if one != "project_id" else 0]
                if field in last:  # jobs that check in are called monitors too
                    self.ids[one] = str(last[field])
        if isinstance(found, dict) and found.get("issues"):
            self.ids["other_issue_id"] = found["issues"][0]["id"]
        if isinstance(found, dict) and found.get("fingerprints"):
            self.ids["fingerprint"] = found["fingerprints"][-1]
        if isinstance(found, dict) and found.get("keys"):
            self.key = found["keys"][0]["key"]
            self._make_dsn()
            self._make_token()

    def _learn_deployed(self, name: str, answer: httpx.Response) -> None:
        """The ids of what a step has made."""
        method, _, path = name.partition(" ")
        made = {"projects": "project_id", "deployments": "deployment_id"}
        made |= {"webhooks": "git_webhook_id", "domains": "domain_id"}
        last = path.rpartition("/")[2]
        if method == "POST" and last in made and answer.is_success:
            self.deployed[made[last]] = answer.json()["id"]
        if path.endswith("/login"):
            self.login = answer.json()["token"]

    def find_transaction(self) -> None:
        """Finds one that was sent: its id is made up, and it is stored after the answer."""

        def found() -> list[dict[str, Any]]:
            step = self.call("GET /v1/transactions/spans", date_from="2026-01-01T00:00:00Z")
            return list(step.answer.json()["spans"])

        spans = wait_for(found, "a transaction with a span")
        self.ids["transaction_id"] = spans[0]["slowestTransaction"]

    def _make_dsn(self) -> None:
        """No endpoint does."""
        made = self.server.run("key", "dsn", "create", "--project", self.ids["project_id"])
        dsn = urlsplit(made.strip())
        self.dsn_key, self.ids["project_number"] = dsn.username or "", dsn.path.strip("/")
        self.ids["project"] = self.ids["project_number"]

    def _make_token(self) -> None:
        """One that may do what its example asks, for all projects of the person."""
        new = {"name": "Walk", "scope": "admin", "allProjects": True}
        own = {"X-Project-Id": self.ids["project_id"]}
        made = self.http.post("/dashboard/api/tokens", json=new, headers=own)
        self.api_token = made.json()["apiToken"]
        new = {"name": "Walk", "scope": "write", "forMonitors": True}
        made = self.http.post("/dashboard/api/tokens", json=new, headers=own)
        self.monitor_key = made.json()["apiToken"]
        new = {"name": "Walk", "forProbers": True}
        made = self.http.post("/dashboard/api/tokens", json=new, headers=own)
        self.prober_key = made.json()["apiToken"]
        job = {"name": "Walk", "type": "heartbeat"}
        own = {"Authorization": f"Bearer {self.monitor_key}"}
        made = self.http.post("/v1/monitors", json=job, headers=own)
        self.ids["secret"] = made.json()["ping_url"].rpartition("/")[2]


@pytest.fixture(scope="module")
def walk(server: Server) -> Iterator[dict[str, Step]]:
    """Every operation, called once with its example."""
    with server.client(None) as client:
        document = client.get("/docs/openapi.json").json()
    person, steps = Person(server, document), {}
    for name in STEPS:
        if name == "GET /v1/transactions":
            person.find_transaction()
        if name in INVITES_ANEW:
            person.call("POST /dashboard/api/users")
            person.call("GET /dashboard/api/invitations")
        if name == "GET /v1/issues":
            server.wait_stored()
        steps[name] = person.call(name)
    yield steps
    person.http.close()
    person.guest.close()


def test_the_walk_leaves_out_no_operation(walk: dict[str, Step], server: Server) -> None:
    with server.client(None) as client:
        paths = client.get("/docs/openapi.json").json()["paths"]

    assert set(walk) == {f"{m.upper()} {path}" for path, found in paths.items() for m in found}


@pytest.mark.parametrize("name", STEPS)
def test_an_example_is_answered_as_it_is_described(walk: dict[str, Step], name: str) -> None:
    operation, answer = walk[name]

    best = min(map(int, operation["responses"]))
    expected = REJECTED.get(name, best)
    assert answer.status_code == expected, answer.text[:300]
    assert best < 400 or expected == 403


WITH_MONITOR_KEY = tuple(
    f"GET /v1/{one}"
    for one in (
        *("monitors", "status", "incidents", "webhooks", "heartbeats", "sla"),
        "escalation-policies",
    )
)
"""Asked in tests/e2e/test_uptime.py."""
ASKED = [
    name
    for name in STEPS
    if name.startswith("GET /v1/")
    and "{issue_id}" not in name
    and "{queue_id}" not in name  # tests/e2e/test_annotation.py
    and "{otel_" not in name  # tests/integration/queries/test_otel_trees.py, test_otel_lists.py
    and "{dataset}" not in name  # tests/integration/datasets
    and "{prompt_name}" not in name  # tests/integration/alerts/test_prompts_http.py
    and "/export" not in name  # tests/integration/exports: each table takes some of them
    and not name.startswith(WITH_MONITOR_KEY)
]
SHOWN = re.compile(r"For example `([^`]+)`\.$")
"""How a parameter that may be left out shows a value."""


@pytest.mark.parametrize("name", ASKED)
def test_the_value_that_each_parameter_shows_is_taken(
    walk: dict[str, Step], anyone: Project, name: str
) -> None:
    shown = [one for one in walk[name].operation.get("parameters", ()) if one["in"] == "query"]
    required = {one["name"]: one["example"] for one in shown if one.get("required")}
    path = name.removeprefix("GET ").replace("{session_id}", SESSION_ID)
    anyone.post("/v1/traces/batch", TRACES)
    anyone.post("/v1/spans/batch", SPANS)

    for one in shown:
        parameter, said = one["name"], SHOWN.search(one["description"])
        if (name, parameter) == ("GET /v1/logs", "cursor"):
            continue  # its places have a form of their own
        example = said[1] if said else PARAMETERS[parameter].example
        given = required | {parameter.replace("<key>", "team"): example}
        if parameter == "date_from":  # alone it would ask for all the time since then
            given |= {"date_to": "2026-01-02T00:00:00Z"}
        answer = anyone.get(path, **given)
        assert answer.status_code == 200, (given, answer.text)


def test_what_is_rejected_is_answered_with_a_status_that_is_described(
    walk: dict[str, Step], anyone: Project
) -> None:
    undescribed = {}
    with anyone.server.client(None) as nobody:
        for name, (operation, _) in walk.items():
            method, _, path = name.partition(" ")
            for client, given in (
                (nobody, {"params": {"nonsense": "1"}}),
                (nobody, {"content": b"{"}),
                (nobody, {}),
                (anyone.http, {"params": {"nonsense": "1"}}),
                (anyone.http, {"content": b"{"}),
                (anyone.http, {"headers": {"Content-Encoding": "pig"}, "content": b"[]"}),
            ):
                if method in ("GET", "DELETE") and "content" in given:
                    continue
                answer = client.request(method, path, **given)  # type: ignore[arg-type]
                if str(answer.status_code) not in operation["responses"]:
                    undescribed[name] = (given, answer.status_code, answer.text[:200])

    assert undescribed == {}
