"""Senders that go on until they are told to stop, and the ledger of what they were answered."""

import gzip
import json
import random
import threading
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import httpx

from tests.e2e.server import Project

PICO = Decimal(10) ** 12
# USD per token in pico-dollars, input and output, from the vendors' price pages.
RATES_PICO = {"gpt-4o": (2_500_000, 10_000_000), "gpt-4o-mini": (150_000, 600_000)}
UNPRICED = "house-brew"
MODELS = (*RATES_PICO, UNPRICED)
PARTS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
PATHS = {
    "trace": ("/v1/traces/async",) * 5 + ("/v1/traces/batch",),
    "span": ("/v1/spans/async",) * 5 + ("/v1/spans/batch",),
}


class Sent(NamedTuple):
    """One request: what it held, and how it was answered."""

    project_id: str
    kind: str
    items: list[dict[str, Any]]
    valid: bool
    status: int | None
    """`None` when no answer came, or 503: the items may be stored or not, but never twice."""


class Ledger:
    """Everything that was sent, from all threads."""

    def __init__(self) -> None:
        self.requests: list[Sent] = []
        self._lock = threading.Lock()

    def add(self, sent: Sent) -> None:
        """Writes one request down."""
        with self._lock:
            self.requests.append(sent)

    def of(self, project_id: str, kind: str) -> list[Sent]:
        """Returns the requests of one project and kind."""
        return [r for r in self.requests if (r.project_id, r.kind) == (project_id, kind)]


