"""Panels as Grafana's JSON has them: what each kind looks like is said here, and only here."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]

SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
METRICS = {"type": "prometheus", "uid": "${prometheus}"}
WIDTH = 24
PLAIN = ({"color": "text", "value": None},)
"""No value is good or bad by itself; Grafana's own thresholds would paint 80 and more red."""
ERRORS = (
    {"color": "green", "value": None},
    {"color": "yellow", "value": 0.01},
    {"color": "red", "value": 0.05},
)
ANY_IS_BAD = ({"color": "green", "value": None}, {"color": "yellow", "value": 1})
LATE = (
    {"color": "green", "value": None},
    {"color": "yellow", "value": 10},
    {"color": "red", "value": 60},
)
"""Seconds: an event is visible within one or two, and an alert goes out at 60."""

Steps = Sequence[Mapping[str, object]]


class Look(NamedTuple):
    """How values are shown."""

    unit: str = "short"
    steps: Steps = PLAIN
    decimals: int | None = None


class Column(NamedTuple):
    """How one column of a table is shown."""

    name: str
    look: Look = Look()
    links: Sequence[tuple[str, str]] = ()
    """A title and an address each."""
    width: int | None = None
    is_hidden: bool = False


def stat(title: str, sql: str, look: Look, description: str = "") -> Json:
    """Returns one number."""
    return _panel("stat", title, description, look) | {
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "auto",
            "orientation": "auto",
        },
        "targets": [_query(sql, "table")],
    }


def bars(title: str, sql: str, look: Look, description: str = "") -> Json:
    """Returns amounts over time, stacked, with their sums in the legend."""
    drawn = {
        "drawStyle": "bars",
        "fillOpacity": 70,
        "lineWidth": 0,
        "stacking": {"mode": "normal", "group": "A"},
    }
    return _over_time(title, sql, look, description, drawn=drawn, calcs=("sum",))


def lines(title: str, sql: str, look: Look, description: str = "") -> Json:
    """Returns values over time that do not add up, with the last and the greatest."""
    drawn = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto"}
    return _over_time(title, sql, look, description, drawn=drawn, calcs=("lastNotNull", "max"))


def table(
    title: str, sql: str, columns: Sequence[Column], description: str = "", *, sort: str = ""
) -> Json:
    """Returns rows; a column that is not named is shown as it is."""
    by = [{"displayName": sort, "desc": True}] if sort else []
    panel = _panel("table", title, description, Look())
    panel["fieldConfig"]["overrides"] = [_override(column) for column in columns]
    options = {"showHeader": True, "cellHeight": "sm", "sortBy": by}
    return panel | {"options": options, "targets": [_query(sql, "table")]}


def metric_lines(title: str, queries: Mapping[str, str], look: Look, description: str = "") -> Json:
    """Returns what Prometheus has collected, by the name of each line."""
    drawn = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto"}
    panel = _over_time(title, "", look, description, drawn=drawn, calcs=("lastNotNull", "max"))
    targets = [
        {"refId": chr(65 + number), "datasource": METRICS, "expr": expr, "legendFormat": name,
         "range": True, "editorMode": "code"}
        for number, (name, expr) in enumerate(queries.items())
    ]  # fmt: skip
    return panel | {"datasource": METRICS, "targets": targets}


class Row(NamedTuple):
    """Panels under a heading; a collapsed one asks for nothing until it is opened."""

    title: str
    panels: Sequence[tuple[int, int, Json]]
    """A width of 24, a height, and the panel."""
    is_collapsed: bool = False


def arranged(rows: Sequence[Row]) -> list[Json]:
    """Returns the panels of a dashboard, each with its place and number, row under row."""
    found: list[Json] = []
    number, y = 0, 0
    for row in rows:
        placed, height = _placed(row, y + 1)
        for panel in placed:
            number += 1
            panel["id"] = number
        number += 1
        place = {"h": 1, "w": WIDTH, "x": 0, "y": y}
        head: Json = {"id": number, "type": "row", "title": row.title, "gridPos": place}
        head |= {"collapsed": row.is_collapsed, "panels": placed if row.is_collapsed else []}
        found += [head, *([] if row.is_collapsed else placed)]
        y += 1 + (0 if row.is_collapsed else height)
    return found


def _placed(row: Row, top: int) -> tuple[list[Json], int]:
    placed: list[Json] = []
    x, y, tallest = 0, top, 0
    for width, height, panel in row.panels:
        if x + width > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        placed.append(panel | {"gridPos": {"h": height, "w": width, "x": x, "y": y}})
        x, tallest = x + width, max(tallest, height)
    return placed, y + tallest - top


def _over_time(
    title: str, sql: str, look: Look, description: str, *, drawn: Json, calcs: Sequence[str]
) -> Json:
    panel = _panel("timeseries", title, description, look)
    panel["fieldConfig"]["defaults"]["custom"] = drawn
    legend = {"displayMode": "table", "placement": "bottom", "showLegend": True}
    return panel | {
        "options": {
            "legend": legend | {"calcs": list(calcs), "sortBy": _title(calcs[0]), "sortDesc": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_query(sql, "timeseries")],
    }


def _title(calc: str) -> str:
    return {"sum": "Total", "lastNotNull": "Last *"}[calc]


def _panel(kind: str, title: str, description: str, look: Look) -> Json:
    defaults: Json = {
        "unit": look.unit,
        "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": [dict(step) for step in look.steps]},
    }
    if look.decimals is not None:
        defaults["decimals"] = look.decimals
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _query(sql: str, kind: str) -> Json:
    return {
        "refId": "A",
        "datasource": SOURCE,
        "editorType": "sql",
        "queryType": kind,
        "format": 0 if kind == "timeseries" else 1,
        "rawSql": sql,
    }


def _override(column: Column) -> Json:
    look = column.look
    properties: list[Json] = [{"id": "unit", "value": look.unit}]
    if column.is_hidden:
        properties = [{"id": "custom.hidden", "value": True}]
    if look.decimals is not None:
        properties.append({"id": "decimals", "value": look.decimals})
    if look.steps is not PLAIN:
        steps = {"mode": "absolute", "steps": [dict(step) for step in look.steps]}
        properties += [
            {"id": "thresholds", "value": steps},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ]
    if column.width is not None:
        properties.append({"id": "custom.width", "value": column.width})
    if column.links:
        links = [
            {"title": title, "url": url, "targetBlank": not url.startswith("/d/")}
            for title, url in column.links
        ]
        properties.append({"id": "links", "value": links})
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}
