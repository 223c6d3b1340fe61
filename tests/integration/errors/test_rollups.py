"""Rows and rollups of errors and transactions say the same numbers."""

import random
from collections import Counter, defaultdict

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from tests.integration.errors.conftest import Store

RAW_ERRORS = """
SELECT group_hash, toStartOfHour(timestamp) AS hour, environment, release, level,
    count(), countIf(handled = false), uniqExactIf(user_key, user_key != ''),
    min(timestamp), max(timestamp)
FROM errors
WHERE project_id = {project:String}
GROUP BY ALL
ORDER BY ALL
LIMIT 1000
"""
ERROR_HOURS = """
SELECT group_hash, hour, environment, release, level,
    sum(events), sum(unhandled), uniqExactMerge(people), min(first_seen), max(last_seen)
FROM error_hours
WHERE project_id = {project:String}
GROUP BY ALL
ORDER BY ALL
LIMIT 1000
"""
RAW_TRANSACTIONS = """
SELECT name, toStartOfHour(timestamp) AS hour, environment, release,
    count(), countIf(failed), countIf(NOT failed AND duration_ns <= 300000000),
    countIf(NOT failed AND duration_ns > 300000000 AND duration_ns <= 1200000000),
    sum(duration_ns)
FROM transactions
WHERE project_id = {project:String}
GROUP BY ALL
ORDER BY ALL
LIMIT 1000
"""
TRANSACTION_HOURS = """
SELECT name, hour, environment, release,
    sum(count), sum(failed), sum(satisfied), sum(tolerated), sum(duration_ns)
FROM transaction_hours
WHERE project_id = {project:String}
GROUP BY ALL
ORDER BY ALL
LIMIT 1000
"""
NOW_US = 1_795_946_400_000_000


def asked(warehouse: Warehouse, project: ProjectContext, sql: str) -> list[tuple[object, ...]]:
    values = {"project": project.project_id}
    return [tuple(row) for row in warehouse.query_now(sql, values, {}).rows]


def test_error_hours_say_what_the_rows_do(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    chance = random.Random(11)
    events = [
        {
            "timestamp": NOW_US / 1e6 - chance.random() * 86_400 * 3,
            "exception": {
                "type": chance.choice("ABC"),
                "mechanism": {"handled": chance.choice([True, False, None])},
            },
            "level": chance.choice(["error", "fatal"]),
            "release": chance.choice(["r1", "r2"]),
            "environment": chance.choice(["qa", None]),
            "user": chance.choice([None, {"id": chance.randrange(5)}]),
        }
        for _ in range(400)
    ]
    for first in range(0, 400, 100):
        store("error", events[first : first + 100], received_at_us=NOW_US)

    rows = asked(warehouse, project, RAW_ERRORS)

    assert asked(warehouse, project, ERROR_HOURS) == rows
    assert sum(int(str(row[5])) for row in rows) == 400
    handled = Counter(str(event["exception"]["mechanism"]["handled"]) for event in events)  # type: ignore[index]
    assert sum(int(str(row[6])) for row in rows) == handled["False"]


def test_transaction_hours_say_what_the_rows_do(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    chance = random.Random(12)
    sent: dict[str, int] = defaultdict(int)
    items = []
    for number in range(300):
        end = NOW_US / 1e6 - chance.random() * 86_400
        name = chance.choice(["/a", "/b"])
        sent[name] += 1
        item = {
            "transaction": name,
            "start_timestamp": end - chance.lognormvariate(-1, 1),
            "timestamp": end,
            "release": chance.choice(["r1", "r2"]),
            "contexts": {"trace": {"status": chance.choice(["ok", "internal_error", 1])}},
            "spans": [
                {"span_id": f"{number}-{place}", "start_timestamp": end - 1, "timestamp": end}
                for place in range(number % 4)
            ],
        }
        items.append(item)
    store("transaction", items, received_at_us=NOW_US)

    rows = asked(warehouse, project, RAW_TRANSACTIONS)

    assert asked(warehouse, project, TRANSACTION_HOURS) == rows
    by_name: dict[str, int] = defaultdict(int)
    for row in rows:
        by_name[str(row[0])] += int(str(row[4]))
    assert by_name == sent


def test_spans_stand_with_their_transaction(
    warehouse: Warehouse, project: ProjectContext, store: Store
) -> None:
    end = NOW_US / 1e6
    spans = [
        {
            "span_id": f"s{number}",
            "parent_span_id": "root",
            "op": "db",
            "description": "SELECT 1",
            "status": "ok",
            "start_timestamp": end - 0.5,
            "timestamp": end - 0.25,
            "data": {"rows": number},
        }
        for number in range(2)
    ]
    item = {"transaction": "/a", "start_timestamp": end - 1, "timestamp": end, "spans": spans}

    bare, full = store("transaction", [item | {"spans": []}, item], received_at_us=NOW_US)

    sql = """
    SELECT event_id, span_id, parent_span_id, transaction, op, description, status,
        toUnixTimestamp64Micro(timestamp), toUnixTimestamp64Micro(started), duration_ns, data
    FROM transaction_spans
    WHERE project_id = {project:String}
    ORDER BY span_id
    LIMIT 10
    """
    shared = ("root", "/a", "db", "SELECT 1", "ok", NOW_US - 1_000_000, NOW_US - 500_000)
    assert asked(warehouse, project, sql) == [
        (full, f"s{number}", *shared, 250_000_000, f'{{"rows":{number}}}') for number in range(2)
    ]
    counts = "SELECT event_id, spans, body FROM transactions WHERE project_id = {project:String}"
    found = {row[0]: row[1:] for row in asked(warehouse, project, counts + " LIMIT 10")}
    assert (found[bare][0], found[full][0]) == (0, 2)
    assert "s0" not in str(found[full][1])
