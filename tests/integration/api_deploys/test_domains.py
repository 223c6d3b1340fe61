"""Names of hosts: asked for, proved, removed, and nobody's by asking first."""

from typing import Any

import httpx
import pytest
from dnslib import QTYPE, RR, TXT
from dnslib.server import BaseResolver, DNSServer
from litestar import Litestar

from api.deploys.dns_proofs import check_domain, prove_by_dns
from controlplane.database import Database
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
    "name", ["", "localhost", "a..b", "-a.com", "127.0.0.1", "*.a.com", "a b.com", "https://a.com"]
)
async def test_what_is_no_name_is_rejected(ann: Owner, name: str) -> None:
    answer = await ask(ann, name)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("domain: ")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Shop.Example.COM.", NAME), ("münchen.example", "xn--mnchen-3ya.example")],
)
def test_a_name_is_kept_in_one_form(given: str, kept: str) -> None:
    assert check_domain(given) == kept


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


class Zone(BaseResolver):  # type: ignore[misc]  # the library has no types
    """A DNS server with one TXT record."""

    def resolve(self, request: Any, _: Any) -> Any:
        reply = request.reply()
        if str(request.q.qname).rstrip(".") == f"_sluice-challenge.{NAME}":
            reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT([b"to", b"ken"]), ttl=1))
        else:
            reply.header.rcode = 3
        return reply


async def test_the_token_is_looked_for_in_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    server = DNSServer(Zone(), port=0, address="127.0.0.1")
    server.start_thread()
    try:
        resolver = dns_at(server.server.server_address[1])
        monkeypatch.setattr("dns.asyncresolver.Resolver", lambda: resolver)

        right = await prove_by_dns(NAME, "token")
        wrong = await prove_by_dns(NAME, "other")
        missing = await prove_by_dns("other.example.com", "token")
    finally:
        server.stop()

    assert (right.is_theirs, wrong.is_theirs, missing.is_theirs) == (True, False, False)
    assert "other texts" in wrong.found
    assert "_sluice-challenge.other.example.com" in missing.found


def dns_at(port: int) -> Any:
    import dns.asyncresolver

    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    return resolver
