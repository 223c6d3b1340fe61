"""A project with a dataset, an API key, and calls of runs, over both stores."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar

from clickhouse.client import Warehouse
from controlplane.database import Database
from schemas.projects import ProjectId
from tests.components.control_planes import migrated_copy
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import make_app, open_client
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, TraceRow, make_trace

ITEMS = [
    {"id": f"q{n}", "input": {"q": f"question {n}"}, "expected_output": f"answer {n}"}
    for n in range(4)
]
MILLICENT = 10**7
"""In pico-dollars."""


class World(NamedTuple):
    """A project with a member and an API key."""

    app: Litestar
    member: httpx.AsyncClient
    key: httpx.AsyncClient
    warehouse: Warehouse

    @property
    def project_id(self) -> ProjectId:
        return ProjectId(self.member.headers["X-Project-Id"])

    async def dataset(self, name: str = "d", items: list[dict[str, Any]] | None = None) -> str:
        """Makes a dataset with items, and returns its path."""
        made = await self.key.post("/v1/datasets", json={"name": name})
        assert made.status_code == 201, made.text
        path = f"/v1/datasets/{name}"
        filled = await self.key.post(f"{path}/items", json=ITEMS if items is None else items)
        assert filled.status_code == 201, filled.text
        return path

    async def ask(self, path: str, **params: Any) -> Any:
        answer = await self.key.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def store(self, *rows: TraceRow) -> None:
        store_traces(self.warehouse, rows)

    def call(self, run: str, item: str, **fields: Any) -> TraceRow:
        """Returns a call of an item in a run; names with a dot are other tags of experiments."""
        tags = {"experiment.dataset": "d", "experiment.run": run, "experiment.item": item}
        tags |= {
            f"experiment.{key}": str(fields.pop(key))
            for key in ("version", "repetition")
            if key in fields
        }
        at_s = fields.pop("at_s", 0)
        usual = {"timestamp_us": START_US + at_s * 1_000_000, "tags": tags, "output_text": "said"}
        usual |= {"latency_ms": 100.0, "reported_cost_pico": MILLICENT}
        return make_trace(
            self.project_id, fields.pop("trace_id", str(uuid.uuid4())), **usual | fields
        )


@pytest.fixture(scope="module", params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_copy(request, request.param, tmp_path_factory.mktemp("datasets"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def world(database: Database, warehouse: Warehouse) -> AsyncIterator[World]:
    app = make_app(database, warehouse)
    async with open_client(app) as member, open_client(app) as key:
        await signed_in(member, f"ann-{uuid.uuid4().hex}", project="Shop")
        made = await member.post("/dashboard/api/api-keys", json={"name": "ci"})
        key.headers["Authorization"] = f"Bearer {made.json()['apiKey']}"
        yield World(app, member, key, warehouse)
