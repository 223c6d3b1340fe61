"""A program that uses Sentry's SDK as any application does, in a process of its own.

    python -m tests.e2e.sentry_client DSN TASK [OPTION=VALUE...]

It writes the ids of what it has captured, a line each.
"""

import contextlib
import itertools
import logging
import sys
import threading
import time

import sentry_sdk
from sentry_sdk.crons import monitor
from sentry_sdk.traces import start_span as start_streamed_span
from sentry_sdk.transport import HttpTransport


class Transport(HttpTransport):
    """The SDK's own, which says of each envelope that it could not send that it did not."""

    dropped = 0

    def on_dropped_event(self, reason: str) -> None:
        self.dropped += 1


def say(event_id: str | None) -> None:
    sys.stdout.write(f"{event_id}\n")
    sys.stdout.flush()


def divide(number: int) -> float:
    secret_of_the_frame = "visible"  # noqa: F841  It is what an SDK sends of a frame.
    return number / 0


def send_error() -> None:
    """An error with a stack, a chain, breadcrumbs, tags, a user and a context."""
    sentry_sdk.set_user({"id": "ann", "email": "ann@example.com"})
    sentry_sdk.set_tag("feature", "checkout")
    for number in range(3):
        sentry_sdk.add_breadcrumb(category="ui", message=f"click {number}", level="info")
    try:
        try:
            divide(7)
        except ZeroDivisionError as error:
            raise ValueError("cannot divide order 42") from error
    except ValueError as error:
        say(sentry_sdk.capture_exception(error))


def send_message() -> None:
    """A message, and another by the integration of `logging`."""
    say(sentry_sdk.capture_message("disk is nearly full", level="warning"))
    logging.getLogger("shop").error("payment %s failed", "abc-123")


def send_transaction() -> None:
    """A transaction with two spans, one within the other."""
    with sentry_sdk.start_transaction(op="http.server", name="GET /checkout") as transaction:
        with sentry_sdk.start_span(op="db.query", name="SELECT 1"):
            time.sleep(0.01)
            with sentry_sdk.start_span(op="db.fetch", name="rows"):
                time.sleep(0.005)
        transaction.set_status("ok")
        say(transaction.trace_id)


def send_stream() -> None:
    """The same as spans that are streamed, of which there is no transaction."""
    with (
        start_streamed_span(name="job", attributes={"sentry.op": "queue.process"}),
        start_streamed_span(name="SELECT 2", attributes={"sentry.op": "db.query"}),
    ):
        time.sleep(0.005)


def send_logs() -> None:
    """A log record of the SDK, within a transaction, and one by the integration of `logging`."""
    with sentry_sdk.start_transaction(op="http.server", name="GET /logs") as transaction:
        sentry_sdk.logger.warning("stock of {order} is low", order=42, password="hunter2")
        logging.getLogger("shop.pay").setLevel(logging.INFO)
        logging.getLogger("shop.pay").info("payment %s took %d ms", "abc-123", 812)
        say(transaction.trace_id)


def send_beside() -> None:
    """An error with files, what a person says of it, and a job that runs twice."""
    with sentry_sdk.new_scope() as scope:
        scope.add_attachment(bytes=b"\0\n\xff", filename="core.bin")
        error_id = sentry_sdk.capture_message("with a file")
    say(error_id)
    said = {"message": "It is gone", "name": "Ann", "associated_event_id": error_id}
    say(sentry_sdk.capture_event({"type": "feedback", "contexts": {"feedback": said}}))
    schedule = {"type": "crontab", "value": "0 3 * * *"}

    @monitor(monitor_slug="nightly", monitor_config={"schedule": schedule})
    def job(fails: bool) -> None:
        if fails:
            raise ValueError("no disk")

    job(False)
    with contextlib.suppress(ValueError):
        job(True)


def send_until_told(transport: Transport) -> None:
    """One message after the other, until the input ends; writes the ids of those that arrived."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    for number in itertools.count():
        dropped = transport.dropped
        event_id = sentry_sdk.capture_message(f"message {number}")
        sentry_sdk.flush(timeout=10)
        if transport.dropped == dropped:
            say(event_id)
        if over.wait(0.02):
            break


def send_ten() -> None:
    """Ten messages, each sent before the next."""
    for number in range(10):
        say(sentry_sdk.capture_message(f"message {number}"))
        sentry_sdk.flush(timeout=10)


TASKS = {
    "error": send_error,
    "message": send_message,
    "transaction": send_transaction,
    "stream": send_stream,
    "logs": send_logs,
    "ten": send_ten,
    "beside": send_beside,
}


def main() -> None:
    """Does one task."""
    dsn, task, *given = sys.argv[1:]
    options = dict(one.split("=", 1) for one in given)
    experiments = {}
    if compression := options.get("compression"):
        experiments["transport_compression_algo"] = compression
    if task == "stream":
        experiments["trace_lifecycle"] = "stream"
    sentry_sdk.init(
        dsn=dsn,
        release="shop@1.2.3",
        environment=options.get("environment", "production"),
        enable_logs=task == "logs",
        traces_sample_rate=float(options.get("sampled", "1")),
        send_default_pii=True,
        transport=Transport,
        _experiments=experiments,
    )
    if task == "until told":
        transport = sentry_sdk.get_client().transport
        assert isinstance(transport, Transport)
        send_until_told(transport)
    else:
        TASKS[task]()
    sentry_sdk.flush(timeout=10)


if __name__ == "__main__":
    main()
