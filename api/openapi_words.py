"""The words of the API's description: parameters, statuses, groups of routes, credentials."""

from typing import Any, NamedTuple

from schemas.examples import SESSION_ID, SPAN_ID, TOKEN, TRACE_ID

INTRODUCTION = """\
1. Press **Authorize** and give an API key once. `sluice key show` prints one. The page keeps it in
   this browser until you press *Logout* there.
2. Open an endpoint, press **Try it out**, then **Execute**. The examples work as they are: send the
   examples of *Send events* first, and those of *Ask* find what was sent.

What `/dashboard/api` offers is for people. Sign in at `POST /api/auth/sign-in/email`; the browser
keeps the cookie. Then give the id of a project at **Authorize**.

An error is `{"error": "…"}`, with `details` where single values are wrong; below `/api/auth` it is
`{"code": "…", "message": "…"}`. 429 and 503 carry `Retry-After` in seconds.
"""


class Words(NamedTuple):
    """What a parameter means, and a value that is taken."""

    meaning: str
    example: str


SOMETHING = "00000000-0000-4000-8000-000000000000"

PARAMETERS = {
    "date_from": Words("The first moment.", "2026-01-01T00:00:00Z"),
    "date_to": Words("The last moment.", "2030-01-01T00:00:00Z"),
    "limit": Words("At most so many.", "10"),
    "offset": Words("Leaves out the first so many.", "0"),
    "session_id": Words("Of this session.", SESSION_ID),
    "provider": Words("Of this provider.", "openai"),
    "model": Words("Of this model, as it was requested.", "gpt-4o"),
    "model_used": Words("Of the model that answered.", "gpt-4o-2024-11-20"),
    "status": Words("How it ended.", "success"),
    "user": Words("Of this user, as `metadata` names one.", "ann"),
    "environment": Words("Of this environment.", "production"),
    "min_latency_ms": Words("Not faster, in milliseconds.", "100"),
    "max_latency_ms": Words("Not slower, in milliseconds.", "5000"),
    "min_cost_cents": Words("Not cheaper, in US cents.", "0"),
    "max_cost_cents": Words("Not dearer, in US cents.", "100"),
    "source": Words("Of this kind of agent.", "claude_code"),
    "tool_name": Words("Of this tool.", "Bash"),
    "kind": Words("Of this kind of event.", "tool_use"),
    "outcome": Words("Only this outcome.", "accepted"),
    "interval": Words("Length of the periods that are counted.", "day"),
    "group_by": Words(
        "What to group by: `day`, `hour`, and for traces also `model`, `user`, `metadata.<key>` and"
        " others, several with commas.",
        "day",
    ),
    "order": Words("What the groups are sorted by; `cost:asc` the other way.", "cost"),
    "token": Words("The token of the link.", TOKEN),
    "disableCookieCache": Words("Taken, and changes nothing here.", "true"),
    "disableRefresh": Words("Taken, and changes nothing here.", "true"),
    "metadata.<key>": Words(
        'Of these values in `metadata`, ten at most: `{"metadata.feature": "support-chat"}` is sent'
        " as `metadata.feature=support-chat`.",
        "support-chat",
    ),
    "tz": Words(
        "Time zone of dates and periods, by its IANA name; without it, that of the project.", "UTC"
    ),
    "fill": Words("Whether periods without data are answered too.", "true"),
    # Of a path.
    "number": Words("Number of the price or alias.", "1"),
    "trace_id": Words("Id of the trace.", TRACE_ID),
    "span_id": Words("Id of the span.", SPAN_ID),
    "project_id": Words("Id of the project.", SOMETHING),
    "key_id": Words("Id of the key.", SOMETHING),
    "user_id": Words("Id of the person.", SOMETHING),
    "invitation_id": Words("Id of the invitation.", SOMETHING),
}

STATUSES = {
    302: "Found: the browser goes on",
    400: "What was sent breaks a rule, which `error` and `details` name",
    401: "No credential, or one that is not known",
    403: "Known, and not allowed",
    404: "There is no such thing here",
    408: "The body came too slowly",
    409: "It exists already, must stay, or would be one too many",
    413: "The body, or an item of it, is too large",
    415: "An unknown `Content-Encoding`",
    422: "The query is too expensive: ask for less",
    429: "Too many requests: wait for `Retry-After` seconds",
    503: "Not now: try again after `Retry-After` seconds",
}

TAGS = {
    "ingest": "Send events",
    "queries": "Ask",
    "Sessions": "Sign in",
    "Accounts": "Projects, keys and people",
    "dashboard": "Send and ask as a person",
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
    "session": [{"session": []}],
    "project": [{"session": [], "project": []}],
    "operator": [{}, {"key": []}],
}
