"""Metrics from their step to the store and back, with answers that are known."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient

from api.app import exception_handlers
from api.otel.metrics import HANDLERS
from clickhouse.client import Warehouse
from processors.blocks import KindStep
from processors.otel.metric_steps import build_metrics
from schemas.kinds import OTEL_METRIC
from schemas.projects import ProjectContext, ProjectId
from tests.integration.otel.conftest import packed, pairs, put_items

Client = TestClient[Litestar]
Put = Callable[..., None]
START_S = 1_789_999_980
"""A whole minute."""
RANGE = {"date_from": str(START_S), "date_to": str(START_S + 299)}
HOSTILE = "\"><script>'; DROP TABLE otel_points --\\ {name:String} %"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


@pytest.fixture
def client(warehouse: Warehouse, project: ProjectContext) -> Iterator[Client]:
    with client_of(warehouse, project) as opened:
        yield opened


def client_of(warehouse: Warehouse, project: ProjectContext) -> Client:
    app = Litestar(
        list(HANDLERS),
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse}),
        exception_handlers=exception_handlers(),
    )
    return TestClient(app)


@pytest.fixture
def put(warehouse: Warehouse, project: ProjectContext) -> Put:
    def stored(*metrics: dict[str, Any], **resource: str) -> None:
        sender = {key.replace("__", "."): value for key, value in resource.items()}
        step = KindStep(OTEL_METRIC, build_metrics)
        put_items(warehouse, project, step, [packed(one, sender) for one in metrics])

    return stored


def point(second: float, start: float = -3_600, **fields: Any) -> dict[str, Any]:
    attributes = pairs(fields.pop("attributes", {}))
    times = {"timeUnixNano": ns(second), "startTimeUnixNano": ns(start)}
    return {**times, "attributes": attributes, **fields}


def ns(second: float) -> str:
    return str(int((START_S + second) * 10**9))


def cumulative(name: str, points: Sequence[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    data = {"dataPoints": list(points), "aggregationTemporality": 2, "isMonotonic": True}
    return {"name": name, "unit": "1", "sum": {**data, **fields}}


def chart(client: Client, name: str, **more: str) -> dict[str, Any]:
    asked = {**RANGE, "step": "60", "name": name, **more}
    answer = client.get("/otel/metrics/series", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def values(chart_: dict[str, Any], field: str = "value") -> list[list[Any]]:
    return [[moment[field] for moment in one["points"]] for one in chart_["series"]]


class TestSums:
    def test_a_cumulative_sum_grows_by_the_differences_of_each_series(
        self, client: Client, put: Put
    ) -> None:
        a = [point(at, asInt=str(n)) for at, n in ((-60, 10), (0, 25), (60, 40), (120, 70))]
        b = [point(at, asInt=str(n)) for at, n in ((-59, 1_000), (1, 1_001), (61, 1_003))]
        put(cumulative("orders", a), host__name="one")
        put(cumulative("orders", b), host__name="two")

        found = chart(client, "orders")

        assert (found["shape"], found["kind"], found["unit"]) == ("sum", "sum", "1")
        assert values(found) == [[16, 17, 30]]
        assert values(found, "rate") == [[16 / 60, 17 / 60, 0.5]]
        assert [one["start"] for one in found["series"][0]["points"]][0].endswith("00.000Z")

    def test_a_reset_counts_what_came_after_it(self, client: Client, put: Put) -> None:
        told = [
            point(-60, asInt="100"),
            point(0, asInt="110"),
            point(60, start=30, asInt="120"),  # restarted, and fast: greater than before
            point(120, start=30, asInt="7"),  # smaller, though nobody says why
            point(180, start=30, asInt="9"),
        ]
        put(cumulative("resets", told))

        assert values(chart(client, "resets")) == [[10, 120, 7, 2]]

    def test_the_first_point_counts_where_its_series_began_in_the_range(
        self, client: Client, put: Put
    ) -> None:
        put(cumulative("new", [point(60, start=10, asInt="5")]), host__name="new")
        put(cumulative("new", [point(61, start=-86_400, asInt="1000")]), host__name="old")

        assert values(chart(client, "new")) == [[5]]

    def test_deltas_are_added_up(self, client: Client, put: Put) -> None:
        told = [point(at, at - 30, asDouble=0.25) for at in (0, 30, 60)]
        put(cumulative("deltas", told, aggregationTemporality=1))

        assert values(chart(client, "deltas")) == [[0.5, 0.25]]


class TestGauges:
    def test_a_gauge_has_its_average_its_ends_and_its_newest(
        self, client: Client, put: Put
    ) -> None:
        for host, readings in (("one", ((0, 1.0), (30, 3.0))), ("two", ((10, 8.0),))):
            told = [point(at, asDouble=value) for at, value in readings]
            put({"name": "load", "gauge": {"dataPoints": told}}, host__name=host)

        (moment,) = chart(client, "load")["series"][0]["points"]

        assert (moment["value"], moment["min"], moment["max"]) == (4.0, 1.0, 8.0)
        assert (moment["last"], moment["total"], moment["points"]) == (3.0, 11.0, 3)

    def test_what_goes_up_and_down_is_a_gauge(self, client: Client, put: Put) -> None:
        put(cumulative("open", [point(0, asInt="5"), point(30, asInt="3")], isMonotonic=False))

        found = chart(client, "open")

        assert found["shape"] == "gauge"
        assert values(found, "last") == [[3]]

    def test_a_point_without_a_value_is_none(self, client: Client, put: Put) -> None:
        put({"name": "gaps", "gauge": {"dataPoints": [point(0, flags=1), point(60, asInt="4")]}})

        assert values(chart(client, "gaps")) == [[4]]


def explicit(second: float, counts: Sequence[int], total: float, **more: Any) -> dict[str, Any]:
    told = {"count": str(sum(counts)), "sum": total, "explicitBounds": [10, 20, 50]}
    return point(second, bucketCounts=[str(one) for one in counts], **told, **more)


def exponential(second: float, scale: int, offset: int, counts: Sequence[int]) -> dict[str, Any]:
    positive = {"offset": offset, "bucketCounts": [str(one) for one in counts]}
    return point(second, count=str(sum(counts)), sum=1.0, scale=scale, positive=positive)


def histogram(name: str, points: Sequence[Any], temporality: int = 2, **of: Any) -> dict[str, Any]:
    data = {"dataPoints": list(points), "aggregationTemporality": temporality}
    return {"name": name, "unit": "ms", of.get("sort", "histogram"): data}


class TestHistograms:
    def test_percentiles_come_from_the_buckets_of_what_was_counted_meanwhile(
        self, client: Client, put: Put
    ) -> None:
        told = [explicit(-60, (900, 0, 0, 0), 900), explicit(0, (900, 100, 0, 0), 2_400)]
        put(histogram("took", told))

        (moment,) = chart(client, "took")["series"][0]["points"]

        assert (moment["count"], moment["sum"], moment["avg"]) == (100, 1_500.0, 15.0)
        assert (moment["p50"], moment["p95"], moment["p99"]) == (15.0, 19.5, 19.9)

    def test_deltas_of_many_senders_with_other_bounds_are_one_distribution(
        self, client: Client, put: Put
    ) -> None:
        put(histogram("merged", [explicit(0, (0, 50, 0, 0), 750)], 1), host__name="one")
        other = point(1, count="50", sum=5_000, explicitBounds=[50, 150], bucketCounts=[0, 50, 0])
        put(histogram("merged", [other], 1), host__name="two")

        (moment,) = chart(client, "merged")["series"][0]["points"]

        assert (moment["count"], moment["avg"]) == (100, 57.5)
        assert (moment["p50"], moment["p99"]) == (20.0, 148.0)

    def test_the_ends_are_bounded_by_the_least_and_the_greatest(
        self, client: Client, put: Put
    ) -> None:
        put(histogram("ends", [explicit(0, (0, 0, 0, 10), 700, min=60, max=80)], 1))

        (moment,) = chart(client, "ends")["series"][0]["points"]

        assert (moment["p50"], moment["p99"]) == (70.0, 79.8)
        assert (moment["min"], moment["max"]) == (60, 80)

    def test_exponential_buckets_are_powers(self, client: Client, put: Put) -> None:
        sort = "exponentialHistogram"
        put(histogram("powers", [exponential(0, 0, 0, (0, 100, 0))], 1, sort=sort))

        (moment,) = chart(client, "powers")["series"][0]["points"]

        assert (moment["count"], moment["p50"]) == (100, 3.0)

    def test_a_coarser_scale_takes_the_finer_buckets_away(self, client: Client, put: Put) -> None:
        # 50 values in (2, 2.83] and 50 in (2.83, 4], then the same and 100 more in (4, 8].
        told = [exponential(-60, 1, 2, (50, 50)), exponential(0, 0, 1, (100, 100))]
        put(histogram("coarser", told, sort="exponentialHistogram"))

        (moment,) = chart(client, "coarser")["series"][0]["points"]

        assert moment["count"] == 100
        assert moment["p50"] == pytest.approx(6.0, abs=0.1)

    def test_one_sender_without_ends_leaves_them_unknown(self, client: Client, put: Put) -> None:
        put(histogram("some", [explicit(0, (0, 10, 0, 0), 150, min=12, max=18)], 1))
        put(histogram("some", [explicit(1, (0, 10, 0, 0), 150)], 1), host__name="other")

        (moment,) = chart(client, "some")["series"][0]["points"]

        assert (moment["min"], moment["max"], moment["p50"]) == (None, None, 15.0)

    def test_lengths_that_do_not_agree_have_no_percentiles(self, client: Client, put: Put) -> None:
        bad = point(0, count="5", sum=5, explicitBounds=[1, 2, 3], bucketCounts=["5"])
        put(histogram("bad", [bad], 1))

        (moment,) = chart(client, "bad")["series"][0]["points"]

        assert (moment["count"], moment["p50"]) == (5, None)

    def test_a_summary_counts_without_a_distribution(self, client: Client, put: Put) -> None:
        told = [
            point(at, count=str(n), sum=n * 2.0, quantileValues=[{"quantile": 0.5, "value": 2.0}])
            for at, n in ((-60, 10), (0, 15))
        ]
        put({"name": "summed", "summary": {"dataPoints": told}})

        (moment,) = chart(client, "summed")["series"][0]["points"]

        assert (moment["count"], moment["avg"], moment["p50"]) == (5, 2.0, None)


class TestGroups:
    def test_points_are_grouped_and_filtered_by_what_they_say(
        self, client: Client, put: Put
    ) -> None:
        told = [
            point(0, 0, asInt="5", attributes={"type": "input", "session.id": "s1"}),
            point(0, 0, asInt="2", attributes={"type": "output", "session.id": "s1"}),
            point(0, 0, asInt="1", attributes={"type": "input", HOSTILE: HOSTILE}),
        ]
        put(cumulative("claude_code.token.usage", told, aggregationTemporality=1))

        name = "claude_code.token.usage"
        by_type = chart(client, name, split_by="type")
        by_attribute = chart(client, name, split_by="attr." + HOSTILE)
        of_session = chart(client, name, session_id="s1")
        of_attribute = chart(client, name, **{f"attr.{HOSTILE}": HOSTILE})

        assert {one["group"]: one["points"][0]["value"] for one in by_type["series"]} == {
            "input": 6, "output": 2,
        }  # fmt: skip
        assert {one["group"]: one["points"][0]["value"] for one in by_attribute["series"]} == {
            None: 7, HOSTILE: 1,
        }  # fmt: skip
        assert values(of_session) == [[7]]
        assert values(of_attribute) == [[1]]

    def test_points_are_filtered_by_what_sent_them(
        self, client: Client, put: Put, warehouse: Warehouse
    ) -> None:
        for arch, number in (("arm64", "5"), ("amd64", "2")):
            told = [point(0, 0, asInt=number, attributes={"of": arch})]
            put(cumulative("built", told, aggregationTemporality=1), host__arch=arch)
        other = ProjectContext(ProjectId(uuid.uuid4().hex))
        step = KindStep(OTEL_METRIC, build_metrics)
        theirs = cumulative("built", [point(0, 0, asInt="9")], aggregationTemporality=1)
        put_items(warehouse, other, step, [packed(theirs, {"host.arch": "arm64"})])

        assert values(chart(client, "built", **{"resource.host.arch": "arm64"})) == [[5]]
        assert values(chart(client, "built", **{"resource.host.arch": "!=arm64"})) == [[2]]
        both = {"resource.host.arch": "arm64", "attr.of": "amd64"}
        assert values(chart(client, "built", **both)) == []

    def test_more_groups_than_are_shown_are_said(self, client: Client, put: Put) -> None:
        told = [point(0, 0, asInt="1", attributes={"n": str(n)}) for n in range(25)]
        put(cumulative("many", told, aggregationTemporality=1))

        found = chart(client, "many", split_by="attr.n")

        assert (len(found["series"]), found["leftOut"]) == (20, True)

    def test_exemplars_lead_to_their_spans(self, client: Client, put: Put) -> None:
        exemplar = {"timeUnixNano": ns(5), "asDouble": 12.5, "traceId": TRACE, "spanId": SPAN}
        put(histogram("shown", [explicit(10, (0, 1, 0, 0), 12.5, exemplars=[exemplar])], 1))

        (found,) = chart(client, "shown")["exemplars"]

        assert (found["value"], found["traceId"], found["spanId"]) == (12.5, TRACE, SPAN)


class TestList:
    def test_metrics_are_listed_by_name_in_pages(self, client: Client, put: Put) -> None:
        put(cumulative("b.orders", [point(0, asInt="1")]), service__name="shop")
        put(cumulative("b.orders", [point(60, asInt="2")]), service__name="till")
        put(
            {
                "name": "a.load",
                "unit": "%",
                "description": "How busy",
                "gauge": {"dataPoints": [point(0, asInt="1")]},
            }
        )

        first = client.get("/otel/metrics", params={**RANGE, "limit": "1"}).json()
        asked = {**RANGE, "cursor": first["nextCursor"]}
        rest = client.get("/otel/metrics", params=asked).json()

        (load,), (orders,) = first["metrics"], rest["metrics"]
        assert (load["name"], load["kind"], load["unit"]) == ("a.load", "gauge", "%")
        assert load["description"] == "How busy"
        assert (orders["name"], orders["services"], orders["points"]) == (
            *("b.orders", ["shop", "till"], 2),
        )
        assert (orders["temporality"], orders["isMonotonic"]) == ("cumulative", True)
        assert rest["nextCursor"] is None

    def test_another_project_sees_nothing(
        self, client: Client, put: Put, warehouse: Warehouse
    ) -> None:
        put(cumulative("mine", [point(0, 0, asInt="1")], aggregationTemporality=1))

        with client_of(warehouse, ProjectContext(ProjectId("other"))) as other:
            assert other.get("/otel/metrics", params=RANGE).json()["metrics"] == []
            assert chart(other, "mine")["series"] == []
        assert chart(client, "mine")["series"] != []

    def test_a_hostile_name_is_a_name(self, client: Client, put: Put) -> None:
        put(cumulative(HOSTILE, [point(0, 0, asInt="1")], aggregationTemporality=1))

        assert values(chart(client, HOSTILE)) == [[1]]
        assert chart(client, HOSTILE + "x")["kind"] is None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("step=0", "step"),
        ("step=x", "step"),
        ("step=32d", "step"),
        ("step=1", "step"),
        ("split_by=project_id", "split_by"),
        ("split_by=attr.", "split_by"),
    ],
)
def test_what_is_beyond_a_bound_is_rejected(client: Client, query: str, name: str) -> None:
    answer = client.get(f"/otel/metrics/series?name=x&{query}")

    assert answer.status_code == 400
    assert name in answer.text
