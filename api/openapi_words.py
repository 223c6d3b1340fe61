"""The words of the API's description: parameters, statuses, groups of routes, credentials."""

from typing import Any, NamedTuple

from schemas.examples import (
    ATTACHMENT_ID,
    EVENT_ID,
    INCIDENT_ID,
    LOG_ID,
    MONITOR_ID,
    PAGE_ID,
    POLICY_ID,
    SCORE_ID,
    SESSION_ID,
    SPAN_ID,
    TOKEN,
    TRACE_ID,
    WEBHOOK_ID,
)

INTRODUCTION = """\
1. Press **Authorize** and give an API key once. `sluice key show` prints one. The page keeps it in
   this browser until you press *Logout* there.
2. Open an endpoint, press **Try it out**, then **Execute**. The examples work as they are: send the
   examples of *Send events* first. Those of *Query* then find what was sent.

`/dashboard/api` is for people. Sign in with `POST /api/auth/sign-in/email`; the browser keeps the
cookie. Then press **Authorize** and give the id of a project.

An error is `{"error": "…"}`. It has `details` if single values are wrong. Under `/api/auth` an
error is `{"code": "…", "message": "…"}`. 429 and 503 have the header `Retry-After`, in seconds.
"""


class Words(NamedTuple):
    """What a parameter means, and a value that is taken."""

    meaning: str
    example: str


SOMETHING = "00000000-0000-4000-8000-000000000000"

