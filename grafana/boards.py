"""The dashboards as their files have them, each statement by name: for tests and benchmarks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "grafana").glob("*.json"))


class Query(NamedTuple):
    """One statement of a dashboard."""

    name: str
    kind: str
    sql: str


def read(file: Path) -> dict[str, Any]:
    """Returns a dashboard."""
    board: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return board


def panels_of(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields every panel, those in collapsed rows too, and no row."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries() -> list[Query]:
    """Returns the statements of every variable, mark and panel."""
    found = []
    for file in FILES:
        board = read(file)
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                name = f"{file.stem}: ${variable['name']}"
                found.append(Query(name, "variable", variable["query"]))
        for mark in board["annotations"]["list"]:
            name = f"{file.stem}: marks of {mark['name']}"
            found.append(Query(name, "annotation", mark["target"]["rawSql"]))
        for panel in panels_of(board):
            for target in panel["targets"]:
                if "rawSql" in target:
                    name = f"{file.stem}: {panel['title']}"
                    found.append(Query(name, panel["type"], target["rawSql"]))
    return found


def query_of(name: str) -> Query:
    """Returns the first statement of a name, as `traces: Calls`."""
    return next(query for query in queries() if query.name == name)
