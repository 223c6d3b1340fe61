"""Scores in numbers: what SQL says is what plain Python says of the same rows."""

import random
import statistics
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.deployments import DeploymentCopy, write_deployments
from schemas.llm.score_rows import ScoreRow
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, TraceRow, make_trace
from tests.integration.queries.score_rows import SECOND_US, make_score, store_scores
from tests.integration.queries.test_scores import newest

Client = TestClient[Litestar]
RANGE = "date_from=2025-06-01T00:00:00Z&date_to=2025-06-03T23:59:59Z"
OTEL = "5b8efff798038103d269b633813fc60c"
MODELS = ("gpt-4o", "claude", "gemini")


def analytics(client: Client, query: str = "") -> Any:
    answer = client.get(f"/scores/analytics?{RANGE}&{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("group_by=colour", "group_by"),
        ("group_by=metadata.", "group_by"),
        ("group_by=day,hour,week,month,user", "group_by"),
        ("limit=0", "limit"),
        ("date_to=2299-01-01T00:00:00Z", "date_to"),
    ],
)
def test_a_bad_parameter_is_rejected_with_its_name(client: Client, query: str, name: str) -> None:
    ranged = RANGE.split("&")[0] if name == "date_to" else RANGE

    answer = client.get(f"/scores/analytics?{ranged}&{query}")

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


@pytest.mark.parametrize("seed", [4, 20_261_130])
def test_numbers_and_groups_are_those_of_the_rows(
    client: Client, warehouse: Warehouse, project: ProjectContext, seed: int
) -> None:
    chance = random.Random(seed)
    calls = [_call(chance, project, number) for number in range(60)]
    store_traces(warehouse, calls)
    rows = [_score(chance, number, calls) for number in range(600)]
    store_scores(warehouse, project.project_id, rows[:300])
    store_scores(warehouse, project.project_id, rows[300:])
    now, by_id = newest(rows), {call.trace_id: call for call in calls}

    def call_of(row: ScoreRow) -> TraceRow | None:
        return by_id.get(row.trace_id)

    def from_call(column: str) -> Callable[[ScoreRow], Any]:
        return lambda row: getattr(call_of(row), column, None) or None

    for query, key in (
        ("model", from_call("model_requested")),
        ("provider", from_call("provider")),
        ("source", lambda row: row.source),
        ("user", lambda row: row.user_id or from_call("user_id")(row)),
        ("environment", lambda row: row.environment or from_call("environment")(row)),
        ("metadata.team", lambda row: call_of(row) and call_of(row).tags.get("team")),
        ("release", lambda row: call_of(row) and call_of(row).tags.get("release")),
        ("hour", lambda row: f"2025-06-01T{(row.timestamp_us - START_US) // 3600_000_000:02d}"),
    ):
        found = analytics(client, f"group_by={query}&limit=1000")

        assert_same(found["groups"], now, query, key)
        assert_same(found["names"], now, None, lambda _: None)
    assert_spreads(analytics(client)["spreads"], now)


def assert_same(
    groups: Sequence[dict[str, Any]],
    rows: Sequence[ScoreRow],
    name: str | None,
    key: Callable[[ScoreRow], Any],
) -> None:
    expected: dict[Any, list[ScoreRow]] = defaultdict(list)
    for row in rows:
        expected[row.name, row.data_type, key(row)].append(row)
    found = {}
    for group in groups:
        value = group["key"][name] if name else None
        value = value[:13] if name == "hour" else value
        found[group["name"], group["dataType"], value] = group
    assert found.keys() == expected.keys(), name
    for place, some in expected.items():
        group, values = found[place], [row.value for row in some if row.value is not None]
        assert group["count"] == len(some)
        if not values:
            assert (group["average"], group["p50"]) == (None, None)
            continue
        assert group["average"] == pytest.approx(statistics.fmean(values))
        assert (group["minimum"], group["maximum"]) == (min(values), max(values))
        of = [group[one] for one in ("p50", "p90", "p95", "p99")]
        assert of == pytest.approx(list(np.quantile(values, [0.5, 0.9, 0.95, 0.99])))


