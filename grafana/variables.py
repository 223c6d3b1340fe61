"""Filters, links and marks: what is above the panels of a dashboard."""

from collections.abc import Sequence
from typing import Any

from grafana.panels import SOURCE, Json
from grafana.sql import CLOCK, NAMES, chosen

ALL = {"text": ["All"], "value": ["$__all"]}
SESSION_SUMS, TRACE_SUMS = "session_sums", "trace_sums"
HOURS = "bucket >= toStartOfHour($__fromTime_ms, 'UTC') AND bucket <= $__toTime_ms"
NAMES_HASH = """cityHash64(t.provider) + 3 * cityHash64(t.model_requested)
                + 7 * cityHash64(t.price_id)"""
"""A number in the place of three names, each hashed once: grouping takes half as long."""
EXPLORED = "${__url_time_range}&${datasource:queryparam}&${cost:queryparam}"


def source() -> Json:
    """Returns the choice of the data source: each team may have one that sees its own projects."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": SOURCE["type"],
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {"text": "Sluice", "value": "sluice"},
        "options": [],
    }


def prometheus() -> Json:
    """Returns the choice of the Prometheus that collects Sluice's metrics."""
    chosen_one = {"current": {}, "name": "prometheus", "label": "Prometheus", "query": "prometheus"}
    return source() | chosen_one


def projects() -> Json:
    """Returns the filter by project: the reader sees names, statements go by ids."""
    sql = f"""SELECT project_id, name
FROM {NAMES}
ORDER BY name
LIMIT 1000"""
    return asked("project", "Project", sql)


def values(name: str, label: str, column: str, table: str) -> Json:
    """Returns the filter by the values of a column in the range, within the chosen projects."""
    return asked(
        name,
        label,
        f"""SELECT encodeURLComponent({column}) AS value, {column} AS text
FROM {table}
WHERE {HOURS}
    AND {chosen("project_id", "project")}
    AND {column} != ''
GROUP BY {column}
ORDER BY {column}
LIMIT 1000""",
    )


def monitors() -> Json:
    """Returns the filter by monitor: the reader sees names, statements go by ids."""
    return asked(
        "monitor",
        "Monitor",
        f"""SELECT encodeURLComponent(monitor_id) AS value, argMax(name, noted_at) AS text
FROM uptime_days
WHERE day >= toDate($__fromTime_ms) AND day <= toDate($__toTime_ms)
    AND {chosen("project_id", "project")}
GROUP BY monitor_id
ORDER BY text
LIMIT 1000""",
    )


def cost() -> Json:
    """Returns the choice of the cost that counts where an event has both."""
    options = {
        "as the project has it": "project",
        "reported": "reported",
        "computed": "computed",
    }
    return {
        "name": "cost",
        "label": "Cost",
        "type": "custom",
        "description": "Which cost counts where the sender gave one and Sluice worked one out.",
        "query": ", ".join(f"{text} : {value}" for text, value in options.items()),
        "options": [
            {"text": text, "value": value, "selected": value == "project"}
            for text, value in options.items()
        ],
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "current": {"text": "as the project has it", "value": "project"},
    }


def address() -> Json:
    """Returns where the reader's browser finds Sluice, for links into its pages."""
    text = "http://localhost:8080"
    return {
        "name": "sluice",
        "label": "Sluice at",
        "type": "textbox",
        "description": "Where your browser finds Sluice; links to its pages lead there.",
        "query": text,
        "hide": 0,
        "current": {"text": text, "value": text},
        "options": [{"text": text, "value": text, "selected": True}],
    }


def drill(uid: str, *, keep: Sequence[str], **by: str) -> str:
    """Returns the address of a dashboard with this range, the filters to keep, and more filters.

    `by` names for each further filter the column that has its value.
    """
    kept = "".join(f"&${{{name}:queryparam}}" for name in keep)
    more = "".join(
        f"&var-{name}=${{__data.fields.{column}:percentencode}}" for name, column in by.items()
    )
    return f"/d/{uid}?{EXPLORED}{kept}{more}"


