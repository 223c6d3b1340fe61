"""What to copy to send transactions and logs, with the address and the DSN of whoever looks."""

from api.auth import AnyRequest, services
from api.pages.parts.snippets import Snippet, url_of
from api.pages.viewer import Viewer
from controlplane.dsn import dsn_of, list_dsn_keys

PLACE_OF_KEY = "YOUR_DSN_KEY"
PLACE_OF_DSN = "YOUR_DSN"
PYTHON = """# pip install sentry-sdk
import sentry_sdk

sentry_sdk.init(dsn="{dsn}", traces_sample_rate=1.0)

with sentry_sdk.start_transaction(name="first-transaction", op="task"):
    with sentry_sdk.start_span(name="SELECT 1", op="db"):
        pass  # what is measured

sentry_sdk.flush()"""
NODE = """// npm install @sentry/node
const Sentry = require("@sentry/node");

Sentry.init({{ dsn: "{dsn}", tracesSampleRate: 1.0 }});

Sentry.startSpan({{ name: "first-transaction", op: "task" }}, () => {{
  Sentry.startSpan({{ name: "SELECT 1", op: "db" }}, () => {{ /* what is measured */ }});
}});

Sentry.flush(2000);"""
LOGS_PYTHON = """# pip install sentry-sdk
import logging

import sentry_sdk

sentry_sdk.init(dsn="{dsn}", enable_logs=True)
logging.basicConfig(level=logging.INFO)

sentry_sdk.logger.warning("stock of {{order}} is low", order=42)
# What the program logs by itself is sent too, from level info on.
logging.getLogger("shop").info("paid in %d ms", 812)

sentry_sdk.flush()"""
LOGS_NODE = """// npm install @sentry/node
const Sentry = require("@sentry/node");

Sentry.init({{ dsn: "{dsn}", enableLogs: true }});

Sentry.logger.warn("stock is low", {{ order: 42 }});

Sentry.flush(2000);"""
LOGS_CURL = """curl "{url}/api/{number}/envelope/?sentry_key={key}" --data-binary '{{}}
{{"type":"log","item_count":1}}
{{"items":[{{"timestamp":'$(date +%s)',"level":"warn","body":"stock is low"}}]}}'"""
CURL = """curl {url}/v1/ingest \\
  -H "X-Open-Sentry-Key: {key}" -H 'Content-Type: application/json' -d '{{
    "type": "transaction", "name": "first-transaction", "status": "ok", "durationMs": 120,
    "traceId": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "spans": [{{"spanId": "1", "op": "db", "description": "SELECT 1", "durationMs": 80}}]}}'"""

CRON_PYTHON = """# pip install sentry-sdk
import sentry_sdk
from sentry_sdk.crons import monitor

sentry_sdk.init(dsn="{dsn}")
schedule = {{"type": "crontab", "value": "0 3 * * *"}}

@monitor(monitor_slug="nightly-backup", monitor_config={{"schedule": schedule, "timezone": "UTC"}})
def back_up():
    pass  # the job

back_up()
sentry_sdk.flush()"""
FEEDBACK_BROWSER = """import * as Sentry from "@sentry/browser";

Sentry.init({{
  dsn: "{dsn}",
  integrations: [Sentry.feedbackIntegration()],
}});"""
FEEDBACK_PYTHON = """# pip install sentry-sdk
import sentry_sdk

sentry_sdk.init(dsn="{dsn}")
said = {{"message": "The button does nothing", "contact_email": "ann@example.com"}}
sentry_sdk.capture_event({{"type": "feedback", "contexts": {{"feedback": said}}}})
sentry_sdk.flush()"""


PYTHON_RELEASE = """# pip install sentry-sdk
import sentry_sdk

# With a release, web frameworks send sessions by themselves.
sentry_sdk.init(
    dsn="{dsn}",
    release="shop@1.0.0",
    environment="production",
)"""
BROWSER_RELEASE = """// npm install @sentry/browser
import * as Sentry from "@sentry/browser";

// With a release, each page load is a session.
Sentry.init({{
  dsn: "{dsn}",
  release: "shop@1.0.0",
  environment: "production",
}});"""
SENTRY_CLI = """# pip install sentry-cli; make the token under Settings, API tokens
export SENTRY_URL={url} SENTRY_AUTH_TOKEN=osco_YOUR_TOKEN SENTRY_ORG=sluice SENTRY_PROJECT={number}

sentry-cli releases new shop@1.0.0
sentry-cli releases set-commits shop@1.0.0 --auto
sentry-cli releases finalize shop@1.0.0
sentry-cli deploys new --release shop@1.0.0 --env production"""


async def session_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that make a first release known, for an empty page."""
    url = url_of(request)
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    dsn = dsn_of(url, keys[0].public_key, keys[0].number) if keys else PLACE_OF_DSN
    given = {"url": url, "dsn": dsn, "number": keys[0].number if keys else 1}
    return [
        ("From Python, with Sentry's SDK", PYTHON_RELEASE.format_map(given)),
        ("From the browser, with Sentry's SDK", BROWSER_RELEASE.format_map(given)),
        ("With sentry-cli", SENTRY_CLI.format_map(given)),
    ]


async def transaction_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first transaction, for an empty page.

    Every member sees the DSN: browsers and apps carry it, and it sends and nothing else.
    """
    given = await _given(request, viewer)
    return [
        ("From Python, with Sentry's SDK", PYTHON.format_map(given)),
        ("From Node.js, with Sentry's SDK", NODE.format_map(given)),
        ("With curl", CURL.format_map(given)),
    ]


async def log_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first log record, for an empty page."""
    given = await _given(request, viewer)
    return [
        ("From Python, with Sentry's SDK", LOGS_PYTHON.format_map(given)),
        ("From Node.js, with Sentry's SDK", LOGS_NODE.format_map(given)),
        ("With curl", LOGS_CURL.format_map(given)),
    ]


async def check_in_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first check-in."""
    given = await _given(request, viewer)
    return [("From Python, with Sentry's SDK", CRON_PYTHON.format_map(given))]


async def feedback_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first feedback."""
    given = await _given(request, viewer)
    return [
        ("In the browser, with Sentry's SDK", FEEDBACK_BROWSER.format_map(given)),
        ("From Python, with Sentry's SDK", FEEDBACK_PYTHON.format_map(given)),
    ]


async def _given(request: AnyRequest, viewer: Viewer) -> dict[str, str]:
    url = url_of(request)
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    key = keys[0].public_key if keys else PLACE_OF_KEY
    dsn = dsn_of(url, key, keys[0].number) if keys else PLACE_OF_DSN
    number = str(keys[0].number) if keys else "YOUR_PROJECT_NUMBER"
    return {"url": url, "key": key, "dsn": dsn, "number": number}