def assert_spreads(spreads: Sequence[dict[str, Any]], rows: Sequence[ScoreRow]) -> None:
    for spread in spreads:
        own = [row for row in rows if row.name == spread["name"]]
        if spread["dataType"] == "numeric":
            values = [row.value for row in own if row.value is not None]
            counts, _ = np.histogram(values, bins=20, range=(min(values), max(values)))
            assert [one["count"] for one in spread["ranges"]] == [n for n in counts if n]
        else:
            words = [row.text for row in own]
            found = {one["value"]: one["count"] for one in spread["categories"]}
            assert found == {word: words.count(word) for word in words}
    assert len(spreads) == 3


def test_a_score_of_a_whole_trace_or_of_a_plain_span_has_the_first_call_of_the_trace(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    def told(span: str, model: str, at_s: int) -> TraceRow:
        values = {"timestamp_us": START_US + at_s * SECOND_US, "model_requested": model}
        return make_trace(project.project_id, f"{OTEL}-{span * 16}", **values)

    store_traces(warehouse, [told("b", "second", 20), told("a", "first", 10)])
    rows = [
        make_score("trace", 1, trace_id=OTEL),
        make_score("tool", 2, trace_id=OTEL, span_id="c" * 16),
        make_score("call", 3, trace_id=OTEL, span_id="b" * 16),
        make_score("nothing", 4, session_id="s"),
    ]
    store_scores(warehouse, project.project_id, rows)

    groups = analytics(client, "group_by=model")["groups"]

    found = {group["key"]["model"]: group["count"] for group in groups}
    assert found == {"first": 2, "second": 1, None: 1}


async def test_a_deployment_has_the_scores_of_calls_that_it_served(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    def deployed(name: str, at_s: int) -> DeploymentCopy:
        at_us = START_US + at_s * SECOND_US
        texts = ("production", "git", "push", "running", "serving", "abc")
        return DeploymentCopy(project.project_id, name, *texts, at_us, at_us, at_us, None)

    await write_deployments(warehouse, [deployed("new", 100), deployed("old", 50)])
    made = [("before", 10), ("old-call", 60), ("new-call", 150)]
    store_traces(
        warehouse,
        [
            make_trace(project.project_id, one, timestamp_us=START_US + at_s * SECOND_US)
            for one, at_s in made
        ],
    )
    # All are given long after: the call's time counts.
    rows = [make_score(uuid.uuid4().hex, 500, trace_id=one) for one, _ in made]
    store_scores(warehouse, project.project_id, rows)

    groups = analytics(client, "group_by=deployment")["groups"]

    assert {group["key"]["deployment"] for group in groups} == {None, "old", "new"}


def _call(chance: random.Random, project: ProjectContext, number: int) -> TraceRow:
    return make_trace(
        project.project_id,
        f"call-{number}",
        model_requested=chance.choice(MODELS),
        user_id=chance.choice(("", "ann", "bob")),
        environment=chance.choice(("", "production")),
        tags={"team": chance.choice(("a", "b")), "release": chance.choice(("1.0", "1.1"))},
    )


def _score(chance: random.Random, number: int, calls: Sequence[TraceRow]) -> ScoreRow:
    name, data_type, value, text = chance.choice(
        [
            ("helpfulness", "numeric", chance.random(), ""),
            ("thumbs", "boolean", *chance.choice(((1.0, "true"), (0.0, "false")))),
            ("tone", "categorical", None, chance.choice(("rude", "kind", "dry"))),
        ]
    )
    return make_score(
        f"s{chance.randrange(450)}",
        chance.randrange(6 * 3600),
        item_id=f"i{number:04d}",
        name=name,
        data_type=data_type,
        value=value,
        text=text,
        deleted=chance.random() < 0.05,
        source=chance.choice(("api", "eval")),
        trace_id=chance.choice((*(call.trace_id for call in calls), "unknown", "")),
        user_id=chance.choice(("", "", "eve")),
        environment=chance.choice(("", "test")),
    )
