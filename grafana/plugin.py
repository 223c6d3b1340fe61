"""What Grafana and its ClickHouse plugin make of a statement: for tests and benchmarks.

Written after the plugin's `applyConditionalAll` (in the browser) and `pkg/macros` (in its backend),
and Grafana's formats of variables. In their order:

1. `$__conditionalAll(condition, $variable)` is the condition, or `1=1` with All or nothing chosen.
2. `${variable:format}` and Grafana's own variables.
3. The macros of the range.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

ALL = "$__all"
Value = str | Sequence[str]
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")


class View(NamedTuple):
    """What a reader has chosen: both ends in milliseconds since 1970, a zone, variables."""

    from_ms: int
    to_ms: int
    zone: str = "utc"
    chosen: Mapping[str, Value] = {}

    def value(self, name: str) -> Value:
        """Returns what a variable stands at."""
        if name == "__timezone":
            return self.zone
        return self.chosen.get(name, "project" if name == "cost" else ALL)


def expand(sql: str, view: View) -> str:
    """Returns the statement that the store gets."""
    sql = _without_conditions(sql, view)
    sql = VARIABLE.sub(
        lambda found: _formatted(view.value(found[1]), found[2] or "", found[1]), sql
    )
    for name, text in _macros(view).items():
        sql = re.sub(rf"\$__{name}\b(?!\()", text, sql)
    return re.sub(r"\$__timeFilter\((\w+)\)", lambda found: _between(found[1], view), sql)


def in_browser(value: str) -> str:
    """Encodes as JavaScript's encodeURIComponent does, and `!'()*` as Grafana does beside it."""
    return quote(value, safe="-_.~")


def _without_conditions(sql: str, view: View) -> str:
    macro = "$__conditionalAll("
    while (at := sql.rfind(macro)) >= 0:
        condition, variable, end = _arguments(sql, at + len(macro))
        name = re.search(r"\$\{?(\w+)", variable)
        assert name is not None, variable
        value = view.value(name[1])
        if value in ("", ALL, [], [ALL]):
            condition = "1=1"
        sql = sql[:at] + condition + sql[end:]
    return sql


def _arguments(sql: str, begin: int) -> tuple[str, str, int]:
    """Finds the two arguments by counting brackets alone: the plugin sees no quotes either."""
    depth, found, last = 1, [], begin
    for match in re.compile(r"[(),]").finditer(sql, begin):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 or (match[0] == "," and depth == 1):
            found.append(sql[last : match.start()])
            last = match.end()
        if depth == 0:
            break
    condition, variable = found
    return condition, variable, last


def _formatted(value: Value, form: str | None, name: str) -> str:
    many = not isinstance(value, str)
    if form == "percentencode":
        return in_browser("{" + ",".join(value) + "}" if many else str(value))
    if form == "queryparam":
        values = value if many else [str(value)]
        return "&".join(f"var-{name}={in_browser(one)}" for one in values)
    if form == "raw" and not many:
        return str(value)
    raise AssertionError(f"a statement takes {name} as {form!r}, in which quotes may be left")


def _macros(view: View) -> dict[str, str]:
    return {
        "fromTime_ms": f"fromUnixTimestamp64Milli({view.from_ms})",
        "toTime_ms": f"fromUnixTimestamp64Milli({view.to_ms})",
        "fromTime": f"toDateTime({view.from_ms // 1000})",
        "toTime": f"toDateTime({view.to_ms // 1000})",
    }


def _between(column: str, view: View) -> str:
    macros = _macros(view)
    return f"{column} >= {macros['fromTime']} AND {column} <= {macros['toTime']}"
