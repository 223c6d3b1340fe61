"""Holds the ledger of the senders against what the server says and against its tables."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.e2e.load import (
    PICO,
    Ledger,
    Sent,
    computed_pico,
    counted_pico,
    id_of,
    parts_of,
    reported_pico,
    tokens_of,
)
from tests.e2e.server import Project, Server
from tests.e2e.store_sums import Sums, read_sums, rollups_of

PAGE = 1000
WHOLE_RANGE = {
    "date_from": "2026-10-01T00:00:00Z",
    "date_to": (datetime.now(UTC) + timedelta(days=62)).strftime("%Y-%m-%dT%H:%M:%S.999Z"),
}
"""Of what tests send, whose times are of late 2026, and of when it arrives: today."""
GROUPINGS = (
    "model",
    "provider",
    "status",
    "session_id",
    "user",
    "environment",
    "metadata.team",
    "model,status,day",
)
Items = dict[str, dict[str, Any]]


def audit(server: Server, projects: Sequence[Project], ledger: Ledger) -> dict[str, int]:
    """Asserts that everything answered 2xx is stored once and that every sum is exact.

    Stops the server. Returns how much there was, for a test to say that it was no empty run.
    """
    server.wait_stored()
    stored: dict[tuple[str, str], Items] = {}
    for project in projects:
        for kind in ("trace", "span"):
            items = stored_items(project, kind, ledger)
            stored[project.project_id, kind] = items
            assert_outcomes(project, kind, ledger, items)
        assert_trace_analytics(project, stored[project.project_id, "trace"])
        assert_span_analytics(project, stored[project.project_id, "span"])
    server.stop()
    sums = read_sums(server.data_dir)
    for (project_id, kind), items in stored.items():
        assert_tables(sums, f"{kind}s", project_id, items)
    return {
        "answered": sum(request.status == 202 for request in ledger.requests),
        "unanswered": sum(request.status is None for request in ledger.requests),
        "stored": sum(len(items) for items in stored.values()),
    }


def stored_items(project: Project, kind: str, ledger: Ledger) -> Items:
    """Returns what is stored, as it was sent, by id; asserts that it is whole and single."""
    rows = list_all(project, f"{kind}s")
    assert project.get(f"/v1/{kind}s", limit=1).json()["total"] == len(rows)
    ids = [row[f"{kind}Id"] for row in rows]
    twice = [key for key, count in Counter(ids).items() if count > 1]
    assert not twice, f"{len(twice)} of {len(ids)} ids are stored twice: {twice[:5]}"
    sent = {id_of(i): i for r in ledger.of(project.project_id, kind) if r.valid for i in r.items}
    invented = set(ids) - set(sent)
    assert not invented, f"nobody sent {sorted(invented)[:5]}"
    promised = {
        id_of(item)
        for request in ledger.of(project.project_id, kind)
        if request.status == 202
        for item in request.items
    }
    lost = promised - set(ids)
    assert not lost, f"{len(lost)} of {len(promised)} answered {kind}s are lost: {sorted(lost)[:5]}"
    for row in rows:
        assert_row(row, sent[row[f"{kind}Id"]])
    return {key: sent[key] for key in ids}


def list_all(project: Project, name: str) -> list[dict[str, Any]]:
    """Reads a whole list, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        answer = project.get(f"/v1/{name}", limit=PAGE, offset=len(rows))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page[name]
        if len(page[name]) < PAGE:
            return rows


def assert_row(row: dict[str, Any], item: dict[str, Any]) -> None:
    """Asserts that a row says what was sent, and the right price."""
    has_usage = "trace_id" in item or item["kind"] == "llm_response"
    tokens = tokens_of(item) if has_usage else (None, None)
    assert (row["inputTokens"], row["outputTokens"]) == tokens
    parts = (row["cacheReadTokens"], row["cacheWriteTokens"], row["reasoningTokens"])
    assert parts == parts_of(item)
    assert row["sessionId"] == item["session_id"]
    assert row["costCents"] == cents(counted_pico(item))
    assert row["computedCostCents"] == cents(computed_pico(item))
    assert row["reportedCostCents"] == cents(reported_pico(item))


def assert_outcomes(project: Project, kind: str, ledger: Ledger, items: Items) -> None:
    """Asserts that every received item has exactly one outcome."""
    found = project.outcomes(kind=kind, **WHOLE_RANGE)
    received = found.pop("received", 0)
    requests = ledger.of(project.project_id, kind)
    assert received == sum(found.values()), found
    assert found.get("accepted", 0) == len(items), found
    assert set(found) <= {"accepted", "duplicate", "invalid"}, found
    valid = [request for request in requests if request.valid]
    taken = found.get("accepted", 0) + found.get("duplicate", 0)
    assert_between(taken, valid, 202)
    assert_between(found.get("invalid", 0), [r for r in requests if not r.valid], 400)
    if not is_resent(valid):
        # Then what is stored tells which unanswered requests arrived.
        arrived = [r for r in valid if r.status == 202 or id_of(r.items[0]) in items]
        assert taken == sum(len(request.items) for request in arrived)