class Load:
    """Several senders at a time. `copies` is how often each batch is sent.

    A sender without an answer ends, as its server has, or goes on with the next request.
    """

    def __init__(
        self,
        projects: Sequence[Project],
        ledger: Ledger,
        *,
        seed: str,
        copies: int = 1,
        url: str | None = None,
        goes_on: bool = False,
    ) -> None:
        self._ledger = ledger
        self._stop = threading.Event()
        self._copies = copies
        self._targets = [(project.project_id, project.key) for project in projects]
        self._url = url or projects[0].server.url
        self._goes_on = goes_on
        self._threads: list[threading.Thread] = []
        self._seed = seed

    def start(self, senders: int = 4) -> None:
        """Begins to send."""
        self._threads = [
            threading.Thread(target=self._send_on, args=(f"{self._seed}/{n}",), daemon=True)
            for n in range(senders)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends every sender after its request in hand."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a request was neither answered nor broken off"

    def _send_on(self, seed: str) -> None:
        chance = random.Random(seed)
        # Certificates are not needed and take longer to load than many a round lasts.
        with httpx.Client(base_url=self._url, timeout=20, trust_env=False, verify=False) as client:
            while not self._stop.is_set():
                project_id, key = chance.choice(self._targets)
                kind = chance.choice(("trace", "trace", "span"))
                items = make_items(chance, kind)
                valid = chance.random() > 0.05
                if not valid:
                    items[-1]["status"] = "neither"
                for _ in range(self._copies):
                    status = post(client, key, chance.choice(PATHS[kind]), items, chance)
                    self._ledger.add(Sent(project_id, kind, items, valid, status))
                    if status is None and not self._goes_on:
                        return


def post(
    client: httpx.Client, key: str, path: str, items: list[Any], chance: random.Random
) -> int | None:
    """Sends items, some of the time compressed; returns the status, `None` without an answer."""
    headers = {"Authorization": f"Bearer {key}"}
    body = json.dumps(items).encode()
    if chance.random() < 0.5:
        body = gzip.compress(body, 1)
        headers["Content-Encoding"] = "gzip"
    try:
        status = client.post(path, content=body, headers=headers).status_code
    except httpx.TransportError:
        return None
    # "Come again": a `/batch` says so too when its items are durable and cannot be read yet.
    return None if status == 503 else status


def make_items(chance: random.Random, kind: str) -> list[dict[str, Any]]:
    """Returns 1 to 100 items of one kind, small batches being the most usual."""
    count = chance.choice((1, 1, 2, 10, chance.randint(1, 100)))
    make = make_trace if kind == "trace" else make_span
    return [make(chance) for _ in range(count)]


def make_trace(chance: random.Random) -> dict[str, Any]:
    """Returns a trace at some moment of five days, some with a cost of the sender's own."""
    item = {
        "trace_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "timestamp": _moment(chance),
        "provider": "openai",
        "model_requested": chance.choice(MODELS),
        "request_body": {"messages": [{"role": "user", "content": "x" * chance.randint(0, 300)}]},
        "input_tokens": chance.randint(0, 20_000),
        "output_tokens": chance.randint(0, 5_000),
        "status": "error" if chance.random() < 0.1 else "success",
        "latency_ms": round(chance.uniform(0, 5_000), 3),
        "session_id": f"session-{chance.randint(1, 40)}",
        "metadata": {
            "userId": f"user-{chance.randint(1, 10)}",
            "environment": chance.choice(("prod", "dev")),
            "team": chance.choice("abc"),
        },
    }
    item |= _parts(chance, item["model_requested"], item["input_tokens"], item["output_tokens"])
    if chance.random() < 0.4:
        item["cost_cents"] = round(chance.uniform(0, 50), 8)
    return item


def make_span(chance: random.Random) -> dict[str, Any]:
    """Returns a tool call or a model's answer with its usage."""
    item: dict[str, Any] = {
        "span_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "session_id": f"session-{chance.randint(1, 40)}",
        "timestamp": _moment(chance),
        "source": chance.choice(("claude_code", "codex", "opencode", "openclaw")),
        "status": "error" if chance.random() < 0.1 else "success",
    }
    if chance.random() < 0.5:
        tool = chance.choice(("Bash", "Edit", "Read"))
        return item | {"kind": "tool_use", "event_type": "tool", "tool_name": tool}
    model = chance.choice(MODELS)
    usage = {"input_tokens": chance.randint(0, 9_000), "output_tokens": chance.randint(0, 900)}
    usage |= _parts(chance, model, usage["input_tokens"], usage["output_tokens"])
    if chance.random() < 0.4:
        usage["cost"] = round(chance.uniform(0, 1), 9)  # type: ignore[assignment]
    return item | {
        "kind": "llm_response",
        "event_type": "assistant_message",
        "model": model,
        "duration_ms": round(chance.uniform(0, 5_000), 3),
        "metadata": {"usage": usage},
    }


def id_of(item: dict[str, Any]) -> str:
    """Returns the id of a trace or a span."""
    return str(item.get("trace_id") or item["span_id"])


def tokens_of(item: dict[str, Any]) -> tuple[int, int]:
    """Returns input and output tokens; an agent's parts are beside them, a trace's within."""
    usage = _usage_of(item)
    given, answered = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    if "trace_id" in item:
        return given, answered
    read, written, reasoning = (part or 0 for part in parts_of(item))
    return given + read + written, answered + reasoning


def parts_of(item: dict[str, Any]) -> tuple[int | None, ...]:
    """Returns the tokens read from a cache, written to one and spent on reasoning."""
    usage = _usage_of(item)
    return tuple(usage.get(name) for name in PARTS)


def reported_pico(item: dict[str, Any]) -> int | None:
    """Returns what the sender says that it cost."""
    if "trace_id" in item:
        cents = item.get("cost_cents")
        return None if cents is None else int(Decimal(repr(cents)) * PICO / 100)
    usd = item.get("metadata", {}).get("usage", {}).get("cost")
    return None if usd is None else int(Decimal(repr(usd)) * PICO)


def computed_pico(item: dict[str, Any]) -> int | None:
    """Returns what it costs by the vendor's price, `None` where there is none."""
    rates = RATES_PICO.get(item.get("model_requested") or item.get("model") or "")
    if rates is None:
        return None
    given, answered = tokens_of(item)
    return given * rates[0] + answered * rates[1]


def counted_pico(item: dict[str, Any]) -> int | None:
    """Returns the cost that counts: the reported one, else the computed one."""
    reported = reported_pico(item)
    return computed_pico(item) if reported is None else reported


def _usage_of(item: dict[str, Any]) -> dict[str, Any]:
    usage: dict[str, Any] = item.get("metadata", {}).get("usage", {})
    return item if "trace_id" in item else usage


def _parts(chance: random.Random, model: str, given: int, answered: int) -> dict[str, int]:
    # Only where there is no price: parts have rates of their own.
    if model != UNPRICED:
        return {}
    wholes = (given // 2, given // 2, answered)
    return {name: chance.randint(0, whole) for name, whole in zip(PARTS, wholes, strict=True)}


def _moment(chance: random.Random) -> str:
    day, hour, minute = chance.randint(1, 5), chance.randint(0, 23), chance.randint(0, 59)
    second, micros = chance.randint(0, 59), chance.randint(0, 999_999)
    return f"2026-11-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{micros:06d}Z"
