"""Alerts over HTTP and on their page: who may do what, and what is never shown."""

import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from alerts.deliver import Deliverer
from alerts.errors.trying import try_channel
from clickhouse.client import Warehouse
from controlplane.channels import open_channel
from controlplane.crypto import Vault
from controlplane.database import Database
from schemas.channels import ChannelConfig
from schemas.projects import ProjectId
from tests.integration.alerts.alerting import Clock, evaluate, happen
from tests.integration.alerts.receiver import Receiver, receiving
from tests.integration.api_accounts.conftest import signed_in
from tests.integration.issues.app import SECRET, make_app, open_client

RULE = {"name": "New", "ruleType": "issue.new", "thresholdWindow": 60, "thresholdCount": 1}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('alerts') / 'control.db'}"


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def http(
    database: Database, warehouse: Warehouse, vault: Vault
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(database, warehouse)
    app.state["try_channel"] = partial(try_channel, deliverer(database, vault))
    async with open_client(app) as client:
        await signed_in(client, f"ann-{uuid.uuid4().hex}", project="Shop")
        yield client


def deliverer(database: Database, vault: Vault) -> Deliverer:
    options: dict[str, Any] = {"private_allowed": True, "email_url": "", "pagerduty_url": ""}
    return Deliverer(database, vault, now_us=Clock(), **options)


async def make_channel(http: httpx.AsyncClient, url: str, name: str = "Ours") -> str:
    config = {"url": f"{url}?token=whispered", "secret": "whispered_too"}
    body = {"name": name, "kind": "webhook", "config": config}
    answer = await http.post("/dashboard/api/alert-channels", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_rule_goes_from_its_making_to_its_message(
    http: httpx.AsyncClient,
    database: Database,
    warehouse: Warehouse,
    vault: Vault,
    receiver: Receiver,
) -> None:
    project = ProjectId(http.headers["X-Project-Id"])
    channel = await make_channel(http, receiver.url)
    made = await http.post("/dashboard/api/alert-rules", json={**RULE, "channelIds": [channel]})
    assert made.status_code == 201, made.text

    await happen(database, warehouse, project, [{}])
    await evaluate(database, warehouse, Clock())
    await deliverer(database, vault).work()

    (told,) = (await http.get("/dashboard/api/alert-deliveries")).json()["alertDeliveries"]
    assert (told["ruleName"], told["state"], told["lastStatus"]) == ("New", "delivered", 200)
    (rule,) = (await http.get("/dashboard/api/alert-rules")).json()["alertRules"]
    assert (rule["state"], rule["lastFiredAt"]) == ("firing", "2026-05-28T21:00:00.000Z")
    assert len(receiver.received) == 1


async def test_secrets_are_in_no_answer_and_on_no_page(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    await make_channel(http, receiver.url)
    page = f"/p/{http.headers['X-Project-Id']}/errors/alerts"

    for path in ("/dashboard/api/alert-channels", page):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert "127.0.0.1" in answer.text
        assert "whispered" not in answer.text


async def test_a_channel_is_changed_and_its_secret_stays(
    http: httpx.AsyncClient, database: Database, vault: Vault, receiver: Receiver
) -> None:
    channel_id = await make_channel(http, receiver.url)
    project, path = ProjectId(http.headers["X-Project-Id"]), "/dashboard/api/alert-channels/"
    elsewhere = {"url": "https://hooks.example.com/x"}

    named = {"name": "Theirs", "kind": "webhook", "config": {"url": "", "secret": ""}}
    renamed = await http.put(f"{path}{channel_id}", json=named)
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Theirs")
    _, config = await open_channel(database, vault, project, channel_id)
    assert config == ChannelConfig(url=f"{receiver.url}?token=whispered", secret="whispered_too")

    moved = await http.put(f"{path}{channel_id}", json=named | {"config": elsewhere})
    assert moved.json()["target"] == "https://hooks.example.com"
    _, config = await open_channel(database, vault, project, channel_id)
    assert config == ChannelConfig(**elsewhere, secret="whispered_too")
    assert "whispered" not in renamed.text + moved.text


async def test_a_channel_of_another_kind_begins_anew(
    http: httpx.AsyncClient, database: Database, vault: Vault, receiver: Receiver
) -> None:
    channel_id = await make_channel(http, receiver.url)
    path, project = f"/dashboard/api/alert-channels/{channel_id}", http.headers["X-Project-Id"]
    email = {"recipients": ["ann@example.com"]}

    bare = await http.put(path, json={"name": "Mail", "kind": "email", "config": {}})
    made = await http.put(path, json={"name": "Mail", "kind": "email", "config": email})

    assert (bare.status_code, made.status_code) == (400, 200)
    _, config = await open_channel(database, vault, ProjectId(project), channel_id)
    assert config == ChannelConfig(recipients=("ann@example.com",))
    unknown = await http.put(f"{path[:-1]}x", json={"name": "M", "kind": "email", "config": email})
    assert unknown.status_code == 404


async def test_the_page_of_a_channel_keeps_what_is_left_empty(
    http: httpx.AsyncClient, database: Database, vault: Vault, receiver: Receiver
) -> None:
    channel_id = await make_channel(http, receiver.url, HOSTILE)
    project = ProjectId(http.headers["X-Project-Id"])
    page = f"/p/{project}/errors/alerts/channels/{channel_id}"
    own = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
    form = {"channel_name": "New name", "kind": "webhook", "target": "", "secret": ""}

    shown = (await http.get(page)).text
    wrong = await http.post(page, data=form | {"target": "nowhere"}, headers=own)
    saved = await http.post(page, data=form, headers=own)

    assert HOSTILE not in shown
    assert "whispered" not in shown
    assert (wrong.status_code, saved.status_code) == (400, 303)
    channel, config = await open_channel(database, vault, project, channel_id)
    assert (channel.name, config.secret) == ("New name", "whispered_too")


async def test_the_test_says_what_the_receiver_answered(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    channel = await make_channel(http, receiver.url)
    path = f"/dashboard/api/alert-channels/{channel}/test"

    fine = (await http.post(path)).json()
    receiver.answers = [(418, "")]
    failed = (await http.post(path)).json()

    assert fine == {"delivered": True, "status": 200, "error": ""}
    assert failed == {"delivered": False, "status": 418, "error": "HTTP 418: no"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"thresholdWindow": 0}, "thresholdWindow"),
        ({"thresholdWindow": 10_081}, "thresholdWindow"),
        ({"thresholdCount": 100_001}, "thresholdCount"),
        ({"cooldownMinutes": -1}, "cooldownMinutes"),
        ({"ruleType": "uptime.down"}, "ruleType"),
        ({"ruleType": "transaction.error_rate", "thresholdCount": 101}, "thresholdCount"),
        ({"ruleType": "transaction.error_rate", "query": {"levels": ["error"]}}, "levels"),
        ({"query": {"unknown": 1}}, "unknown"),
        ({"channelIds": ["none"]}, "channelIds"),
        ({"name": 1}, "name"),
    ],
)
async def test_a_rule_that_breaks_the_contract_is_rejected(
    http: httpx.AsyncClient, change: dict[str, Any], named: str
) -> None:
    answer = await http.post("/dashboard/api/alert-rules", json={**RULE, **change})

    assert answer.status_code == 400
    assert named in answer.json()["error"]


async def test_the_page_makes_changes_and_removes(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    page = f"/p/{http.headers['X-Project-Id']}/errors/alerts"
    own = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
    channel = {"channel_name": HOSTILE, "kind": "webhook", "target": receiver.url}

    made = await http.post(f"{page}/channels", data=channel, headers=own)
    assert made.status_code == 303, made.text
    (kept,) = (await http.get("/dashboard/api/alert-channels")).json()["alertChannels"]
    form = {
        "name": HOSTILE,
        "rule_type": "issue.count_threshold",
        "threshold_count": "5",
        "threshold_window": "10",
        "cooldown_minutes": "0",
        "tags": "shop=7\nteam=a=b",
        "levels": "error\nfatal",
        "channels": kept["id"],
        "enabled": "1",
    }
    assert (await http.post(f"{page}/rules", data=form, headers=own)).status_code == 303
    (rule,) = (await http.get("/dashboard/api/alert-rules")).json()["alertRules"]
    assert rule["query"] == {"levels": ["error", "fatal"], "tags": {"shop": "7", "team": "a=b"}}
    assert (rule["channelIds"], rule["enabled"]) == ([kept["id"]], True)

    shown = (await http.get(f"{page}/rules/{rule['id']}")).text
    assert HOSTILE not in shown + (await http.get(page)).text
    assert "team=a=b" in shown
    tested = await http.post(f"{page}/channels/{kept['id']}/test", data={}, headers=own)
    assert "delivered" in tested.text
    wrong = await http.post(f"{page}/rules", data={**form, "tags": "x"}, headers=own)
    assert (wrong.status_code, "key=value on each line" in wrong.text) == (400, True)
    for path in (f"rules/{rule['id']}", f"channels/{kept['id']}"):
        typed = {"confirm": HOSTILE}
        slip = await http.post(f"{page}/{path}/remove", data={"confirm": "x"}, headers=own)
        done = await http.post(f"{page}/{path}/remove", data=typed, headers=own)
        assert (slip.status_code, done.status_code) == (400, 303)
    assert (await http.get("/dashboard/api/alert-rules")).json() == {"alertRules": []}
