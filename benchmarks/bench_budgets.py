"""Times checks of budgets: `python -m benchmarks.bench_budgets --help`.

A server takes calls of many users, and has ten budgets, one of them of each user. Then a gateway
asks, one request after the other over one connection, whether a call of some user may be made. Now
and then calls come in between, so that the spend is added up anew beside the checks.
"""

import argparse
import random
import statistics
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx

from benchmarks.server import EMAIL, KEY, PASSWORD, Server, running

BATCH = 100
SCOPES = ("project", "user", "model", "environment", "metadata")
WINDOWS = ("month", "rolling")
BUDGET_MS = 10
SEED = 20261130
CALLS_EVERY = 200
"""Checks between one batch of calls and the next."""


def main() -> None:
    """Fills a server, and asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--checks", type=int, default=5_000)
    options = parser.parse_args()
    print(f"seed {SEED}")
    with running() as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        for first in range(0, options.users, BATCH):
            _send(client, range(first, first + BATCH))
        server.wait_stored()
        _make_budgets(client)
        _ask(server, client, options.users, options.checks)


def _send(client: httpx.Client, users: range) -> None:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    items = [_call(f"user-{user}", now) for user in users]
    answer = client.post("/v1/traces/async", json=items, timeout=60)
    assert answer.is_success, answer.text[:500]


def _call(user: str, now: str) -> dict[str, Any]:
    return {
        "trace_id": str(uuid.uuid4()),
        "timestamp": now,
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {"model": "gpt-4o", "messages": []},
        "status": "success",
        "latency_ms": 800,
        "input_tokens": 500,
        "output_tokens": 100,
        "metadata": {"userId": user, "environment": "production", "team": "red"},
    }


def _make_budgets(client: httpx.Client) -> None:
    login = {"email": EMAIL, "password": PASSWORD}
    client.post("/api/auth/sign-in/email", json=login).raise_for_status()
    project_id = client.get("/dashboard/api/projects").json()["projects"][0]["id"]
    for scope in SCOPES:
        for window in WINDOWS:
            form = {"name": f"{scope}, {window}", "scope": scope, "window": window, "amount": 1000}
            form |= {"metadata_key": "team"} if scope == "metadata" else {}
            own = {"X-Project-Id": project_id}
            made = client.post("/dashboard/api/budgets", json=form, headers=own, timeout=60)
            made.raise_for_status()


def _ask(server: Server, client: httpx.Client, users: int, checks: int) -> None:
    chance = random.Random(SEED)
    took_ms, used_s = [], server.cpu_s()
    for number in range(checks):
        if number % CALLS_EVERY == 0:
            _send(client, range(number, number + BATCH))
        params = {"user_id": f"user-{chance.randrange(users)}", "model": "gpt-4o"}
        params |= {"environment": "production", "metadata.team": "red"}
        began = time.perf_counter()
        answer = client.get("/v1/budgets/check", params=params)
        took_ms.append((time.perf_counter() - began) * 1000)
        assert len(answer.json()["budgets"]) == len(SCOPES) * len(WINDOWS), answer.text
    used_s = server.cpu_s() - used_s
    cuts = statistics.quantiles(took_ms, n=1000)
    p50, p95, p99 = cuts[499], cuts[949], cuts[989]
    print(f"{checks:,} checks of {users:,} users against {len(SCOPES) * len(WINDOWS)} budgets")
    print(f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms, most {max(took_ms):.1f} ms")
    print(f"processor time: {used_s * 1000 / checks:.2f} ms a check, with all else of the server")
    print(f"memory: {server.memory_mb():.0f} MB")
    print("within the budget" if p95 < BUDGET_MS else f"p95 misses its budget of {BUDGET_MS} ms")


if __name__ == "__main__":
    main()
