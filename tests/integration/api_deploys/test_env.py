"""Variables of apps: written, listed by name, deleted, and never told."""

import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from controlplane.crypto import UnsealError, Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.secrets import open_value, seal_value
from tests.integration.api_deploys.conftest import Owner

CANARY = "canary-2d0c-of-a-value"
NOT_FOUND = (404, {"error": "project not found"})


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"project_id": None}, "project_id: is required"),
        ({"key": ""}, "key: expected a text of at least 1 characters"),
        ({"key": "1ST"}, "key: expected A-Z, a-z, 0-9 and _, not beginning with a digit"),
        ({"key": "A-B"}, "key: expected A-Z, a-z, 0-9 and _, not beginning with a digit"),
        ({"key": "A=B"}, "key: expected A-Z, a-z, 0-9 and _, not beginning with a digit"),
        ({"key": "Ä"}, "key: expected A-Z, a-z, 0-9 and _, not beginning with a digit"),
        ({"value": ""}, "value: expected a text of at least 1 characters"),
        ({"value": "a\0b"}, "value: expected a text that is not empty and holds no NUL"),
        ({"value": 7}, "value: expected a text, not a whole number"),
        ({"value": "x" * 32_769}, "value: expected a text of at most 32768 characters"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_named(
    ann: Owner, change: dict[str, Any], error: str
) -> None:
    form = {"project_id": ann.id, "key": "TOKEN", "value": CANARY}

    answer = await ann.http.post("/env", json=form | change)

    assert said(answer) == (400, {"error": error})


async def test_a_list_names_its_project(ann: Owner) -> None:
    answer = await ann.http.get("/env")

    assert said(answer) == (400, {"error": "project_id query param required"})


async def test_a_variable_is_set_and_set_again_as_the_same_one(ann: Owner) -> None:
    form = {"project_id": ann.id, "key": "TOKEN", "value": "first"}

    made = await ann.http.post("/env", json=form)
    again = await ann.http.post("/env", json=form | {"value": "second"})

    assert (made.status_code, again.status_code) == (200, 200)
    assert set(made.json()) == {"id", "project_id", "key", "has_value", "created_at", "updated_at"}
    same = ("id", "created_at", "key", "has_value")
    assert [made.json()[name] for name in same] == [again.json()[name] for name in same]
    assert again.json()["updated_at"] >= made.json()["updated_at"] > "2020"
    listed = await ann.http.get("/env", params={"project_id": ann.id})
    assert listed.json() == {"data": [again.json()]}


async def test_a_deleted_one_is_gone_and_may_be_deleted_again(ann: Owner) -> None:
    name = {"project_id": ann.id, "key": "TOKEN"}
    await ann.http.post("/env", json=name | {"value": "first"})

    answers = [await ann.http.request("DELETE", "/env", json=name) for _ in range(2)]

    assert [said(one) for one in answers] == [(200, {"message": "env var deleted"})] * 2
    assert (await ann.http.get("/env", params={"project_id": ann.id})).json() == {"data": []}


async def test_those_of_somebody_else_are_not_there(ann: Owner, bob: Owner) -> None:
    form = {"project_id": ann.id, "key": "TOKEN", "value": CANARY}
    await ann.http.post("/env", json=form)

    answers = [
        await bob.http.post("/env", json=form | {"value": "taken"}),
        await bob.http.get("/env", params={"project_id": ann.id}),
        await bob.http.request("DELETE", "/env", json={"project_id": ann.id, "key": "TOKEN"}),
    ]

    assert [said(one) for one in answers] == [NOT_FOUND] * 3
    assert len((await ann.http.get("/env", params={"project_id": ann.id})).json()["data"]) == 1


async def test_a_value_is_in_no_answer_no_log_no_audit_line_and_no_table(
    ann: Owner, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    form = {"project_id": ann.id, "key": "TOKEN", "value": CANARY}

    answers = [
        await ann.http.post("/env", json=form),
        await ann.http.post("/env", json=form | {"key": "1ST"}),
        await ann.http.get("/env", params={"project_id": ann.id}),
        await ann.http.get("/audit"),
        await ann.http.get("/projects"),
    ]

    assert all(CANARY not in one.text for one in answers)
    assert "TOKEN" in answers[3].text, "the audit log says that it was set"
    assert CANARY not in caplog.text
    async with database.reading() as session:
        for table in ("env_var", "audit_line", "app"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            assert rows
            assert CANARY.encode() not in repr(rows).encode()


async def test_it_opens_for_its_own_project_and_key_alone(
    ann: Owner, bob: Owner, database: Database, vault: Vault
) -> None:
    await ann.http.post("/env", json={"project_id": ann.id, "key": "TOKEN", "value": CANARY})
    async with database.reading() as session:
        row = (await session.scalars(select(models.EnvVar))).one()

    assert open_value(vault, row.project_id, "TOKEN", row.sealed_value) == CANARY
    with pytest.raises(UnsealError):
        open_value(vault, row.project_id, "OTHER", row.sealed_value)
    async with database.reading() as session:
        apps = list(await session.scalars(select(models.App.project_id)))
    (other,) = set(apps) - {row.project_id}
    with pytest.raises(UnsealError):
        open_value(vault, other, "TOKEN", row.sealed_value)
    assert seal_value(vault, other, "TOKEN", CANARY) != row.sealed_value


async def test_there_are_so_many_and_no_more(ann: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.deploys.env.MAX_VARIABLES", 2)
    forms = [{"project_id": ann.id, "key": f"K{n}", "value": "x"} for n in range(3)]

    answers = [(await ann.http.post("/env", json=form)).status_code for form in forms]

    assert answers == [200, 200, 409]
    assert (await ann.http.post("/env", json=forms[0])).status_code == 200


async def test_together_they_take_no_more_than_can_be_hidden(ann: Owner) -> None:
    async def put(key: str, length: int) -> tuple[int, Any]:
        given = {"project_id": ann.id, "key": key, "value": "x" * length}
        return said(await ann.http.post("/env", json=given))

    found = [(await put(f"LONG_{number}", 32_700))[0] for number in range(8)]
    refused = await put("ONE_MORE", 1000)

    assert found == [200] * 8
    error = "The variables of a project take at most 256 KiB together: remove some first"
    assert refused == (409, {"error": error})
    assert (await put("LONG_0", 10))[0] == 200
    assert (await put("ONE_MORE", 1000))[0] == 200
    keys = [one["key"] for one in (await ann.http.get(f"/env?project_id={ann.id}")).json()["data"]]
    assert len(keys) == 9
