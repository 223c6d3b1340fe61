"""Sends the demo's traces, logs and metrics over OTLP, as exporters do: protobuf, gzip, batches."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple, TypeVar

from litestar.status_codes import HTTP_404_NOT_FOUND

from ingest.errors.demo_calls import LinkedCall
from ingest.otel.demo import Shop, counts_of, notes_of
from ingest.otel.demo_coding import Coding
from ingest.otel.demo_wire import Made, logs_request, metrics_request, traces_request
from sluice.demo_requests import Sender, accepted, post

BATCH = 512
"""As OpenTelemetry's SDKs have it."""
ORDERS_OF, TALKS_OF, CODING_OF = 50, 250, 600
"""One order, conversation and coding session for so many LLM calls of the demo."""
LINKED = 40
"""Requests of the shop that are known by errors and transactions too: they get spans beside."""
T = TypeVar("T")


class Wanted(NamedTuple):
    """What to send, by the amount of LLM calls of the demo."""

    seed: int
    until: datetime
    days: int
    traces: int


def spans_of(wanted: Wanted, linked: Sequence[LinkedCall] = ()) -> list[Made]:
    """Returns the spans of the shop. The same seed makes the same ids."""
    shop = Shop(wanted.seed, wanted.until, wanted.days)
    known = [shop.order(one.trace_id, int(one.at.timestamp() * 1e9)) for one in linked[:LINKED]]
    orders = shop.orders(wanted.traces // ORDERS_OF)
    talks = shop.conversations(wanted.traces // TALKS_OF)
    return list(chain.from_iterable(chain(known, orders, talks)))


def send_telemetry(sender: Sender, wanted: Wanted, linked: Sequence[LinkedCall]) -> None:
    """Sends all of it. Raises `CommandError`."""
    coding = list(
        Coding(wanted.seed, wanted.until, wanted.days).sessions(wanted.traces // CODING_OF)
    )
    spans = spans_of(wanted, linked) + [span for one in coding for span in one.spans]
    records = [*notes_of(spans), *(record for one in coding for record in one.records)]
    points = [*counts_of(spans), *(point for one in coding for point in one.points)]
    _send(sender, "traces", "otel", spans, traces_request)
    _send(sender, "logs", "events", records, logs_request)
    _send(sender, "metrics", "metrics", points, metrics_request)


def _send(
    sender: Sender, signal: str, shown: str, items: list[T], encode: Callable[[list[T]], bytes]
) -> None:
    task = sender.progress.add_task(shown, total=len(items))
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    for batch in _batches(items):
        content = gzip.compress(encode(batch), compresslevel=1)
        answer = post(sender.client, f"/v1/{signal}", content=content, headers=headers)
        if answer.status_code == HTTP_404_NOT_FOUND:
            # A server of an older version, which --url may name.
            return
        accepted(answer, 200)
        sender.progress.advance(task, len(batch))


def _batches(items: list[T]) -> Iterator[list[T]]:
    return (items[first : first + BATCH] for first in range(0, len(items), BATCH))