def trace_page() -> str:
    """Returns the address of a trace's page; the row has the columns project_id and trace_id."""
    return (
        "${sluice:raw}/p/${__data.fields.project_id:percentencode}"
        "/llm/traces/${__data.fields.trace_id:percentencode}"
    )


def page(path: str, query: str = "", column: str = "") -> str:
    """Returns the address of a page of the row's project, over the range of the dashboard.

    The row has the columns project_id and, where the path goes on with its value, `column`.
    """
    one = f"/${{__data.fields.{column}:percentencode}}" if column else ""
    more = f"&{query}" if query else ""
    begin = "${sluice:raw}/p/${__data.fields.project_id:percentencode}"
    return f"{begin}/{path}{one}?from=${{__from}}&to=${{__to}}{more}"


def marks(name: str, color: str, sql: str) -> Json:
    """Returns marks over the charts: the statement gives time, title, text."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "target": {
            "refId": "annotation",
            "editorType": "sql",
            "queryType": "table",
            "format": 1,
            "rawSql": sql,
        },
    }


def price_changes() -> Json:
    """Returns a mark where calls of a model began to be priced by other rates."""
    sql = f"""{CLOCK}
SELECT
    first AS time,
    'Price' AS title,
    concat(provider, '/', model_requested, ' is priced by ', rates, ' from here on') AS text
FROM (
    SELECT provider, model_requested, rates, first,
        min(first) OVER (PARTITION BY provider, model_requested) AS earliest
    FROM (
        SELECT provider, model_requested, splitByChar('+', toString(price))[1] AS rates,
            min(begun) AS first
        FROM (
            SELECT any(t.provider) AS provider, any(t.model_requested) AS model_requested,
                any(t.price_id) AS price, min(t.timestamp) AS begun
            FROM traces AS t
            WHERE t.timestamp >= since AND t.timestamp <= until AND t.price_id != ''
                AND {chosen("t.project_id", "project")}
                AND {chosen("t.model_requested", "model")}
            GROUP BY {NAMES_HASH}
        )
        GROUP BY provider, model_requested, rates
    )
)
WHERE first > earliest
ORDER BY time
LIMIT 100"""
    return marks("Price changes", "purple", sql)


def dead_letters() -> Json:
    """Returns a mark for each hour in which items could not be stored."""
    sql = f"""{CLOCK}
SELECT
    toStartOfHour(minute) AS time,
    'Dead letters' AS title,
    concat(toString(sum(count)), ' of kind ', kind, ': ', any(reason)) AS text
FROM outcomes
WHERE outcome = 'dead' AND minute >= toStartOfMinute(since) AND minute <= until
    AND {chosen("project_id", "project")}
GROUP BY time, kind
HAVING sum(count) > 0
ORDER BY time
LIMIT 100"""
    return marks("Dead letters", "red", sql)


def deployments() -> Json:
    """Returns a mark where a deployment took over."""
    sql = f"""{CLOCK}
SELECT
    switched_at AS time,
    if(kind = 'rollback', 'Rollback', 'Deployment') AS title,
    concat(left(commit_sha, 10), ' to ', environment) AS text
FROM deployments FINAL
WHERE switched_at >= since AND switched_at <= until
    AND {chosen("project_id", "project")}
ORDER BY time
LIMIT 200"""
    return marks("Deployments", "blue", sql)


def board(uid: str, title: str, description: str, *, filters: Sequence[Json], **rest: Any) -> Json:
    """Returns a dashboard; `rest` are its `panels` and `annotations`."""
    links = {"title": "Sluice", "type": "dashboards", "tags": ["sluice"], "asDropdown": False}
    kept = {"includeVars": True, "keepTime": True, "targetBlank": False, "icon": "dashboard"}
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["sluice"],
        "timezone": "",
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 41,
        "version": 3,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "links": [links | kept | {"url": "", "tooltip": ""}],
        "templating": {"list": list(filters)},
        "annotations": {"list": rest["annotations"]},
        "panels": rest["panels"],
    }


def asked(name: str, label: str, sql: str) -> Json:
    """Returns a filter by what a statement answers: values, encoded, with their texts."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": sql,
        "regex": "",
        "refresh": 2,
        "sort": 0,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "current": ALL,
        "options": [],
    }
