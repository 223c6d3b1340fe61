"""What to copy to send errors and transactions, with the address and the DSN of whoever looks."""

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

Sentry.init({{ dsn: "{dsn}", tracesSampleRate: 1.0, traceLifecycle: "static" }});

Sentry.startSpan({{ name: "first-transaction", op: "task" }}, () => {{
  Sentry.startSpan({{ name: "SELECT 1", op: "db" }}, () => {{ /* what is measured */ }});
}});

Sentry.flush(2000);"""
CURL = """curl {url}/v1/ingest \\
  -H "X-Open-Sentry-Key: {key}" -H 'Content-Type: application/json' -d '{{
    "type": "transaction", "name": "first-transaction", "status": "ok", "durationMs": 120,
    "traceId": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "spans": [{{"spanId": "1", "op": "db", "description": "SELECT 1", "durationMs": 80}}]}}'"""


async def transaction_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first transaction, for an empty page.

    Every member sees the DSN: browsers and apps carry it, and it sends and nothing else.
    """
    url = url_of(request)
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    key = keys[0].public_key if keys else PLACE_OF_KEY
    dsn = dsn_of(url, key, keys[0].number) if keys else PLACE_OF_DSN
    given = {"url": url, "key": key, "dsn": dsn}
    return [
        ("From Python, with Sentry's SDK", PYTHON.format_map(given)),
        ("From Node.js, with Sentry's SDK", NODE.format_map(given)),
        ("With curl", CURL.format_map(given)),
    ]
