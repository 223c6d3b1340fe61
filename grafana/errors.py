"""The dashboard of errors and transactions: what fails, for whom, since when; what is slow."""

from grafana import performance, sessions, variables
from grafana.error_sql import IN_HOURS, MINE
from grafana.panels import Column, Json, Look, Row, arranged, bars, lines, stat, table
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, point

UID = "sluice-errors"
COUNT, SHARE = Look("short"), Look("percentunit", decimals=2)
PLACES = """(
    SELECT project_id, environment, release, hour AS bucket
    FROM error_hours
    UNION ALL
    SELECT project_id, environment, release, hour AS bucket
    FROM transaction_hours
    UNION ALL
    SELECT project_id, environment, release, toStartOfHour(started) AS bucket
    FROM session_updates
)"""
UNHANDLED = "if(sum(events) = 0, NULL, sum(unhandled) / sum(events))"
WHOLE_HOURS = "Whole hours, as the dashboard of Sluice counts errors."
SEARCH = r"""if(e.said.1 = '', 'is:all', concat('is:all text:"',
        replaceRegexpAll(leftUTF8(e.said.1, 150), '(["\\\\])', '\\\\\\1'), '"'))"""
"""What finds an issue in the dashboard's list: its title, quotes and backslashes escaped."""
GONE = "(none of its events is left)"
"""The title where counts have outlived events."""
NEW = f"""
    SELECT project_id, group_hash, min(first_seen) AS first
    FROM error_hours
    WHERE (project_id, group_hash) IN (
        SELECT DISTINCT project_id, group_hash
        FROM error_hours
        WHERE {IN_HOURS}
    ){MINE}
    GROUP BY project_id, group_hash
    HAVING first >= toStartOfHour(since, 'UTC') AND first <= until"""
NEWNESS = "No stored event of any environment or release is older."


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("Errors", [*_counts(), *_courses(), (24, 10, _issues())]),
        sessions.row(),
        performance.row(UID),
    ]
    return variables.board(
        UID,
        "Errors and performance",
        "Which errors happen, how often, to how many; how many requests, jobs and page loads there"
        " are, how fast they are and how often they fail.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.values("environment", "Environment", "environment", PLACES),
            variables.values("release", "Release", "release", PLACES),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[variables.deployments(), variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    def total(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM error_hours\nWHERE {IN_HOURS}"

    events, met = total("sum(events)", "events"), total("uniqExactMerge(people)", "met")
    groups = total("uniqExact(project_id, group_hash)", "groups")
    new = f"{CLOCK}\nSELECT count() AS groups\nFROM ({NEW}\n)"
    unhandled = total(UNHANDLED, "share")
    people = "Who met one: by id, email, name or address, as far as senders say."
    return [
        (5, 4, stat("Events", events, COUNT, WHOLE_HOURS)),
        (5, 4, stat("People", met, COUNT, people)),
        (5, 4, stat("Fingerprints", groups, COUNT, "What events are grouped by.")),
        (5, 4, stat("New fingerprints", new, COUNT, NEWNESS)),
        (4, 4, stat("Unhandled", unhandled, SHARE, "Share of the events that nothing caught.")),
    ]


def _courses() -> list[tuple[int, int, Json]]:
    def by(name: str) -> str:
        return _course(f"if({name} = '', '(none)', {name}::String) AS value, sum(events) AS events")

    seen = _course("sum(events) AS events, uniqExactMerge(people) AS met", by="")
    unhandled = _course(f"{UNHANDLED} AS share", by="")
    new = f"""{CLOCK}{STEPS}
SELECT toStartOfDay(first, zone) AS time, count() AS fingerprints
FROM ({NEW}
)
GROUP BY time
ORDER BY time
LIMIT {MOST_POINTS}"""
    each = "Each counts people once; one who comes again counts in each point."
    return [
        (8, 9, bars("Events by level", by("level"), COUNT, WHOLE_HOURS)),
        (8, 9, bars("Events by release", by("release"), COUNT, WHOLE_HOURS)),
        (8, 9, bars("Events by environment", by("environment"), COUNT, WHOLE_HOURS)),
        (8, 9, lines("Events and people", seen, COUNT, each)),
        (8, 9, lines("Unhandled, course", unhandled, SHARE)),
        (8, 9, bars("New fingerprints per day", new, COUNT, NEWNESS)),
    ]


def _course(columns: str, by: str = ", value") -> str:
    return f"""{CLOCK}{STEPS}
SELECT {point("hour")} AS time, {columns}
FROM error_hours
WHERE {IN_HOURS}
GROUP BY time{by}
ORDER BY time
LIMIT {MOST_POINTS}"""


def _issues() -> Json:
    top = f"""
    SELECT project_id, group_hash, sum(events) AS found, uniqExactMerge(people) AS met,
        {UNHANDLED} AS share, max(last_seen) AS last
    FROM error_hours
    WHERE {IN_HOURS}
    GROUP BY project_id, group_hash
    ORDER BY found DESC, group_hash
    LIMIT 100"""
    # The newest row of each is found by the whole key of the table: no column is read otherwise.
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(s.project_id), n.name) AS project,
    if(e.said.1 = '', '{GONE}', e.said.1) AS title, e.said.2 AS culprit, e.said.3 AS level,
    found AS events, met AS people, share AS unhandled, last AS last_seen, {SEARCH} AS search,
    toString(s.project_id) AS project_id
FROM ({top}
) AS s
LEFT ANY JOIN (
    SELECT project_id, group_hash, any((title, culprit, level::String)) AS said
    FROM errors
    WHERE (project_id, group_hash, timestamp) IN (
        SELECT project_id, group_hash, last
        FROM ({top}
        )
    ){MINE}
    GROUP BY project_id, group_hash
) AS e ON s.project_id = e.project_id AND s.group_hash = e.group_hash
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY events DESC, last_seen DESC
LIMIT 100"""
    found = variables.page("errors/issues", "where=${__data.fields.search:percentencode}")
    columns = [
        Column("title", links=[("Open in Sluice", found)]),
        Column("project", links=[("Its issues", variables.page("errors/issues", "where=is:all"))]),
        Column("unhandled", SHARE, width=100),
        Column("last_seen", Look("dateTimeAsIso"), width=170),
        Column("search", is_hidden=True),
        Column("project_id", is_hidden=True),
    ]
    text = (
        "One row a fingerprint, most events first, with the title of its newest event. Sluice has"
        " those that were merged as one issue."
    )
    return table("Top issues", sql, columns, text)
