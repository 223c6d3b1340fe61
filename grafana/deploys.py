"""The dashboard of deployments: how many, how they ended, how long they took, and when."""

from grafana import variables
from grafana.panels import ANY_IS_BAD, Column, Json, Look, Row, arranged, bars, lines, stat, table
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, filters, point

UID = "sluice-deploys"
COUNT, BAD, TIME = Look("short"), Look("short", ANY_IS_BAD), Look("s", decimals=1)
FROM = "deployments FINAL"
IN_RANGE = (
    "created_at >= since AND created_at <= until"
    f"{filters(project='project_id', environment='environment')}"
)
TOOK = "dateDiff('millisecond', began_at, switched_at) / 1000"
ENVIRONMENTS = """(
    SELECT project_id, environment::String AS environment, toStartOfHour(created_at) AS bucket
    FROM deployments FINAL
)"""


def build() -> Json:
    """Returns the dashboard."""
    rows = [Row("Deployments", [*_counts(), *_courses(), (24, 12, _deployments())])]
    return variables.board(
        UID,
        "Deployments",
        "What was deployed, how it ended and how long it took.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.values("environment", "Environment", "environment", ENVIRONMENTS),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[variables.deployments(), variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    def of_range(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {FROM}\nWHERE {IN_RANGE}"

    took = f"if(countIf(switched_at IS NOT NULL) = 0, NULL, quantile(0.5)({TOOK}))"
    switched = "Half of those that took over took no longer, from their begin on."
    return [
        (6, 4, stat("Asked for", of_range("count()", "deployments"), COUNT)),
        (6, 4, stat("Failed", of_range("countIf(status = 'failed')", "failed"), BAD)),
        (6, 4, stat("Rollbacks", of_range("countIf(kind = 'rollback')", "rollbacks"), COUNT)),
        (6, 4, stat("Median time", of_range(took, "took"), TIME, switched)),
    ]


def _courses() -> list[tuple[int, int, Json]]:
    def course(columns: str, only: str = "", group: str = "") -> str:
        return f"""{CLOCK}{STEPS}
SELECT {point("created_at")} AS time, {columns}
FROM {FROM}
WHERE {IN_RANGE}{only}
GROUP BY time{group}
ORDER BY time
LIMIT {MOST_POINTS}"""

    ended = course("status::String AS value, count() AS deployments", group=", value")
    took = course(f"max({TOOK}) AS longest", " AND switched_at IS NOT NULL")
    return [
        (12, 9, bars("Deployments by status", ended, COUNT, "As they stand now.")),
        (12, 9, lines("Time until it took over", took, TIME, "The longest at each point.")),
    ]


def _deployments() -> Json:
    sql = f"""{CLOCK}
SELECT n.name AS project, d.environment::String AS environment, d.kind::String AS kind,
    d.origin::String AS origin, d.status::String AS status, d.phase::String AS phase,
    left(d.commit_sha, 10) AS commit, d.created_at AS asked, d.switched_at AS took_over,
    {TOOK.replace("began_at", "d.began_at").replace("switched_at", "d.switched_at")} AS took,
    d.ended_at AS ended, d.deployment_id AS deployment_id, toString(d.project_id) AS project_id
FROM (
    SELECT project_id, deployment_id, environment, kind, origin, status, phase, commit_sha,
        created_at, began_at, switched_at, ended_at
    FROM {FROM}
    WHERE {IN_RANGE}
    ORDER BY created_at DESC
    LIMIT 1000
) AS d
LEFT ANY JOIN {NAMES} AS n ON d.project_id = n.project_id
ORDER BY asked DESC
LIMIT 1000"""
    page = (
        "${sluice:raw}/p/${__data.fields.project_id:percentencode}"
        "/deploys/deployments/${__data.fields.deployment_id:percentencode}"
    )
    columns = [
        Column("commit", links=[("Open in Sluice", page)], width=120),
        Column("took", TIME, width=100),
        *(
            Column(name, Look("dateTimeAsIso"), width=170)
            for name in ("asked", "took_over", "ended")
        ),
        Column("deployment_id", is_hidden=True),
        Column("project_id", is_hidden=True),
    ]
    return table("Deployments", sql, columns, "The newest first; a commit leads to its deployment.")
