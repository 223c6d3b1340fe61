"""Log records from their step to the store and back: lines, counts, filters, values."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient

from api.app import exception_handlers
from api.errors.logs import HANDLERS
from clickhouse.client import Warehouse
from clickhouse.errors.log_filters import LogFilter
from clickhouse.errors.logs import values_like
from schemas.projects import ProjectContext, ProjectId
from tests.integration.errors.conftest import Store

Client = TestClient[Litestar]
START_US = 1_790_000_000_000_000
RANGE = f"date_from={START_US // 1000}&date_to={START_US // 1000 + 10_000_000}"
HOSTILE = "\"><script>'; DROP TABLE logs --\\ {text_0:String} %"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


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


def record(body: str, second: float = 0, level: str = "info", **attributes: Any) -> dict[str, Any]:
    told = {key.replace("__", "."): {"value": value} for key, value in attributes.items()}
    return {
        "timestamp": START_US / 1e6 + second,
        "level": level,
        "body": body,
        "trace_id": TRACE_ID,
        "attributes": told,
    }


@pytest.fixture
def stored(store: Store) -> list[str]:
    records = [
        record("Request of ann took 12 ms", 0, status=200, sentry__release="shop@1"),
        record("ZebraException: deadlock found", 1, "error", status="200", slow=True),
        record(HOSTILE, 2, "warn", **{"a.b": HOSTILE, HOSTILE: "x"}, status=500.0),
        record("Grüße aus KÖLN", 3700, "loud", sentry__environment="staging"),
    ]
    return store("log", records, received_at_us=START_US + 4_000_000_000)


def bodies(client: Client, asked: dict[str, str]) -> list[str]:
    between = dict(one.split("=") for one in RANGE.split("&"))
    answer = client.get("/logs", params={**between, **asked})
    assert answer.status_code == 200, answer.text
    return [log["body"][:5] for log in answer.json()["logs"]]


class TestRejections:
    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("level=loud", "level"),
            ("cursor=x", "cursor"),
            ("cursor=1_9999999999_a", "cursor"),
            ("q=x", "q"),
            (f"q={'x' * 201}", "q"),
            ("date_from=2020-01-01&date_to=2026-01-01", "date_from"),
            ("&".join(f"attr.{n}=1" for n in range(11)), "attr.10"),
        ],
    )
    def test_a_bad_parameter_is_named(self, client: Client, query: str, name: str) -> None:
        answer = client.get(f"/logs?{query}")

        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == [name]

    def test_too_many_buckets_are_rejected(self, client: Client) -> None:
        answer = client.get("/logs/counts?interval=minute&date_from=2026-01-01&date_to=2026-01-04")

        assert answer.json()["details"][0]["path"] == ["interval"]


class TestRecords:
    def test_one_comes_back_as_it_was_sent(self, client: Client, stored: list[str]) -> None:
        found = client.get(f"/logs/{stored[2]}").json()

        assert (found["body"], found["level"], found["severity"]) == (HOSTILE, "warn", 13)
        assert found["traceId"] == TRACE_ID
        assert found["timestamp"] == "2026-09-21T14:13:22.000000Z"
        assert found["attributes"] == {"a.b": HOSTILE, HOSTILE: "x", "status": 500.0}
        assert found["environment"] is None
        assert client.get("/logs/unknown").status_code == 404

    def test_they_come_in_pages_in_both_orders(self, client: Client, stored: list[str]) -> None:
        whole, cursor = [], ""
        for _ in range(4):
            page = client.get(f"/logs?{RANGE}&limit=1{cursor}").json()
            whole += [log["id"] for log in page["logs"]]
            cursor = f"&cursor={page['nextCursor']}"

        assert whole == stored[::-1]
        assert page["nextCursor"] is None
        oldest = client.get(f"/logs?{RANGE}&oldest_first=true").json()
        assert [log["id"] for log in oldest["logs"]] == stored

    def test_records_of_one_moment_keep_the_order_of_their_sender(
        self, client: Client, store: Store
    ) -> None:
        some = [record(str(n), sentry__timestamp__sequence=n) for n in (3, 1, 2, 0)]
        store("log", some, received_at_us=START_US + 1)

        assert bodies(client, {}) == ["3", "2", "1", "0"]


FILTERS: tuple[tuple[dict[str, str], list[str]], ...] = (
    ({"level": "warn"}, ['"><sc', "Zebra"]),
    ({"q": "ebraexc"}, ["Zebra"]),
    ({"q": "EXCEPTION: deadlock fo"}, ["Zebra"]),
    ({"q": "köln"}, ["Grüße"]),
    ({"q": "of ann t"}, ["Reque"]),
    ({"q": "no such"}, []),
    ({"q": HOSTILE}, ['"><sc']),
    ({"word": "Deadlock zebraexception"}, ["Zebra"]),
    ({"word": "dead"}, []),
    ({"environment": "staging"}, ["Grüße"]),
    ({"release": "shop@1"}, ["Reque"]),
    ({"attr.status": "200"}, ["Zebra", "Reque"]),
    ({"attr.status": "500"}, ['"><sc']),
    ({"attr.slow": "true"}, ["Zebra"]),
    ({"attr.a.b": HOSTILE}, ['"><sc']),
    ({f"attr.{HOSTILE}": "x"}, ['"><sc']),
    ({"attr.status": ""}, ["Grüße"]),
    ({"trace_id": "0af76519-16cd-43dd-8448-eb211c80319c", "level": "error"}, ["Zebra"]),
    ({"trace_id": "1" * 32}, []),
)


class TestFilters:
    def test_each_finds_what_it_says(self, client: Client, stored: list[str]) -> None:
        found = [bodies(client, asked) for asked, _ in FILTERS]

        assert found == [expected for _, expected in FILTERS]

    def test_values_are_suggested_by_how_many_have_them(
        self, client: Client, warehouse: Warehouse, project: ProjectContext, stored: list[str]
    ) -> None:
        wanted = LogFilter(from_us=START_US, to_us=START_US + 10_000_000_000)

        async def ask(name: str) -> list[tuple[str, int]]:
            return await values_like(warehouse, project, wanted, name, "")

        with client.portal() as portal:
            assert portal.call(ask, "release") == [("shop@1", 1)]
            assert ("200", 1) in portal.call(ask, "attr.status")


def test_records_are_counted_over_time_by_level(client: Client, stored: list[str]) -> None:
    found = client.get(f"/logs/counts?{RANGE}").json()

    assert [one["start"] for one in found["counts"]][:2] == [
        "2026-09-21T14:00:00+00:00",
        "2026-09-21T15:00:00+00:00",
    ]
    first, second, third = found["counts"][:3]
    assert (first["info"], first["error"], first["warn"], first["unknown"]) == (1, 1, 1, 0)
    assert (second["unknown"], third["unknown"]) == (1, 0)
    assert found["totals"]["unknown"] == 1


def test_another_project_sees_nothing(warehouse: Warehouse, stored: list[str]) -> None:
    with client_of(warehouse, ProjectContext(ProjectId("another"))) as client:
        assert bodies(client, {}) == []
        assert client.get(f"/logs/{stored[0]}").status_code == 404
        assert client.get(f"/logs/counts?{RANGE}").json()["totals"]["info"] == 0
