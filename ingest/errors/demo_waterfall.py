"""One made-up transaction: its spans follow each other within the time that it takes."""

import random
from datetime import datetime
from typing import Any

from ingest.errors.demo_around import hex_id

FAILED = "internal_error"
PAGES = ("pageload", "navigation")
WEB_VITALS = (("fcp", 0.45), ("lcp", 0.8), ("ttfb", 0.15))
"""With the share of the whole time until then."""


class Waterfall:
    """Adds spans one behind the other."""

    def __init__(self, rnd: random.Random, fields: dict[str, Any]) -> None:
        self.fields = fields
        self._random = rnd
        self._event_id = hex_id(rnd, 32)
        self.trace_id = hex_id(rnd, 32)
        self.parent_span_id = hex_id(rnd, 16)
        self._span_id = hex_id(rnd, 16)
        self._began = self._took = self._now = 0.0
        self._spans: list[dict[str, Any]] = []

    def begins(self, trace_id: str) -> None:
        """Makes it the first of a trace."""
        self.trace_id = trace_id
        self.parent_span_id = ""

    def takes(self, at: datetime, took_s: float) -> None:
        """Sets when it began and how long it takes."""
        self._began = self._now = at.timestamp()
        self._took = took_s

    def step(
        self,
        op: str,
        description: str,
        share: float,
        data: dict[str, Any] | None = None,
        span_id: str = "",
    ) -> None:
        """Adds a span that takes a share of the whole."""
        left = self._began + self._took - self._now
        gap = min(0.002, left * 0.05)
        lasts = min(self._took * share, left - gap)
        own = span_id or hex_id(self._random, 16)
        self._add(own, op, description, (self._now + gap, self._now + gap + lasts), data or {})
        self._now += gap + lasts

    def repeats(self, query: str, times: int) -> None:
        """Adds the same query many times, until the end."""
        left = self._began + self._took - self._now
        for number in range(times):
            asked = query.replace("{n}", str(self._random.randint(1_000, 9_999)))
            begin = self._now + left * 0.95 / times * number
            when = begin, begin + left * 0.8 / times
            data = {"db.system": "postgresql"}
            self._add(hex_id(self._random, 16), "db", asked, when, data)

    def event(self, name: str, op: str, failed: bool) -> dict[str, Any]:
        """Returns the transaction."""
        trace = {"trace_id": self.trace_id, "span_id": self._span_id, "op": op}
        trace["status"] = FAILED if failed else "ok"
        if self.parent_span_id:
            trace["parent_span_id"] = self.parent_span_id
        contexts = self.fields["contexts"] | {"trace": trace}
        self.fields = self.fields | {"contexts": contexts}
        kept = {key: value for key, value in self.fields.items() if key != "breadcrumbs"}
        if op == "http.server":
            method, path = name.split(" ")
            kept["request"] = {"method": method, "url": f"https://shop.example{path}"}
        elif op in PAGES:
            kept["request"] = {"url": f"https://shop.example{name}"}
        made = kept | {
            "type": "transaction",
            "event_id": self._event_id,
            "transaction": name,
            "start_timestamp": self._began,
            "timestamp": self._began + self._took,
            "spans": self._spans,
        }
        return made | ({"measurements": self._vitals()} if op in PAGES else {})

    def _add(
        self,
        span_id: str,
        op: str,
        description: str,
        when: tuple[float, float],
        data: dict[str, Any],
    ) -> None:
        self._spans.append(
            {
                "span_id": span_id,
                "parent_span_id": self._span_id,
                "trace_id": self.trace_id,
                "op": op,
                "description": description,
                "start_timestamp": when[0],
                "timestamp": when[1],
                "status": "ok",
                "data": data,
            }
        )

    def _vitals(self) -> dict[str, Any]:
        return {
            name: {"value": round(self._took * share * 1000, 1), "unit": "millisecond"}
            for name, share in WEB_VITALS
        }
