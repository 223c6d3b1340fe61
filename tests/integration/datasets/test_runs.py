"""Runs over HTTP: found by their calls, summed by item and try, compared item by item."""

import random
import statistics
from datetime import timedelta
from typing import Any

import pytest

from controlplane.database import Database
from controlplane.thinning import advance_rows_from
from schemas.times import from_us
from tests.integration.datasets.conftest import MILLICENT, World
from tests.integration.datasets.test_pages import page
from tests.integration.queries.rows import START_US
from tests.integration.queries.score_rows import make_score, store_scores

WORDS = {"value": None, "text": "<b>"}
OTEL = "5b8efff798038103d269b633813fc60"


async def test_runs_are_found_by_their_calls_and_those_announced_wait_for_them(
    world: World,
) -> None:
    path = await world.dataset()
    announced = {"name": "later", "description": "to come", "metadata": {"commit": "abc"}}
    assert (await world.key.post(f"{path}/runs", json=announced)).status_code == 201
    world.store(
        world.call("first", "q0", input_tokens=3, output_tokens=4),
        world.call("first", "q1", status="error", latency_ms=300.0),
        world.call("second", "q0", at_s=60, reported_cost_pico=None),
        world.call("first", "q0", tags={"experiment.run": "first", "experiment.item": "q0"}),
        world.call("", "q0"),
    )

    second, first, later = (await world.ask(f"{path}/runs"))["runs"]

    assert [one["name"] for one in (second, first, later)] == ["second", "first", "later"]
    assert (first["items"], first["missing"], first["calls"], first["failed"]) == (2, 2, 2, 1)
    assert (first["cost_cents"], first["tokens"], first["version"]) == (0.002, 7, 1)
    assert (first["latency_p50_ms"], first["latency_p95_ms"]) == (200, 290)
    assert (second["unpriced_calls"], second["cost_cents"]) == (1, 0)
    assert (later["calls"], later["version"], later["metadata"]) == (0, 1, {"commit": "abc"})
    assert later["first_at"] is None


async def test_a_run_that_began_when_calls_are_gone_says_so(
    world: World, database: Database
) -> None:
    rows_from = from_us(START_US).date() + timedelta(days=1)
    await advance_rows_from(database, {world.project_id: rows_from})
    path = await world.dataset()
    world.store(world.call("old", "q0"), world.call("young", "q0", at_s=86_400))

    young, old = (await world.ask(f"{path}/runs"))["runs"]

    assert (old["name"], old["rows_from"]) == ("old", f"{rows_from}T00:00:00.000Z")
    assert (young["name"], young["rows_from"]) == ("young", None)
    assert f"Before {rows_from}" in await page(world, "datasets/d/run", run="old")
    assert "rows are gone" not in await page(world, "datasets/d/run", run="young")


async def test_calls_of_one_try_add_up_and_tries_are_averaged(world: World) -> None:
    path = await world.dataset()
    world.store(
        # One trace of two calls, which end 1.1 s after the first began.
        world.call("r", "q0", trace_id=f"{OTEL}0-00000000000000a1", input_tokens=1),
        world.call("r", "q0", trace_id=f"{OTEL}0-00000000000000a2", at_s=1, input_tokens=2),
        # A second try of the same item, in a trace of its own.
        world.call("r", "q0", trace_id=f"{OTEL}1-00000000000000a1", at_s=5, output_text="last"),
        # Two calls of one session are one try, and so are those of a repetition.
        world.call("r", "q1", session_id="s"),
        world.call("r", "q1", session_id="s", at_s=1, status="error", error='{"message":"no"}'),
        world.call("r", "q2", repetition=1),
        world.call("r", "q2", repetition=2, reported_cost_pico=3 * MILLICENT),
        world.call("r", "q2", repetition=2, reported_cost_pico=2 * MILLICENT),
        world.call("r", "q3", version=1, reported_cost_pico=None),
        world.call("r", "gone"),
    )

    found = await world.ask(f"{path}/results", run="r")

    items = {one["id"]: one["result"] for one in found["items"]}
    assert (found["total"], found["run"]["version"]) == (5, 1)
    tries = {key: (one["tries"], one["calls"]) for key, one in items.items()}
    assert tries == {"q0": (2, 3), "q1": (1, 2), "q2": (2, 3), "q3": (1, 1), "gone": (1, 1)}
    assert (items["q0"]["tokens"], items["q0"]["latency_ms"]) == (1.5, 600)
    assert (items["q0"]["output"], items["q0"]["cost_cents"]) == ("last", 0.0015)
    assert (items["q1"]["failed"], items["q1"]["error"]) == (1, '{"message":"no"}')
    assert (items["q2"]["cost_cents"], items["q3"]["cost_cents"]) == (0.003, None)
    texts = {one["id"]: (one["input"], one["expected_output"]) for one in found["items"]}
    assert texts["q0"] == ('{"q":"question 0"}', '"answer 0"')
    assert texts["gone"] == (None, None)


