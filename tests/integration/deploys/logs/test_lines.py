"""The log of a deployment over HTTP: order, cursor, filters, and who may read it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.testing import TestClient

from api.deploys.failures import deploy_handlers
from api.deploys.logs import get_lines
from clickhouse.client import Warehouse
from schemas.deploys.lines import line_id
from schemas.projects import ProjectContext, ProjectId
from tests.integration.deploys.logs.hosts import TOKEN, Host, line, store_lines

Client = TestClient[Litestar]
HOSTILE = "\"><script>'; DROP TABLE deploy_lines -- \\ {search:String} %"


@pytest.fixture
def client(warehouse: Warehouse, host: Host) -> Iterator[Client]:
    app = Litestar(
        [Router("/api/v1", route_handlers=[get_lines], exception_handlers=deploy_handlers())],
        state=State({"warehouse": warehouse, "deploy_reader": host}),
    )
    with TestClient(app) as opened:
        opened.headers["authorization"] = f"Bearer {TOKEN}"
        yield opened


@pytest.fixture
async def stored(warehouse: Warehouse, host: Host, deployment_id: str) -> None:
    some = [
        line(deployment_id, 1, stream="system", message="Cloning"),
        line(deployment_id, 2, stream="stderr", level="warn", message="Grüße aus KÖLN"),
        line(deployment_id, 3, message=HOSTILE),
        line(deployment_id, 7, level="error", message="after a gap"),
    ]
    await store_lines(warehouse, host.project, *some[2:])
    await store_lines(warehouse, host.project, *some[:2])
    # The same number of another deployment, and the same deployment in another project.
    await store_lines(warehouse, host.project, line(str(uuid.uuid4()), 4))
    stranger = ProjectContext(ProjectId(str(uuid.uuid4())))
    await store_lines(warehouse, stranger, line(deployment_id, 5, message="not yours"))


def seqs(client: Client, deployment_id: str, **asked: Any) -> list[int]:
    answer = client.get(f"/api/v1/logs/{deployment_id}", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["seq"] for one in answer.json()["data"]]


class TestRejections:
    def test_without_a_credential_it_is_401(self, client: Client, deployment_id: str) -> None:
        del client.headers["authorization"]

        answer = client.get(f"/api/v1/logs/{deployment_id}")

        assert (answer.status_code, answer.json()) == (401, {"error": "authorization required"})

    def test_a_deployment_that_nobody_knows_or_another_has_is_404(self, client: Client) -> None:
        for unknown in (str(uuid.uuid4()), "x", "..%2f"):
            answer = client.get(f"/api/v1/logs/{unknown}")

            assert (answer.status_code, answer.json()) == (404, {"error": "deployment not found"})

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("after_seq=-1", "after_seq"),
            ("after_seq=x", "after_seq"),
            ("level=loud", "level: Expected some of debug, info, success, warn, error"),
            ("stream=stdin", "stream: Expected some of stdout, stderr, system"),
            ("since=yesterday", "since: Invalid ISO datetime"),
            ("search=" + "x" * 201, "search"),
        ],
    )
    def test_a_parameter_that_breaks_a_rule_is_400(
        self, client: Client, deployment_id: str, query: str, error: str
    ) -> None:
        answer = client.get(f"/api/v1/logs/{deployment_id}?{query}")

        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]
        assert answer.json()["error"].startswith(error)


@pytest.mark.usefixtures("stored")
class TestLines:
    def test_they_come_in_order_whatever_order_they_were_stored_in(
        self, client: Client, deployment_id: str
    ) -> None:
        answer = client.get(f"/api/v1/logs/{deployment_id}").json()

        assert [one["message"] for one in answer["data"]] == [
            *("Cloning", "Grüße aus KÖLN", HOSTILE, "after a gap")
        ]
        assert answer["next_after_seq"] is None
        assert answer["data"][1] == {
            "id": line_id(deployment_id, 2),
            "created_at": "2026-09-21T14:13:20.000002Z",
            "updated_at": "2026-09-21T14:13:20.000002Z",
            "deployment_id": deployment_id,
            "level": "warn",
            "message": "Grüße aus KÖLN",
            "stream": "stderr",
            "seq": 2,
        }

    def test_a_cursor_reads_them_all_once(self, client: Client, deployment_id: str) -> None:
        found, after = [], 0
        while after is not None:
            asked = {"limit": 2, "after_seq": after}
            answer = client.get(f"/api/v1/logs/{deployment_id}", params=asked).json()
            found += [one["seq"] for one in answer["data"]]
            after = answer["next_after_seq"]

        assert found == [1, 2, 3, 7]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"level": "warn"}, [2]),
            ({"level": "warn,error"}, [2, 7]),
            ({"stream": "system,stderr"}, [1, 2]),
            ({"stream": "stdout", "level": "error"}, [7]),
            ({"search": "köln"}, [2]),
            ({"search": HOSTILE}, [3]),
            ({"search": "%"}, [3]),
            ({"search": "nowhere"}, []),
            ({"since": "2026-09-21T14:13:20.000003Z"}, [3, 7]),
            ({"after_seq": 3}, [7]),
            ({"after_seq": 2**32 - 1}, []),
        ],
    )
    def test_filters(
        self, client: Client, deployment_id: str, asked: dict[str, Any], found: list[int]
    ) -> None:
        assert seqs(client, deployment_id, **asked) == found

    def test_a_deployment_without_lines_has_an_empty_list(self, client: Client, host: Host) -> None:
        empty = str(uuid.uuid4())
        host.deployments.add(empty)

        answer = client.get(f"/api/v1/logs/{empty}")

        assert answer.json() == {"data": [], "next_after_seq": None}