PARAMETERS = {
    "date_from": Words("Only events from this time on.", "2026-01-01T00:00:00Z"),
    "date_to": Words("Only events up to this time.", "2030-01-01T00:00:00Z"),
    "limit": Words("How many to answer at most.", "10"),
    "offset": Words("How many to skip first.", "0"),
    "session_id": Words("Only this session.", SESSION_ID),
    "provider": Words("Only this provider.", "openai"),
    "model": Words("Only this model, as it was requested.", "gpt-4o"),
    "billing": Words("`all`: also calls that are not billed, as others tell of them.", "all"),
    "model_used": Words("Only calls that this model answered.", "gpt-4o-2024-11-20"),
    "status": Words("Only events with this status.", "success"),
    "person": Words(
        "Whose data: user id, email, user name or IP address, as events have it.",
        "ann@example.com",
    ),
    "user": Words("Only this user: `userId` or `user_id` of `metadata`.", "ann"),
    "api_key": Words(
        "Only what came with this key: its id.", "3f2a1b9c-0d4e-4f6a-8b7c-1d2e3f4a5b6c"
    ),
    "environment": Words("Only this environment: `environment` of `metadata`.", "production"),
    "prompt": Words("Only calls that used this prompt.", "support"),
    "prompt_version": Words("Only calls that used this version of a prompt.", "3"),
    "label": Words("A label of a prompt's version.", "production"),
    "min_latency_ms": Words("Least latency in milliseconds.", "100"),
    "max_latency_ms": Words("Greatest latency in milliseconds.", "5000"),
    "min_cost_cents": Words("Least cost in US cents.", "0"),
    "max_cost_cents": Words("Greatest cost in US cents.", "100"),
    "source": Words("Only what this source sent, such as an agent.", "claude_code"),
    "tool_name": Words("Only this tool.", "Bash"),
    "kind": Words("Only this kind of event.", "tool_use"),
    "data_type": Words("Only scores of this type: numeric, categorical, …", "boolean"),
    "author": Words("Only what this person or model says.", "gpt-4o"),
    "value": Words("Only scores with these words.", "friendly"),
    "min_value": Words("Least value.", "0.5"),
    "max_value": Words("Greatest value.", "1"),
    "outcome": Words("Only this outcome.", "accepted"),
    "interval": Words("Length of the periods: a count for each.", "day"),
    "group_by": Words(
        "What to group by: `day`, `hour`, and for traces also `model`, `user`, `metadata.<key>` and"
        " others, several with commas.",
        "day",
    ),
    "order": Words("What groups are sorted by, greatest first; `cost:asc` is least first.", "cost"),
    "token": Words("The token of the link.", TOKEN),
    "disableCookieCache": Words("Accepted, and has no effect.", "true"),
    "disableRefresh": Words("Accepted, and has no effect.", "true"),
    "metadata.<key>": Words(
        "Only events with these values in `metadata`, ten at most:"
        ' `{"metadata.feature": "support-chat"}` is sent as `metadata.feature=support-chat`.',
        "support-chat",
    ),
    "tz": Words(
        "Time zone of dates and periods, by its IANA name; without it, that of the project.", "UTC"
    ),
    "fill": Words("Whether periods without data are answered too.", "true"),
    "name": Words("Only transactions, spans, scores, or the metric, of this name.", "/checkout"),
    "op": Words("Only transactions of this operation.", "http.server"),
    "release": Words("Only this release.", "shop@1.0.0"),
    "q": Words(
        "Only what holds this text, in capitals or not. Of traces and spans: all of these words"
        ' and `"phrases in quotes"`.',
        "checkout",
    ),
    "monitor": Words("Only this scheduled job.", "nightly-backup"),
    "by": Words("What comes first.", "total"),
    "span_op": Words("Only spans whose operation begins with this.", "db"),
    "cursor": Words("Where the page before ended: its `cursor` or `nextCursor`.", "12_17"),
    "query": Words(
        'Words such as `is:unresolved level:error env:production tenant:acme "no such key"`.',
        "is:unresolved",
    ),
    "level": Words("Only issues of this level; of logs, this one at least.", "error"),
    "logger": Words("Only records of this logger.", "shop.orders"),
    "service": Words("Only what this service did: `service.name`.", "shop"),
    "convention": Words("Only what was told by these conventions of OpenTelemetry.", "genai"),
    "tag": Words("Only calls with this tag: one of `tags` of `metadata`.", "vip"),
    "score": Words("Only calls that have a score of this name now.", "helpfulness"),
    "score_value": Words("Only calls with a score that says so; `true`, `false`.", "friendly"),
    "score_min": Words("Least number of the score.", "0.5"),
    "score_max": Words("Greatest number of the score.", "1"),
    "span_kind": Words("Only spans of this kind of OpenTelemetry: server, client, …", "server"),
    "host": Words("Only spans of this machine.", "web-1"),
    "min_duration_ms": Words("Least duration in milliseconds.", "100"),
    "max_duration_ms": Words("Greatest duration in milliseconds.", "5000"),
    "resource.<key>": Words(
        "As `attr.<key>`, of the attributes of the resource that sent it, ten at most.", "shop"
    ),
    "server_name": Words("Only records of this machine.", "web-1"),
    "word": Words("Only bodies that hold these words whole, in capitals or not.", "stock"),
    "oldest_first": Words("Whether the oldest record comes first.", "false"),
    "split_by": Words(
        "What a metric is split by: `service`, `environment`, `session_id`, `model`, `type`,"
        " `temporality` or `attr.<key>`.",
        "service",
    ),
    "type": Words("Only points of this type, such as of tokens.", "input"),
    "temporality": Words("Only points that are told so.", "delta"),
    "attr.<key>": Words(
        "Only what has these values in its attributes, ten at most:"
        ' `{"attr.order": "43"}` is sent as `attr.order=43`. Several of one key: any of them.'
        " Numbers after `>`, `>=`, `<` and `<=` are compared; `!=43` is any other value, `*` any.",
        "43",
    ),
    "state": Words("Only issues that are unresolved, resolved, ignored, or all.", "unresolved"),
    "sort": Words("What comes first: last_seen, first_seen, events or people.", "last_seen"),
    # Of a path.
    "monitor_slug": Words("Name of the scheduled job.", "nightly-backup"),
    "secret": Words(
        "What the ping URL of a heartbeat ends with.", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"
    ),
    "signal": Words("start, fail, or the exit code of a shell: 0 to 255.", "start"),
    "table": Words("The table, as docs/tables.md names them.", "traces"),
    "associated_event_id": Words("Only feedback about this error.", EVENT_ID),
    "fingerprint": Words("Only errors that are grouped by this.", "a1b2c3d4"),
    "region": Words("Only checks from this region.", "local"),
    "role": Words("Only messages of this speaker.", "user"),
    "stream": Words("Only lines of this output.", "stdout"),
    "transaction": Words("Only of this request or job.", "GET /cart"),
    "rid": Words("Names the run, where several overlap.", SOMETHING),
    "public_key": Words("The DSN key.", "0123456789abcdef0123456789abcdef"),
    "issue_id": Words("Id of the issue, or its number in the project.", "1"),
    "event_id": Words("Id of the event: 32 hexadecimal digits.", EVENT_ID),
    "attachment_id": Words("Id of the file: 32 hexadecimal digits.", ATTACHMENT_ID),
    "transaction_id": Words("Id of the transaction: 32 hexadecimal digits.", EVENT_ID),
    "log_id": Words("Id of the log record: 32 hexadecimal digits.", LOG_ID),
    "number": Words("Number of the price or alias.", "1"),
    "score_id": Words("Id of the score.", SCORE_ID),
    "trace_id": Words("Id of the trace.", TRACE_ID),
    "span_id": Words("Id of the span.", SPAN_ID),
    "otel_trace_id": Words(
        "Id of the trace: 32 hexadecimal digits.", "5b8efff798038103d269b633813fc60c"
    ),
    "otel_span_id": Words(
        "Ids of trace and span, with a hyphen between them.",
        "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174",
    ),
    "otel_service": Words("Name of the service: `service.name`.", "shop"),
    "under": Words("Only this span of the trace, and what is below it.", "eee19b7ec3c1b174"),
    "project_id": Words("Id of the project.", SOMETHING),
    "project_number": Words("Number of the project: what stands at the end of its DSN.", "1"),
    "key_id": Words("Id of the key.", SOMETHING),
    "dsn_key_id": Words("Id of the DSN key.", SOMETHING),
    "monitor_id": Words("Id of the monitor.", MONITOR_ID),
    "exclusion_id": Words("Id of the voided time.", "exc_0a1b2c3d"),
    "incident_id": Words("Id of the incident.", INCIDENT_ID),
    "page_id": Words("Id of the status page.", PAGE_ID),
    "policy_id": Words("Id of the escalation policy.", POLICY_ID),
    "incident_state": Words(
        "Only incidents that are triggered, acknowledged or resolved.", "triggered"
    ),
    "webhook_id": Words("Id of the webhook.", WEBHOOK_ID),
    "delivery_state": Words("Only deliveries that are pending, delivered or dead.", "dead"),
    "delivery_id": Words("This delivery alone. Without it, all that are dead.", SOMETHING),
    "window": Words("Over which time: a number and m, h or d, 90d at most.", "24h"),
    "step": Words("Length of each step: a number and m, h or d.", "1h"),
    "days": Words("How many days, today among them.", "90"),
    "month": Words("The last month of the report; without it, the one that is now.", "2026-10"),
    "months": Words("How many months, 12 at most.", "3"),
    "format": Words("`json`, or `csv` with a line for each monitor and month.", "csv"),
    "timezone": Words(
        "Time zone of days and months, by its IANA name; without it, that of the project.",
        "Europe/Berlin",
    ),
    "deployment_id": Words("Id of the deployment.", SOMETHING),
    "git_webhook_id": Words("Id of the webhook.", SOMETHING),
    "domain_id": Words("Id of the domain.", SOMETHING),
    "token_id": Words("Id of the API token.", SOMETHING),
    "user_id": Words("Id of the person.", SOMETHING),
    "version": Words("Name of the release.", "shop@1.0.0"),
    "prompt_name": Words("Name of the prompt.", "support"),
    "org": Words("Name of the organization, as sentry-cli sends it: any.", "sluice"),
    "project": Words("Number, id or name of the project, as `web-shop`.", "1"),
    "hours": Words("How many of the last hours are looked at.", "24"),
    "dataset": Words("Name of the dataset.", "support-questions"),
    "datasetName": Words("Name of the dataset.", "support-questions"),
    "page": Words("Which page of `limit` items, from 1 on.", "1"),
    "item_id": Words("Id of the item of the dataset.", "refund-1"),
    "queue_item_id": Words("Id of the item of the annotation queue.", SOMETHING),
    "as_of": Words("Number of a version, or a time: as it was then. Without it, now.", "1"),
    "archived": Words("`1`: also items that are archived.", "1"),
    "run": Words("Name of the run.", "gpt-4o"),
    "a": Words("Name of the run that the other is compared with.", "gpt-4o"),
    "b": Words("Name of the other run: differences are b minus a.", "gpt-4o"),
    "measure": Words(
        "By which measure items are sorted, the greatest loss first: a score's name after `score.`,"
        " or cost, latency, tokens, failures. Without it, the first score there is.",
        "cost",
    ),
    "budget_id": Words("Id of the budget.", SOMETHING),
    "queue_id": Words("Id of the annotation queue.", SOMETHING),
    "judge_id": Words("Id of the judge.", SOMETHING),
    "errors": Words("`true`: only those with a call that failed.", "true"),
    "period": Words("Into which periods users are put: `day`, `week` or `month`.", "week"),
    "periods": Words("How many periods, 52 at most.", "12"),
    "refuse": Words("`1`: a call that is not allowed is answered with 429.", "0"),
    "rule_id": Words("Id of the alert rule.", SOMETHING),
    "channel_id": Words("Id of the channel.", SOMETHING),
    "invitation_id": Words("Id of the invitation.", SOMETHING),
}