def assert_between(count: int, requests: Sequence[Sent], status: int) -> None:
    """Asserts that answered items count once each, and unanswered ones once at most."""
    answered = sum(len(request.items) for request in requests if request.status == status)
    unanswered = sum(len(request.items) for request in requests if request.status is None)
    assert answered <= count <= answered + unanswered


def is_resent(requests: Sequence[Sent]) -> bool:
    """Tells whether an id was sent more than once."""
    ids = [id_of(item) for request in requests for item in request.items]
    return len(ids) != len(set(ids))


def assert_trace_analytics(project: Project, items: Items) -> None:
    """Asserts the totals, and that every grouping adds up to them."""
    answer = project.get("/v1/analytics", **WHOLE_RANGE).json()
    given, answered = sum_tokens(items)
    cost = cents(sum_pico(items))
    assert answer["totalRequests"] == len(items)
    assert answer["totalTokens"] == {
        "input": given,
        "output": answered,
        "total": given + answered,
    }
    assert answer["totalCost"] == cost
    assert answer["totalSessions"] == len({item["session_id"] for item in items.values()})
    assert answer["costs"] == {
        "reportedCents": cents(sum(reported_pico(item) or 0 for item in items.values())),
        "computedCents": cents(sum(computed_pico(item) or 0 for item in items.values())),
    }
    unpriced = sum(counted_pico(item) is None for item in items.values())
    assert sum(model["requests"] for model in answer["unpriced"]) == unpriced
    for names in GROUPINGS:
        assert_groups(project, names, items)


def assert_groups(project: Project, names: str, items: Items) -> None:
    """Asserts each group of a grouping against the ledger."""
    answer = project.get("/v1/analytics", group_by=names, limit=1000, **WHOLE_RANGE)
    assert answer.status_code == 200, answer.text
    expected: dict[tuple[str, ...], Items] = {}
    for key, item in items.items():
        expected.setdefault(group_key(item, names), {})[key] = item
    groups = answer.json()["groups"]
    assert len(groups) == len(expected)
    for group in groups:
        members = expected[tuple(group["key"][name] for name in names.split(","))]
        given, answered = sum_tokens(members)
        assert group["requests"] == len(members)
        assert (group["tokens"]["input"], group["tokens"]["output"]) == (given, answered)
        assert group["costCents"] == cents(sum_pico(members))
        assert group["errors"] == sum(item["status"] == "error" for item in members.values())


def group_key(item: dict[str, Any], names: str) -> tuple[str, ...]:
    """Returns what an item is grouped under."""
    values = {
        "model": item["model_requested"],
        "provider": item["provider"],
        "status": item["status"],
        "session_id": item["session_id"],
        "user": item["metadata"]["userId"],
        "environment": item["metadata"]["environment"],
        "metadata.team": item["metadata"]["team"],
        "day": item["timestamp"][:10],
    }
    return tuple(values[name] for name in names.split(","))


def assert_span_analytics(project: Project, items: Items) -> None:
    """Asserts the totals of spans."""
    answer = project.get("/v1/analytics/spans", **WHOLE_RANGE).json()
    assert answer["totalSpans"] == len(items)
    assert answer["toolCalls"] == sum(item["kind"] == "tool_use" for item in items.values())
    assert (answer["tokens"]["input"], answer["tokens"]["output"]) == sum_tokens(items)
    assert answer["costCents"] == cents(sum_pico(items))


def assert_tables(sums: Sums, base: str, project_id: str, items: Items) -> None:
    """Asserts the base table against the ledger, and every rollup against the base table."""
    if not items:
        assert project_id not in sums[base]
        return
    table = sums[base][project_id]
    count = table["requests"] if base == "traces" else table["spans"]
    given, answered = sum_tokens(items)
    assert (int(count), int(table["distinct"])) == (len(items), len(items))
    assert (int(table["input_tokens"]), int(table["output_tokens"])) == (given, answered)
    assert Decimal(table["reported_first_cost"]) * PICO == sum_pico(items)
    rollups = rollups_of(sums, base)
    assert rollups, f"no rollup of {base} was found"
    for name in rollups:
        columns = sums[name][project_id]
        assert columns == {column: table[column] for column in columns}, name


def sum_tokens(items: Items) -> tuple[int, int]:
    """Adds up input and output tokens."""
    pairs = [tokens_of(item) for item in items.values()]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def sum_pico(items: Items) -> int:
    """Adds up the costs that count."""
    return sum(counted_pico(item) or 0 for item in items.values())


def cents(pico: int | None) -> float | None:
    """Returns cents as the nearest float, which is what JSON carries."""
    return None if pico is None else pico / 10**10