async def test_scores_of_calls_traces_and_their_spans_belong_to_items(world: World) -> None:
    path = await world.dataset()
    call = world.call("r", "q0")
    told = world.call("r", "q1", trace_id=f"{OTEL}2-00000000000000a1")
    world.store(call, told)
    of_call = {"trace_id": call.trace_id}
    store_scores(
        world.warehouse,
        world.project_id,
        [
            make_score("a", value=0.2, **of_call),
            make_score("a", value=0.4, version_us=2 * 10**15, **of_call),
            make_score("b", value=0.8, **of_call),
            make_score("c", value=0.5, trace_id=f"{OTEL}2"),
            make_score("d", value=0.7, trace_id=f"{OTEL}2", span_id="00000000000000b7"),
            make_score(
                "e", name="tone", data_type="categorical", value=None, text="<b>", **of_call
            ),
            make_score("f", value=1.0, trace_id="another"),
        ],
    )

    found = await world.ask(f"{path}/results", run="r")

    first, second = (one["result"] for one in found["items"])
    assert first["scores"] == {"helpfulness": pytest.approx(0.6)}
    assert first["words"] == [{"name": "tone", "text": "<b>"}]
    assert second["scores"] == {"helpfulness": pytest.approx(0.6)}
    (helpful, tone) = found["run"]["scores"]
    assert (helpful["items"], helpful["scores"], tone["average"]) == (2, 4, None)
    assert helpful["average"] == pytest.approx(0.6)


async def test_a_version_that_there_is_not_counts_as_none(world: World) -> None:
    path = await world.dataset()
    world.store(world.call("r", "q0", version=4_000_000_000))

    (run,) = (await world.ask(f"{path}/runs"))["runs"]
    (item,) = (await world.ask(f"{path}/results", run="r"))["items"]

    assert (run["version"], run["missing"], item["input"]) == (1, 3, '{"q":"question 0"}')


async def test_a_score_of_a_call_is_of_its_item_alone_where_items_share_a_trace(
    world: World,
) -> None:
    path = await world.dataset()
    told = [f"{OTEL}3-00000000000000a{n}" for n in range(3)]
    world.store(
        world.call("r", "q0", trace_id=told[0]),
        world.call("r", "q1", trace_id=told[1]),
        world.call("another", "q2", trace_id=told[2]),
    )
    spans = {"a0": 0.0, "a1": 1.0, "a2": 0.25}
    scores = [
        make_score(span, value=value, trace_id=f"{OTEL}3", span_id=f"00000000000000{span}")
        for span, value in spans.items()
    ]
    whole = make_score("whole", name="whole", value=0.5, trace_id=f"{OTEL}3")
    store_scores(world.warehouse, world.project_id, [*scores, whole])

    found = await world.ask(f"{path}/results", run="r")

    assert [one["result"]["scores"] for one in found["items"]] == [
        {"helpfulness": 0, "whole": 0.5},
        {"helpfulness": 1, "whole": 0.5},
    ]


