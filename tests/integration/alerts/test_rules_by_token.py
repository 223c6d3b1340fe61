"""Alert rules for programs: a token reads those of its projects, an admin's changes them."""

import uuid
from typing import Any, NamedTuple

import httpx
import pytest

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.projects import ProjectId
from tests.integration.issues.app import make_app, open_client
from tests.integration.issues.seen import make_project

RULE = {"name": "New", "ruleType": "issue.new", "thresholdWindow": 60, "thresholdCount": 1}


@pytest.fixture(scope="module", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('rules') / 'control.db'}"


class Program(NamedTuple):
    """A program with a token of one project."""

    http: httpx.AsyncClient
    project_id: ProjectId

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, f"/api/v1/{path}", json=body)


async def program(database: Database, warehouse: Warehouse, scope: str) -> Program:
    project_id = await make_project(database, f"Shop {uuid.uuid4().hex[:8]}")
    made = await create_token(database, TokenOwner(project_id), TokenDraft("CI", scope))
    client = open_client(make_app(database, warehouse))
    client.headers["Authorization"] = f"Bearer {made.plain}"
    return Program(client, project_id)


async def test_an_admins_token_makes_reads_and_switches_rules(
    database: Database, warehouse: Warehouse
) -> None:
    ours = await program(database, warehouse, "admin")
    made = await ours.ask("POST", f"projects/{ours.project_id}/alerts/rules", RULE)
    assert made.status_code == 201, made.text
    rule_id = made.json()["id"]

    off = await ours.ask("PATCH", f"alerts/rules/{rule_id}", {"enabled": False})

    assert off.json() == made.json() | {"enabled": False}
    assert made.json()["projectId"] == ours.project_id
    assert (await ours.ask("GET", "alerts/rules")).json() == {"rules": [off.json()]}
    assert (await ours.ask("GET", f"alerts/rules/{rule_id}")).json() == off.json()
    wrong = await ours.ask("PATCH", f"alerts/rules/{rule_id}", {"enabled": "yes"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "enabled: expected true or false"})


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_lesser_token_reads_its_own_rules_and_no_others(
    database: Database, warehouse: Warehouse, scope: str
) -> None:
    admin = await program(database, warehouse, "admin")
    lesser = await program(database, warehouse, scope)
    made = await admin.ask("POST", f"projects/{admin.project_id}/alerts/rules", RULE)
    rule_id = made.json()["id"]

    assert (await lesser.ask("GET", "alerts/rules")).json() == {"rules": []}
    assert (await lesser.ask("GET", f"alerts/rules/{rule_id}")).status_code == 404
    switched = await lesser.ask("PATCH", f"alerts/rules/{rule_id}", {"enabled": False})
    assert switched.status_code == 403
    own = await lesser.ask("POST", f"projects/{lesser.project_id}/alerts/rules", RULE)
    assert own.status_code == 403
