"""Who is told of deployments: set, never told in full, and put into the outbox."""

from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.notices import tell_of
from controlplane.outbox import open_target
from controlplane.outbox_models import AlertOutbox
from schemas.messages import Message
from tests.integration.api_deploys.conftest import Owner

PATH = "/notifications/config"
SLACK = "https://hooks.slack.com/services/T00000000/B00000000/canary"
HOOK = "https://example.com/hook/canary"


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


async def put(owner: Owner, **fields: Any) -> httpx.Response:
    return await owner.http.put(PATH, json={"project_id": owner.id, **fields})


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"notifications": ["nonsense"]}, "notifications: expected URLs"),
        ({"notifications": "x"}, "notifications: expected a list, not a text"),
        ({"slack_webhook_url": "https://example.com/x"}, "slack_webhook_url: expected a webhook"),
        ({"discord_webhook_url": SLACK}, "discord_webhook_url: expected a webhook of discord"),
        ({"smtp_to": "nobody"}, "smtp_to: expected email addresses, with commas"),
        ({"notify_on_success": "yes"}, "notify_on_success: expected true or false"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_named(
    ann: Owner, fields: dict[str, Any], error: str
) -> None:
    answer = await put(ann, **fields)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


async def test_what_is_secret_of_a_target_is_never_told(ann: Owner) -> None:
    answer = await put(
        ann, notifications=[HOOK], slack_webhook_url=SLACK, smtp_to="a@example.com, b@example.com"
    )
    shown = await ann.http.get(PATH, params={"project_id": ann.id})

    assert answer.status_code == 200
    assert shown.json() == answer.json()
    assert "canary" not in answer.text
    found = answer.json()
    assert found["has_slack_webhook"] is True
    assert found["has_discord_webhook"] is False
    assert found["smtp_to"] == "a@example.com, b@example.com"
    assert found["notifications"][0] == "https://example.com/…"
    assert "canary" not in (await ann.http.get("/audit")).text


async def test_what_was_shown_may_come_back_and_what_is_left_out_stays(
    ann: Owner, database: Database, vault: Vault
) -> None:
    first = (await put(ann, notifications=[HOOK, "mailto:a@example.com"])).json()

    again = await put(ann, notifications=first["notifications"], notify_on_failure=False)
    after = await put(ann, notify_on_success=True)

    assert again.json()["notifications"] == first["notifications"]
    assert after.json()["notifications"] == first["notifications"]
    assert (after.json()["notify_on_success"], after.json()["notify_on_failure"]) == (True, False)
    await end(database, vault, ann, "running")
    assert {one.target for one in await outbox(database)} == set(first["notifications"])


async def test_those_of_somebody_else_are_not_there(ann: Owner, bob: Owner) -> None:
    answers = [
        await bob.http.get(PATH, params={"project_id": ann.id}),
        await bob.http.put(PATH, json={"project_id": ann.id}),
    ]

    assert [said(one) for one in answers] == [(404, {"error": "project not found"})] * 2


@pytest.mark.parametrize(
    ("status", "wanted", "count"),
    [
        ("running", {"notify_on_success": True}, 2),
        ("running", {"notify_on_success": False}, 0),
        ("failed", {"notify_on_failure": True}, 2),
        ("failed", {"notify_on_failure": False}, 0),
        ("cancelled", {"notify_on_failure": True, "notify_on_success": True}, 0),
    ],
)
async def test_each_target_is_told_once_of_what_its_owner_wants_to_hear(
    ann: Owner, database: Database, vault: Vault, status: str, wanted: dict[str, bool], count: int
) -> None:
    await put(ann, notifications=[HOOK, "mailto:a@example.com"], **wanted)

    for _ in range(2):
        await end(database, vault, ann, status)

    rows = await outbox(database)
    assert [row.source for row in rows] == ["deploys"] * count
    for row in rows:
        message = msgspec.json.decode(row.payload, type=Message)
        body = msgspec.json.decode(message.body)
        assert body["status"] == status
        assert body["project_name"] == "shop"
        assert body["deployment_id"] in row.dedupe_key
        assert ("error_msg" in body) == (status == "failed")
        config = open_target(vault, row.id, row.sealed_target or b"")
        assert config.url == HOOK or config.recipients == ("a@example.com",)


async def test_of_a_long_reason_what_failed_and_what_was_printed_last_are_told(
    ann: Owner, database: Database, vault: Vault
) -> None:
    await put(ann, notifications=[HOOK])

    await end(database, vault, ann, "failed", error="It failed\n" + "x\n" * 5_000 + "and why")

    (row,) = await outbox(database)
    told = msgspec.json.decode(msgspec.json.decode(row.payload, type=Message).body)["error_msg"]
    assert told.startswith("It failed\n")
    assert told.endswith("\nand why")
    assert len(told) < 2_000


async def end(
    database: Database, vault: Vault, owner: Owner, status: str, *, error: str = "it broke"
) -> None:
    """Ends the newest deployment of a project, as its deployer does."""
    if not (await owner.http.get("/deployments")).json()["data"]:
        await owner.http.post("/deployments", json={"project_id": owner.id})
    async with database.session() as session:
        row = (await session.scalars(select(models.Deployment))).one()
        row.status, row.error_msg = status, error if status == "failed" else ""
        await tell_of(session, vault, row, 1)


async def outbox(database: Database) -> list[AlertOutbox]:
    async with database.reading() as session:
        return list(await session.scalars(select(AlertOutbox)))
