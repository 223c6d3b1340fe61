"""The dashboard of the pipeline: what came in, what became of it, and how fresh the answers are."""

from grafana import variables
from grafana.panels import (
    ANY_IS_BAD,
    LATE,
    Column,
    Json,
    Look,
    Row,
    arranged,
    bars,
    lines,
    metric_lines,
    stat,
    table,
)
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, filters, point

UID = "sluice-operations"
COUNT, BAD = Look("short"), Look("short", ANY_IS_BAD)
AGE, SECONDS, BYTES = Look("s", LATE), Look("s", decimals=3), Look("bytes")
MINE = filters(project="project_id")
MINUTES = f"minute >= toStartOfMinute(since) AND minute <= until{MINE}"
DELAY_US = "(toUnixTimestamp64Micro(received_at) - toUnixTimestamp64Micro(timestamp))"
NOT_LOST = ("received", "accepted", "duplicate")


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("What came in", [*_counts(), (12, 9, _by_outcome()), (12, 9, _by_kind())]),
        Row("How fresh it is", [(24, 9, _delays())]),
        Row("What was not stored", [(24, 9, _reasons())]),
        Row("From Prometheus: lag, speed, bounds", _metrics(), is_collapsed=True),
        Row("The store, for its operator", [(24, 10, _parts())], is_collapsed=True),
    ]
    return variables.board(
        UID,
        "Pipeline",
        "Whether everything that was sent is stored, and how long that takes. By the minute in"
        " which items were received; the first and the last minute are shown whole.",
        filters=[variables.source(), variables.prometheus(), variables.projects()],
        panels=arranged(rows),
        annotations=[variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    def total(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM outcomes\nWHERE {MINUTES}"

    lost = ", ".join(f"'{outcome}'" for outcome in NOT_LOST)
    open_items = "sumIf(count, outcome = 'received') - sumIf(count, outcome != 'received')"
    waits = f"""SELECT
    if(count() = 0, 0, dateDiff('second', min(minute) + INTERVAL 59 SECOND, now())) AS seconds
FROM (
    SELECT project_id, kind, minute
    FROM outcomes
    WHERE minute >= now() - INTERVAL 1 DAY{MINE}
    GROUP BY project_id, kind, minute
    HAVING {open_items} > 0
)
WHERE minute < now() - INTERVAL 59 SECOND"""
    newest = f"""SELECT dateDiff('second', max(last), now()) AS seconds
FROM (
    SELECT maxOrNull(received_at) AS last
    FROM traces
    WHERE received_at >= now() - INTERVAL 1 DAY{MINE}
    UNION ALL
    SELECT maxOrNull(received_at) AS last
    FROM spans
    WHERE received_at >= now() - INTERVAL 1 DAY{MINE}
)"""
    received = total("sumIf(count, outcome = 'received')", "items")
    rejected = total(f"sumIf(count, outcome NOT IN ({lost}, 'dead'))", "items")
    dead = total("sumIf(count, outcome = 'dead')", "items")
    left = total(open_items, "items")
    return [
        (4, 4, stat("Received", received, COUNT, "Items of requests that were read.")),
        (4, 4, stat("Rejected", rejected, BAD, "Invalid, over a limit, or filtered.")),
        (4, 4, stat("Dead letters", dead, BAD, "`sluice dead list` shows them.")),
        (4, 4, stat("Without outcome", left, BAD, "Received and not stored yet. It falls to 0.")),
        (4, 4, stat("Lag", waits, AGE, "Age of the oldest item of the last day without outcome.")),
        (4, 4, stat("Last stored", newest, Look("s"), "It also grows while nothing is sent.")),
    ]  # fmt: skip


def _by_outcome() -> Json:
    sql = _series("outcome", "outcome != 'received'")
    return bars("Items by outcome", sql, COUNT, "A replayed dead letter moves to its new outcome.")


def _by_kind() -> Json:
    return bars("Items received by kind", _series("kind", "outcome = 'received'"), COUNT)


def _series(name: str, where: str) -> str:
    return f"""{CLOCK}{STEPS}
SELECT {point("minute")} AS time, {name}, sum(count) AS items
FROM outcomes
WHERE {where} AND {MINUTES}
GROUP BY time, {name}
ORDER BY time
LIMIT {MOST_POINTS}"""


def _delays() -> Json:
    sql = f"""{CLOCK}{STEPS}
SELECT time, delays[1] AS p50, delays[2] AS p95
FROM (
    SELECT {point("received_at")} AS time,
        quantilesDD(0.01, 0.5, 0.95)({DELAY_US} / 1e6) AS delays
    FROM traces
    WHERE received_at >= since AND received_at <= until{MINE}
    GROUP BY time
)
ORDER BY time
LIMIT {MOST_POINTS}"""
    text = (
        "From a call to its arrival, as its sender's clock has it. From arrival to the store: Lag."
    )
    return lines("Delay of senders", sql, SECONDS, text)


def _reasons() -> Json:
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(o.project_id), n.name) AS project, kind, outcome, reason, items,
    last_seen, toString(o.project_id) AS project_id
FROM (
    SELECT project_id, kind, outcome, reason, sum(count) AS items, max(minute) AS last_seen
    FROM outcomes
    WHERE outcome NOT IN ('received', 'accepted') AND {MINUTES}
    GROUP BY project_id, kind, outcome, reason
    HAVING items != 0
) AS o
LEFT ANY JOIN {NAMES} AS n ON o.project_id = n.project_id
ORDER BY items DESC
LIMIT 200"""
    calls = variables.drill("sluice-traces", keep=[], project="project_id")
    columns = [
        Column("project", links=[("Its LLM calls", calls.replace("&${cost:queryparam}", ""))]),
        Column("last_seen", Look("dateTimeAsIso"), width=180),
        Column("project_id", is_hidden=True),
    ]
    return table("Rejected, duplicate and dead, by reason", sql, columns)


def _metrics() -> list[tuple[int, int, Json]]:
    rate = "[$__rate_interval]"
    p95 = "histogram_quantile(0.95, sum by (le, {by}) (rate({name}_bucket" + rate + ")))"
    answers = p95.format(by="route", name="sluice_request_seconds")
    inserts = p95.format(by="table", name="sluice_insert_seconds")
    panels = [
        metric_lines("Lag", {"{{topic}}": "max by (topic) (sluice_lag_seconds)"}, AGE),
        metric_lines("Records behind", {"{{topic}}": "max by (topic) (sluice_lag_records)"}, COUNT),
        metric_lines("Answers, p95", {"{{route}}": answers}, SECONDS),
        metric_lines("Inserts, p95", {"{{table}}": inserts}, SECONDS),
        metric_lines(
            "Rejected items a second",
            {"{{reason}}": f"sum by (reason) (rate(sluice_items_rejected_total{rate}))"},
            COUNT,
        ),
        metric_lines(
            "Bytes held",
            {
                "log": "sum(sluice_log_bytes)",
                "spool": "sum(sluice_spool_bytes)",
                "requests": "sum(sluice_bodies_in_hand_bytes)",
                "blocks": "sum(sluice_blocks_in_hand_bytes)",
                "answers": "sum(sluice_answer_bytes)",
            },
            BYTES,
        ),
    ]  # fmt: skip
    return [(12, 9, panel) for panel in panels]


def _parts() -> Json:
    sql = """SELECT table, partition, count() AS parts, sum(rows) AS rows,
    sum(bytes_on_disk) AS bytes
FROM system.parts
WHERE active AND database = currentDatabase()
GROUP BY table, partition
ORDER BY parts DESC
LIMIT 200"""
    text = "Some dozens of parts are usual. At 1,000 inserts are slowed down, at 3,000 rejected."
    columns = [Column("bytes", BYTES)]
    return table("Parts of the store", sql, columns, text, sort="parts")
