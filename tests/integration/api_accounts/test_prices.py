"""Own prices over HTTP: who may read and set them, and what wrong ones are told."""

from typing import Any

import httpx
import pytest

PRICES = "/dashboard/api/prices"
ALIASES = "/dashboard/api/price-aliases"
RATES = {"model": "GPT-4o", "provider": "openai", "rates": {"input": 2.5, "cacheWrite1h": "4.10"}}


async def test_prices_are_set_listed_replaced_and_removed(ann: httpx.AsyncClient) -> None:
    set_ = await ann.post(PRICES, json=RATES | {"validFrom": "2026-01-01"})
    alias = {"name": "Mine", "toProvider": "openai", "toModel": "gpt-4o"}
    named = await ann.post(ALIASES, json=alias)
    replaced = await ann.put(f"{PRICES}/1", json={"model": "o3", "discountPercent": "12.5"})
    renamed = await ann.put(f"{ALIASES}/2", json=alias | {"name": "mine*"})
    listed = await ann.get(PRICES)
    removed = [await ann.delete(f"{PRICES}/3"), await ann.delete(f"{ALIASES}/4")]

    assert [answer.status_code for answer in (set_, named, replaced, renamed)] == [
        201,
        201,
        200,
        200,
    ]
    assert set_.json() == {
        "number": 1,
        "model": "gpt-4o",
        "provider": "openai",
        "validFrom": "2026-01-01",
        "validUntil": None,
        "rates": {"input": "2.5", "cacheWrite1h": "4.10"},
        "discountPercent": None,
    }
    assert [one["number"] for one in listed.json()["prices"]] == [3]
    assert listed.json()["prices"][0]["discountPercent"] == "12.5"
    assert [one["name"] for one in listed.json()["aliases"]] == ["mine*"]
    assert [answer.status_code for answer in removed] == [200, 200]
    assert (await ann.get(PRICES)).json() == {"prices": [], "aliases": []}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("{", 400, "Invalid body"),
        ([], 400, "Expected `object`"),
        ({"rates": {}}, 400, "missing required field `model`"),
        (RATES | {"rate": {}}, 400, "unknown field `rate`"),
        (RATES | {"rates": {"in": 1}}, 400, "unknown field `in`"),
        (RATES | {"rates": {"input": "x"}}, 400, "$.rates.input"),
        (RATES | {"validFrom": "2026-13-01"}, 400, "$.validFrom"),
        ({"model": "m"}, 400, "either rates or discountPercent"),
        (RATES | {"model": "gpt-4o "}, 409, "Price 1 for openai/gpt-4o counts always"),
    ],
)
async def test_a_wrong_price_is_told_what_is_wrong(
    ann: httpx.AsyncClient, body: Any, status: int, message: str
) -> None:
    assert (await ann.post(PRICES, json=RATES)).status_code == 201

    sent = {"content": body} if isinstance(body, str) else {"json": body}
    answer = await ann.post(PRICES, **sent)

    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert len((await ann.get(PRICES)).json()["prices"]) == 1


@pytest.mark.parametrize("path", [f"{PRICES}/7", f"{ALIASES}/7"])
async def test_a_number_that_is_none_is_not_found(ann: httpx.AsyncClient, path: str) -> None:
    answer = await ann.delete(path)

    assert (answer.status_code, answer.json()["error"].endswith("7 in this project")) == (404, True)


async def test_members_read_prices_and_admins_set_them(
    ann: httpx.AsyncClient, guest: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await ann.post(PRICES, json=RATES)
    bob.headers["X-Project-Id"] = ann.headers["X-Project-Id"]

    assert len((await guest.get(PRICES)).json()["prices"]) == 1
    assert (await bob.get(PRICES)).status_code == 403
    for client in (guest, bob):
        assert (await client.post(PRICES, json=RATES)).status_code == 403
        assert (await client.put(f"{PRICES}/1", json=RATES)).status_code == 403
        assert (await client.delete(f"{PRICES}/1")).status_code == 403
    assert [one["number"] for one in (await ann.get(PRICES)).json()["prices"]] == [1]


async def test_an_alias_to_what_has_no_price_is_rejected(ann: httpx.AsyncClient) -> None:
    alias = {"name": "mine", "toProvider": "openai", "toModel": "gpt-4oo"}

    refused = await ann.post(ALIASES, json=alias)

    assert refused.status_code == 400
    assert "Nobody prices it" in refused.text
    assert (await ann.get(PRICES)).json()["aliases"] == []
