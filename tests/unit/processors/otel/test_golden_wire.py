"""The golden corpus from the bytes of a request to the rows of table `traces`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ingest.otel.forms import forms
from processors.columns import SentChunk
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import Prices
from processors.otel.steps import build_spans
from schemas.kinds import OTEL_SPAN
from schemas.otel.signals import Span
from schemas.projects import ProjectId
from tests.unit.processors.otel.senders import SENDERS, Told
from tests.unit.processors.otel.test_golden import CALLS
from tests.unit.processors.otel.wire import as_json, as_protobuf

ENCODINGS = {"application/x-protobuf": as_protobuf, "application/json": as_json}
COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def rows(media_type: str, spans: Sequence[Span], book: PriceBook) -> list[dict[str, Any]]:
    """The rows of calls, as the store is given them."""
    body = ENCODINGS[media_type](spans)
    split = forms()[OTEL_SPAN.name].frame(body, {"content-type": media_type}, 1 << 20)
    (items,) = split.items
    columns = build_spans(
        Prices(book), [SentChunk(ProjectId("p"), 0, list(items.bodies), list(items.ids))]
    )
    assert not columns.dead
    calls = columns.tables["traces"].arrays
    wanted = (*COUNTS, "model_requested", "model_used", "computed_cost", "billing")
    found = {name: calls[name].to_pylist() for name in wanted}
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


@pytest.mark.parametrize("media_type", ENCODINGS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.provider}-{call.read}")
def test_every_sender_has_the_same_usage_and_cost_in_both_encodings(
    call: Told, media_type: str, book: PriceBook
) -> None:
    told = {
        name: sent
        for name, sender in SENDERS.items()
        if sender.can_tell(call) and isinstance(sent := sender.send(call), Span)
    }
    spans = [
        msgspec.structs.replace(one, trace_id=f"{number + 1:032x}")
        for number, one in enumerate(told.values())
    ]

    found = dict(zip(told, rows(media_type, spans, book), strict=True))

    assert len(found) >= 8
    for one in found.values():
        assert [one[name] or 0 for name in COUNTS] == [call.into, call.out, call.read, call.written]
        assert one["billing"] == ""
        assert call.model in (one["model_used"], one["model_requested"])
    costs: dict[str, Decimal | None] = {name: one["computed_cost"] for name, one in found.items()}
    if call.written:
        # What it writes to a cache is taken to be for an hour.
        costs = {name: one for name, one in costs.items() if "claude_code" not in name}
    assert len(set(costs.values())) == 1, costs
    assert None not in costs.values()