@pytest.mark.parametrize("seed", [20_261_130])
async def test_a_comparison_says_what_plain_python_says_of_the_rows(
    world: World, seed: int
) -> None:
    rng = random.Random(seed)
    path = await world.dataset(items=[{"id": f"i{n:03}", "input": n} for n in range(200)])
    scores, values = [], {}
    for run, shift in (("a", 0.0), ("b", 0.3)):
        for n in range(180 if run == "a" else 200):
            call = world.call(run, f"i{n:03}", latency_ms=rng.uniform(50, 500))
            world.store(call) if n == 0 else values.setdefault("calls", []).append(call)
            value = rng.gauss(shift, 0.5)
            values[run, n] = value
            scores.append(make_score(f"{run}{n}", value=value, trace_id=call.trace_id))
    world.store(*values["calls"])
    store_scores(world.warehouse, world.project_id, scores)

    found = await world.ask(f"{path}/comparison", a="a", b="b", limit=1000)

    losses = sorted((values["b", n] - values["a", n], f"i{n:03}") for n in range(180))
    (helpful, cost, latency, tokens, failures) = found["measures"]
    assert (found["both"], found["only_a"], found["only_b"], found["total"]) == (180, 0, 20, 200)
    assert (helpful["measure"], helpful["pairs"]) == ("score.helpfulness", 180)
    assert helpful["difference"] == pytest.approx(statistics.fmean(one for one, _ in losses))
    assert helpful["low"] < 0.3 < helpful["high"]
    assert helpful["is_more_than_chance"]
    assert not latency["is_more_than_chance"]
    assert (cost["difference"], tokens["difference"], failures["difference"]) == (0, 0, 0)
    order = [one["id"] for one in found["items"]]
    assert order[:180] == [key for _, key in losses]
    assert order[180:] == [f"i{n:03}" for n in range(180, 200)]
    assert found["sorted_by"] == "score.helpfulness"
    first = found["items"][0]
    assert first["differences"]["score.helpfulness"] == pytest.approx(losses[0][0])
    assert first["input"] == str(int(first["id"][1:]))
    page = await world.ask(f"{path}/comparison", a="a", b="b", limit=2, offset=1, measure="latency")
    slower = [one["differences"]["latency"] for one in page["items"]]
    assert slower == sorted(slower, reverse=True)


async def test_prices_and_bills_that_change_later_count_as_they_are_now(world: World) -> None:
    path = await world.dataset()
    call, other = world.call("r", "q0"), world.call("r", "q1")
    world.store(call, other)
    mine = "project_id = {p:String} AND trace_id = {t:String}"
    for sql, row in (("reported_cost = 0.5", call), ("billing = 'told twice'", other)):
        values = {"p": world.project_id, "t": row.trace_id}
        change = f"ALTER TABLE traces UPDATE {sql} WHERE {mine}"
        await world.warehouse.command(change, values, mutations_sync=1)

    (run,) = (await world.ask(f"{path}/runs"))["runs"]

    assert (run["cost_cents"], run["calls"], run["items"]) == (50, 1, 1)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"a": "x"}, "b"),
        ({"a": "x", "b": "", "limit": 5}, "b"),
        ({"a": "x", "b": "y" * 201}, "b"),
        ({"a": "x", "b": "y", "limit": 1001}, "limit"),
        ({"a": "x", "b": "y", "measure": "colour"}, "measure"),
        ({"a": "x", "b": "y", "measure": "score."}, "measure"),
    ],
)
async def test_a_bad_parameter_is_rejected_with_its_name(
    world: World, query: dict[str, Any], name: str
) -> None:
    answer = await world.key.get("/v1/datasets/d/comparison", params=query)

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


async def test_runs_of_another_project_are_not_there(world: World) -> None:
    path = await world.dataset()
    stranger = world.call("theirs", "q0")
    stranger.project_id = f"{world.project_id}-other"
    world.store(stranger)

    assert (await world.ask(f"{path}/runs"))["runs"] == []
    for end in ("results?run=theirs", "comparison?a=theirs&b=theirs"):
        assert (await world.key.get(f"{path}/{end}")).json() == {"error": "Run not found"}
    assert (await world.key.get("/v1/datasets/none/runs")).status_code == 404
