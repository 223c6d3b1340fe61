"""Names of hosts: asked for, proved, removed, and nobody's by asking first."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from controlplane.database import Database
from controlplane.deploys.domains import is_sole_claim
from controlplane.deploys.routing import list_routes
from schemas.deploys.proofs import Proof
from schemas.projects import ProjectId
from tests.integration.api_deploys.conftest import Owner, operator_token
from tests.integration.deploys.switched import AT_US, took_over

NAME = "shop.example.com"
NOT_FOUND = (404, {"error": "domain not found"})
TAKEN = (409, {"error": "domain already registered"})
NOWHERE = "00000000-0000-4000-8000-000000000000"


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


async def ask(owner: Owner, name: str = NAME) -> httpx.Response:
    return await owner.http.post("/domains", json={"project_id": owner.id, "domain": name})


def prove(app: Litestar, *tokens: str) -> None:
    """Has the owner of every name have put these tokens where they are looked for."""

    async def look(_: str, token: str) -> Proof:
        return Proof(token in tokens, "the token" if token in tokens else "another text")

    app.state.prove_domain = look


@pytest.mark.parametrize(
    "name",
    [
        *("", "localhost", "a..b", "-a.com", "127.0.0.1", "*.a.com", "a b.com", "https://a.com"),
        *("sluice.example.com", "SLUICE.example.com.", "x.apps.example.net", "x.localhost"),
    ],
)
async def test_what_is_no_name_is_rejected(ann: Owner, name: str) -> None:
    answer = await ask(ann, name)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("domain: ")


async def test_it_says_what_to_put_into_dns(ann: Owner) -> None:
    made = await ask(ann, "SHOP.example.com")

    assert made.status_code == 201
    found = made.json()
    assert (found["domain"], found["verified"], found["ssl_enabled"]) == (NAME, False, False)
    record = found["dns_record"]
    assert (record["type"], record["name"]) == ("TXT", f"_sluice-challenge.{NAME}")
    assert len(record["value"]) >= 32
    assert found["file_content"] == record["value"]
    assert (await ann.http.get("/domains")).json() == {"data": [found]}


async def test_the_same_project_asks_once(ann: Owner) -> None:
    await ask(ann)

    assert said(await ask(ann)) == TAKEN


async def test_asking_first_keeps_nobody_from_their_own_name(
    ann: Owner, bob: Owner, app: Litestar
) -> None:
    squatted, own = (await ask(bob)).json(), (await ask(ann)).json()
    prove(app, own["dns_record"]["value"])

    theirs = await bob.http.post(f"/domains/{squatted['id']}/verify")
    ours = await ann.http.post(f"/domains/{own['id']}/verify")

    assert (theirs.json()["verified"], theirs.json()["found"]) == (False, "another text")
    assert ours.json()["verified"] is True
    assert ours.json()["verified_at"] is not None
    prove(app, squatted["dns_record"]["value"])
    assert said(await bob.http.post(f"/domains/{squatted['id']}/verify")) == TAKEN


async def test_one_that_leads_here_is_answered_for_while_one_project_asks_for_it(
    ann: Owner, bob: Owner, app: Litestar, database: Database
) -> None:
    own = (await ask(ann)).json()
    token = own["file_content"]

    assert await is_sole_claim(database, NAME, token)
    assert not await is_sole_claim(database, NAME, token + "x")
    assert not await is_sole_claim(database, f"other.{NAME}", token)

    theirs = (await ask(bob)).json()
    assert not await is_sole_claim(database, NAME, token), "whose it is, is not known"
    assert not await is_sole_claim(database, NAME, theirs["file_content"])

    await bob.http.delete(f"/projects/{bob.id}")
    assert await is_sole_claim(database, NAME, token)
    prove(app, token)
    await ann.http.post(f"/domains/{own['id']}/verify")
    assert not await is_sole_claim(database, NAME, token), "its app answers from now on"


async def test_one_that_is_verified_is_nobody_else_s_to_ask_for(
    ann: Owner, bob: Owner, app: Litestar
) -> None:
    own = (await ask(ann)).json()
    prove(app, own["dns_record"]["value"])
    await ann.http.post(f"/domains/{own['id']}/verify")

    assert said(await ask(bob)) == TAKEN
    prove(app)
    again = await ann.http.post(f"/domains/{own['id']}/verify")
    assert again.json()["verified"] is True, "a look that fails takes nothing away"


async def test_a_removed_one_may_be_added_again_by_anybody(
    ann: Owner, bob: Owner, app: Litestar
) -> None:
    own = (await ask(ann)).json()
    prove(app, own["dns_record"]["value"])
    await ann.http.post(f"/domains/{own['id']}/verify")

    removed = await ann.http.delete(f"/domains/{own['id']}")

    assert said(removed) == (200, {"message": "domain removed"})
    assert (await ask(bob)).status_code == 201
    assert (await ask(ann)).status_code == 201


async def test_one_that_is_not_verified_leads_nowhere(ann: Owner, database: Database) -> None:
    await ask(ann)

    assert [route.hosts for route in await list_routes(database)] == []


async def test_what_runs_is_shown_at_its_domain_and_a_preview_at_its_path(
    ann: Owner, app: Litestar, database: Database
) -> None:
    await took_over(database, ProjectId(ann.id), [AT_US])
    await took_over(database, ProjectId(ann.id), [AT_US], environment="feature/x")

    async def shown() -> dict[str, str]:
        listed = (await ann.http.get("/deployments")).json()["data"]
        ones = [(await ann.http.get(f"/deployments/{one['id']}")).json() for one in listed]
        assert ones == listed
        return {one["environment"]: one["url"] for one in listed}

    base = f"http://localhost:3000/app/{ann.id}"
    preview = f"{base}~feature-x-217d2bf5"
    assert await shown() == {"production": base, "feature/x": preview}

    own = (await ask(ann)).json()
    assert (await shown())["production"] == base, "asked for is not verified"
    prove(app, own["dns_record"]["value"])
    await ann.http.post(f"/domains/{own['id']}/verify")

    assert await shown() == {"production": f"http://{NAME}", "feature/x": preview}


@pytest.mark.parametrize("whose", ["ann's", "nobody's", "no id"])
async def test_that_of_somebody_else_is_not_there(
    ann: Owner, bob: Owner, app: Litestar, whose: str
) -> None:
    made = (await ask(ann)).json()
    of = {"ann's": made["id"], "nobody's": NOWHERE, "no id": "x"}[whose]
    prove(app, made["dns_record"]["value"])

    assert said(await bob.http.delete(f"/domains/{of}")) == NOT_FOUND
    assert said(await bob.http.post(f"/domains/{of}/verify")) == NOT_FOUND
    assert (await bob.http.get("/domains")).json() == {"data": []}
    assert (await ann.http.get("/domains")).json()["data"] == [made]


async def test_the_project_of_somebody_else_gets_no_name(ann: Owner, bob: Owner) -> None:
    answer = await bob.http.post("/domains", json={"project_id": ann.id, "domain": NAME})

    assert said(answer) == (404, {"error": "project not found"})


async def test_the_operator_s_token_reaches_one_by_its_id(
    ann: Owner, app: Litestar, nobody: httpx.AsyncClient
) -> None:
    made = (await ask(ann)).json()
    prove(app, made["dns_record"]["value"])
    nobody.headers["Authorization"] = f"Bearer {await operator_token(app)}"

    verified = await nobody.post(f"/domains/{made['id']}/verify")
    removed = await nobody.delete(f"/domains/{made['id']}")

    assert verified.json()["verified"] is True
    assert said(removed) == (200, {"message": "domain removed"})
    assert said(await nobody.delete(f"/domains/{made['id']}")) == NOT_FOUND
