"""What to copy to send errors and transactions, with the address and the DSN of whoever looks."""

from api.auth import AnyRequest
from api.pages.parts.snippets import Snippet, url_of
from api.pages.viewer import Viewer

PLACE_OF_KEY = "YOUR_DSN_KEY"
PLACE_OF_NUMBER = "YOUR_PROJECT_NUMBER"
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
CURL = """curl {url}/v1/ingest \\
  -H "X-Open-Sentry-Key: {key}" -H 'Content-Type: application/json' -d '{{
    "type": "transaction", "name": "first-transaction", "status": "ok", "durationMs": 120,
    "traceId": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "spans": [{{"spanId": "1", "op": "db", "description": "SELECT 1", "durationMs": 80}}]}}'"""


async def transaction_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples that send a first transaction, for an empty page."""
    url, key, number = url_of(request), PLACE_OF_KEY, PLACE_OF_NUMBER
    given = {"url": url, "key": key, "dsn": dsn_of(url, key, number)}
    return [
        ("From Python, with Sentry's SDK", PYTHON.format_map(given)),
        ("From Node.js, with Sentry's SDK", NODE.format_map(given)),
        ("With curl", CURL.format_map(given)),
    ]


def dsn_of(url: str, key: str, number: str) -> str:
    """Return the address that an SDK of Sentry is given."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{key}@{rest}/{number}"
