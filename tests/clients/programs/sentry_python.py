"""An old SDK of Sentry for Python, as a program uses it: python sentry_python.py DSN TASK.

It does what `steps.mjs` does, and writes the same results.
"""

import itertools
import json
import sys
import threading
import time
from typing import Any

import sentry_sdk
from sentry_sdk.transport import HttpTransport

MANY = 70
made: dict[str, Any] = {"version": sentry_sdk.VERSION}
answered: list[str | None] = []


class Transport(HttpTransport):
    """The SDK's own, which says of each envelope that it could not send that it did not."""

    dropped = 0

    def on_dropped_event(self, reason: str) -> None:
        self.dropped += 1


def divide(number: int) -> float:
    return number / 0


def once() -> None:
    """One of each: an error with a stack and breadcrumbs, a message, a transaction with spans."""
    sentry_sdk.set_user({"id": "ann", "email": "ann@example.com"})
    sentry_sdk.set_tag("feature", "checkout")
    sentry_sdk.set_context("order", {"lines": 3})
    for number in range(3):
        sentry_sdk.add_breadcrumb(category="ui", message=f"click {number}", level="info")
    made["message"] = sentry_sdk.capture_message("disk is nearly full", level="warning")
    with sentry_sdk.start_transaction(op="http.server", name="GET /checkout") as transaction:
        made["trace"] = transaction.trace_id
        with (
            sentry_sdk.start_span(op="db.query", description="SELECT 1"),
            sentry_sdk.start_span(op="db.fetch", description="rows"),
        ):
            time.sleep(0.005)
        try:
            divide(42)
        except ZeroDivisionError as error:
            made["error"] = sentry_sdk.capture_exception(error)
        with sentry_sdk.start_span(op="view", description="render"):
            time.sleep(0.005)
        transaction.set_status("ok")
    sentry_sdk.flush(timeout=10)


def many() -> None:
    """More messages than a minute's limit allows, each sent before the next."""
    for number in range(MANY):
        send(number)


def until_told() -> None:
    """One message after the other, until the input ends."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    for number in itertools.count():
        send(number)
        if over.wait(0.3):
            return


def send(number: int) -> None:
    transport = sentry_sdk.Hub.current.client.transport
    dropped = transport.dropped
    event_id = sentry_sdk.capture_message(f"message {number}")
    sentry_sdk.flush(timeout=10)
    if transport.dropped == dropped:
        answered.append(event_id)


if __name__ == "__main__":
    dsn, task = sys.argv[1:]
    sentry_sdk.init(
        dsn=dsn,
        release="shop@1.2.3",
        environment="staging",
        traces_sample_rate=1,
        send_default_pii=True,
        transport=Transport,
    )
    {"once": once, "many": many, "untilTold": until_told}[task]()
    sys.stdout.write(json.dumps({**made, "answered": answered}) + "\n")
