"""A call that crosses a budget, on a running server: it is told within 30 s, once, past a kill."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.e2e.test_notifications import Receiver

WITHIN_S = 30

pytestmark = pytest.mark.alone


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("budgets") / "data"
    with Server(data, settings={"PRIVATE_TARGETS": "allow"}) as running:
        yield running


def call(project: Project, cents: float, user: str) -> None:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    item = trace(trace_id=new_id(), timestamp=now, cost_cents=cents, metadata={"userId": user})
    assert project.post("/v1/traces/batch", [item]).status_code == 202


def check(project: Project, user: str) -> dict[str, Any]:
    answer = project.get("/v1/budgets/check", user_id=user)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def told_by(receiver: Receiver, count: int) -> list[Any]:
    """Returns what came, once it is so much; fails where that takes longer than is promised."""
    what = f"{count} messages"
    wait_for(lambda: len(receiver.at("/hook")) >= count, what, timeout_s=WITHIN_S)
    return receiver.at("/hook")


def test_the_call_that_crosses_is_told_within_30_s_and_once_past_a_kill(
    own: Server, receiver: Receiver
) -> None:
    project = create_project(own)
    mine = {"X-Project-Id": project.project_id}
    config = {"url": f"http://{receiver.place}/hook"}
    channel = {"name": "Ours", "kind": "webhook", "config": config}
    made = own.admin.post("/dashboard/api/alert-channels", json=channel, headers=mine)
    budget = {"name": "Users", "scope": "user", "amount": 1, "thresholds": [100]}
    budget |= {"window": "rolling", "hours": 24, "channel_ids": [made.json()["id"]]}
    made = own.admin.post("/dashboard/api/budgets", json=budget, headers=mine)
    assert made.status_code == 201, made.text
    call(project, 60, "ann")
    assert check(project, "ann")["allowed"] is True

    call(project, 60, "ann")
    (told,) = told_by(receiver, 1)

    assert told["reached"] == [{"entity": "ann", "threshold": 100, "spent": 1.2, "percent": 120.0}]
    wait_for(lambda: not check(project, "ann")["allowed"], "a check that refuses")
    assert check(project, "bob")["allowed"] is True

    own.kill()
    own.start()
    call(project, 60, "ann")
    call(project, 200, "bob")
    told = told_by(receiver, 2)

    assert [one["reached"][0]["entity"] for one in told] == ["ann", "bob"]
    alerts = project.get("/v1/budgets/alerts").json()["alerts"]
    assert sorted(one["entity"] for one in alerts) == ["ann", "bob"]

    # Of the key that all of these calls came with.
    own.admin.post("/dashboard/api/budgets", json=budget | {"scope": "key"}, headers=mine)
    (key,) = own.admin.get("/dashboard/api/api-keys", headers=mine).json()["keys"]
    *_, told = told_by(receiver, 3)

    assert [(one["entity"], one["spent"]) for one in told["reached"]] == [(key["id"], 3.8)]
    assert project.get("/v1/budgets/check").json()["allowed"] is False
