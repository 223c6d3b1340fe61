"""The dashboards of grafana/ as JSON: what Grafana's own types know, and what readers rely on."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard, prometheus, stat, table, timeseries

from grafana.__main__ import BOARDS, text_of
from grafana.boards import FILES, ROOT, panels_of, queries, read

OPTIONS: dict[str, Any] = {"stat": stat, "table": table, "timeseries": timeseries}
CUSTOM = {"table": "TableFieldOptions", "timeseries": "FieldConfig"}
FORMATS = re.compile(r"\$\{\w+:(\w+)\}")
BY_FILE = pytest.mark.parametrize(
    "board", [read(file) for file in FILES], ids=[file.stem for file in FILES]
)


def kept(kind: Any, data: dict[str, Any]) -> Any:
    """Returns what one of Grafana's types takes of some JSON; what it does not know is gone."""
    return json.loads(json.dumps(kind.from_json(data), cls=JSONEncoder))


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yields what is not the same behind a type, by its place."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from lost(value, kept.get(name), f"{path}.{name}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, value in enumerate(given):
            yield from lost(value, kept[number], f"{path}[{number}]")
    elif given != kept and (given or kept):
        yield f"{path}: {given!r} became {kept!r}"


def test_there_is_a_dashboard_of_calls_of_agents_of_errors_and_of_the_pipeline() -> None:
    assert [file.stem for file in FILES] == sorted(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_each_file_is_what_its_source_makes(name: str) -> None:
    """`python -m grafana` writes them."""
    assert (ROOT / "grafana" / f"{name}.json").read_text(encoding="utf-8") == text_of(name)


@BY_FILE
def test_grafana_knows_everything_that_a_dashboard_says(board: dict[str, Any]) -> None:
    # A mark's statement is the data source's own form, which Grafana passes on.
    marks = [mark | {"target": {}} for mark in board["annotations"]["list"]]
    board = board | {"annotations": {"list": marks}}

    assert list(lost(board, kept(dashboard.Dashboard, board))) == []


@BY_FILE
def test_grafana_knows_every_option_of_every_panel(board: dict[str, Any]) -> None:
    for panel in panels_of(board):
        kind = OPTIONS[panel["type"]]
        defaults = panel["fieldConfig"]["defaults"]
        assert list(lost(panel["options"], kept(kind.Options, panel["options"]))) == []
        if "custom" in defaults:
            custom = getattr(kind, CUSTOM[panel["type"]])
            assert list(lost(defaults["custom"], kept(custom, defaults["custom"]))) == []
        for target in panel["targets"]:
            if "expr" in target:
                assert list(lost(target, kept(prometheus.Dataquery, target))) == []


@BY_FILE
def test_every_panel_asks_the_data_source_that_the_reader_has_chosen(
    board: dict[str, Any],
) -> None:
    named = {one["name"]: one for one in board["templating"]["list"]}

    assert board["uid"].startswith("sluice-")
    assert named["datasource"]["current"]["value"] == "sluice"
    for panel in panels_of(board):
        for asked in (panel, *panel["targets"]):
            uid = asked["datasource"]["uid"]
            assert named[uid[2:-1]]["query"] == asked["datasource"]["type"]


@BY_FILE
def test_every_panel_has_a_number_and_a_place_of_its_own(board: dict[str, Any]) -> None:
    every = [*board["panels"], *(p for row in board["panels"] for p in row.get("panels", []))]
    taken = [
        (x, y)
        for panel in board["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in every}) == len(every)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


@BY_FILE
def test_every_filter_has_all_and_takes_several(board: dict[str, Any]) -> None:
    filters = [one for one in board["templating"]["list"] if one["type"] == "query"]

    assert filters[0]["name"] == "project"
    for one in filters:
        assert one["multi"]
        assert one["includeAll"]
        assert "allValue" not in one


@BY_FILE
def test_no_value_is_red_for_being_greater_than_80(board: dict[str, Any]) -> None:
    for panel in panels_of(board):
        first, *higher = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert first["value"] is None
        assert first["color"] in ("text", "green")
        assert all(step["value"] is not None for step in higher)


@BY_FILE
def test_days_and_times_are_the_readers(board: dict[str, Any]) -> None:
    assert board["timezone"] == ""


@BY_FILE
def test_every_link_takes_its_values_from_columns_that_are_there(board: dict[str, Any]) -> None:
    for panel in panels_of(board):
        links = [
            link["url"]
            for override in panel["fieldConfig"]["overrides"]
            for one in override["properties"]
            if one["id"] == "links"
            for link in one["value"]
        ]
        for url in links:
            assert url.startswith(("/d/sluice-", "${sluice:raw}/"))
            for column in re.findall(r"\$\{__data\.fields\.(\w+)", url):
                assert re.search(rf"\b{column}\b", panel["targets"][0]["rawSql"].split("FROM")[0])
            if url.startswith("/d/"):
                linked = url.split("?")[0].removeprefix("/d/")
                assert linked in {read(file)["uid"] for file in FILES}


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_no_value_goes_into_a_statement_in_a_form_that_leaves_quotes(query: Any) -> None:
    assert set(FORMATS.findall(query.sql)) <= {"percentencode"}
    # Any other use of a variable would be without a form: but in the macro's second argument.
    bare = re.sub(r", \$\w+\)", "", FORMATS.sub("", query.sql))
    assert re.findall(r"\$(?!__)\S*", bare) == []