STATUSES = {
    302: "Found: the browser goes on",
    400: "The request breaks a rule: `error` and `details` say which",
    401: "No API key or session, or an unknown one",
    403: "You are not allowed to do this",
    404: "Not found",
    408: "The body came too slowly",
    409: "It exists already, cannot be removed, or a quota is reached",
    413: "The body, or an item of it, is too large",
    415: "An unknown `Content-Encoding`",
    422: "The query is too expensive: ask for less",
    429: "Too many requests: wait for `Retry-After` seconds",
    503: "Not possible now: try again after `Retry-After` seconds",
}

TAGS = {
    "ingest": "Send events",
    "queries": "Query",
    "Sessions": "Sign in",
    "Accounts": "Projects, keys and people",
    "dashboard": "Send and query as a person",
    "agents": "Ask with an API token",
    "sentry-cli": "Upload with sentry-cli",
    "monitors": "Monitors and incidents",
    "deploys": "Deployments",
    "operations": "Operate",
    "pages": "Pages",
}
"""What routers and handlers carry, and the heading that it is shown under."""

# The page gives the cursor to the last of them and shows the last one first, see docs.css.
SCHEMES: dict[str, dict[str, Any]] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "better-auth.session_token",
        "description": "Set by `POST /api/auth/sign-in/email`: nothing to type here.",
    },
    "project": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Project-Id",
        "description": "Which of your projects, once you are signed in: an id of"
        " `GET /dashboard/api/projects`.",
    },
    "dsn": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Open-Sentry-Key",
        "description": "A DSN key of a project: what stands before the @ of its DSN.",
    },
    "sentry": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Sentry-Auth",
        "description": "The same for the routes of Sentry's SDKs: `Sentry sentry_key=…`.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "osco_… or oscp_…",
        "description": "An API token of a person or a project, without the word Bearer:"
        " `POST /dashboard/api/tokens` makes one.",
    },
    "login": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token of `POST /api/v1/auth/login`, without the word Bearer.",
    },
    "monitor": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_live_… or oscp_…",
        "description": "A monitor key of a project, without the word Bearer:"
        " `sluice token create --monitors` makes one.",
    },
    "prober": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_probe_…",
        "description": "A prober key of a project, without the word Bearer:"
        " `sluice token create --prober` makes one.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pulse_sk_…",
        "description": "An API key of a project, without the word Bearer. `sluice key show` prints"
        " one. For `/metrics`, the token of `SLUICE_METRICS_TOKEN` instead.",
    },
}
NEEDS: dict[str, list[dict[str, list[str]]]] = {
    "nobody": [],
    "key": [{"key": []}],
    "dsn": [{"dsn": []}],
    "sentry": [{"sentry": []}],
    "session": [{"session": []}],
    "project": [{"session": [], "project": []}],
    "token": [{"token": []}],
    "login": [{"login": []}, {"token": []}],
    "monitor": [{"monitor": []}],
    "prober": [{"prober": []}],
    "operator": [{}, {"key": []}],
}
