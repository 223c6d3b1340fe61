"""Whether a domain is somebody's: what DNS and the site say, and in which words."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import dns.asyncresolver
import httpx
import pytest
from dnslib import CNAME, TXT

from api.deploys.domains.ownership import Ownership, look_for_token
from api.deploys.domains.proving import Prover
from api.deploys.domains.record import look_in_dns
from api.deploys.domains.site import Site, look_at_site
from schemas.deploys.domains import CHALLENGE_PATH, challenge_of
from schemas.deploys.proofs import Proof
from tests.integration.probes.dns_server import DnsServer, Record, dns_server, record
from tests.integration.routing.apps import raw_app
from tests.integration.routing.serving import proxy, route

DOMAIN = "shop.example.com"
RECORD = f"_sluice-challenge.{DOMAIN}"
TOKEN = "the-token-of-this-domain"
URL = f"http://{DOMAIN}{CHALLENGE_PATH}{TOKEN}"


@pytest.fixture
async def named() -> AsyncIterator[DnsServer]:
    """A server of DNS that knows the domain, on loopback, and no token."""
    async with dns_server({DOMAIN: [["127.0.0.1"]]}) as served:
        yield served


def resolver_of(served: DnsServer) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = served.port
    return resolver


def txt(*values: str) -> list[list[Record]]:
    return [[Record("TXT", TXT(value)) for value in values]]


def answer(status: str, body: str = "", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body.encode())}\r\n\r\n"
    return (head + body).encode()


async def look(served: DnsServer, port: int, *, private_allowed: bool = True) -> Ownership:
    resolver = resolver_of(served)
    site = Site(resolver=resolver, private_allowed=private_allowed, port=port)
    return await look_for_token(DOMAIN, TOKEN, resolver=resolver, site=site)


async def in_dns(served: DnsServer, timeout_s: float = 5.0) -> str | None:
    return await look_in_dns(challenge_of(DOMAIN, TOKEN), resolver_of(served), timeout_s=timeout_s)


async def on_site(
    served: DnsServer, *answers: bytes, private_allowed: bool = True, timeout_s: float = 5.0
) -> str | None:
    async with raw_app(*answers) as (port, asked):
        site = Site(resolver=resolver_of(served), private_allowed=private_allowed, port=port)
        said = await look_at_site(challenge_of(DOMAIN, TOKEN), site, timeout_s=timeout_s)
        assert all(f"Host: {DOMAIN}:{port}".encode() in head for head in asked)
        return said.replace(f":{port}", "") if said else said


class TestOwnership:
    async def test_the_record_is_enough(self, named: DnsServer) -> None:
        named.answers[(RECORD, "TXT")] = txt("v=spf1 -all", TOKEN)
        async with raw_app(answer("404 Not Found")) as (port, _):
            found = await look(named, port)

        assert (found.is_owner, found.proved_by, found.found) == (True, "dns", ())

    async def test_the_site_is_enough(self, named: DnsServer) -> None:
        async with raw_app(answer("200 OK", f"{TOKEN}\n")) as (port, _):
            found = await look(named, port)

        assert (found.is_owner, found.proved_by) == (True, "http")

    async def test_neither_says_what_both_are_instead(self, named: DnsServer) -> None:
        async with raw_app(answer("404 Not Found")) as (port, _):
            found = await look(named, port)

        assert not found.is_owner
        assert found.found == (f"DNS has no TXT record at {RECORD}.", f"{URL} answered 404.")


class TestPointedHere:
    """A domain that leads to Sluice: its proxy answers with the token, for who may have it so."""

    async def look(self, named: DnsServer, *claims: tuple[str, str]) -> Proof:
        async def is_claimed(domain: str, token: str) -> bool:
            return (domain, token) in claims

        async with proxy(is_claimed=is_claimed) as served:
            prover = Prover(private_allowed=True, resolver=resolver_of(named), port=served.port)
            return await prover.prove(DOMAIN, TOKEN)

    async def test_nothing_but_the_address_is_needed(self, named: DnsServer) -> None:
        proof = await self.look(named, (DOMAIN, TOKEN))

        assert proof == Proof(True, f"{URL} answers with the token.")

    @pytest.mark.parametrize("claim", [(DOMAIN, "another-token-of-it"), ("b.example.com", TOKEN)])
    async def test_what_is_not_claimed_is_not_answered(
        self, named: DnsServer, claim: tuple[str, str]
    ) -> None:
        proof = await self.look(named, claim)

        assert not proof.is_theirs
        assert "and not the token" in proof.found
        assert proof.found.startswith(f"DNS has no TXT record at {RECORD}.")

    async def test_the_app_of_a_domain_that_has_one_answers_itself(self, named: DnsServer) -> None:
        async def is_claimed(domain: str, token: str) -> bool:
            return True

        async with (
            raw_app(answer("200 OK", "an app's own")) as (port, _),
            proxy(is_claimed=is_claimed) as served,
        ):
            await served.put(route(port))
            prover = Prover(private_allowed=True, resolver=resolver_of(named), port=served.port)
            proof = await prover.prove(DOMAIN, TOKEN)

        assert "“an app's own”" in proof.found

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", f"{CHALLENGE_PATH}{TOKEN}", 200),
            ("HEAD", f"{CHALLENGE_PATH}{TOKEN}", 200),
            ("POST", f"{CHALLENGE_PATH}{TOKEN}", 418),
            ("GET", f"{CHALLENGE_PATH}{TOKEN}/", 418),
            ("GET", f"{CHALLENGE_PATH}..%2F{TOKEN}", 418),
            ("GET", f"{CHALLENGE_PATH}<b>{TOKEN}</b>", 418),
            ("GET", CHALLENGE_PATH, 418),
        ],
    )
    async def test_only_a_token_is_ever_answered(self, method: str, path: str, status: int) -> None:
        async def is_claimed(domain: str, token: str) -> bool:
            return domain == DOMAIN

        async def own(_: Any, __: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b"own"})

        async with proxy(is_claimed=is_claimed, own=own) as served, httpx.AsyncClient() as client:
            found = await client.request(
                method, f"{served.url}{path}", headers={"Host": f"{DOMAIN.upper()}:80"}
            )

        assert found.status_code == status
        if status == 200:
            assert found.headers["content-type"] == "text/plain; charset=utf-8"
            assert found.text == (TOKEN if method == "GET" else "")


class TestRecords:
    async def test_one_behind_a_cname(self, named: DnsServer) -> None:
        named.answers[(RECORD, "TXT")] = [
            [Record("CNAME", CNAME("token.example.net")), Record("TXT", TXT(TOKEN))]
        ]
        named.answers[("token.example.net", "TXT")] = txt(TOKEN)

        assert await in_dns(named) is None

    async def test_others_are_shown(self, named: DnsServer) -> None:
        named.answers[(RECORD, "TXT")] = txt("old\u0007token", "x" * 200)

        said = await in_dns(named)

        assert said == (f"DNS has “old?token”, “{'x' * 80}…” at {RECORD}, and not the token.")

    async def test_one_that_holds_more_than_the_token_is_another(self, named: DnsServer) -> None:
        named.answers[(RECORD, "TXT")] = txt(f"{TOKEN}x")

        assert "not the token" in str(await in_dns(named))

    async def test_servers_that_fail(self, named: DnsServer) -> None:
        named.rcodes[RECORD] = "SERVFAIL"

        assert await in_dns(named) == f"The DNS servers of {RECORD} answer with an error."

    async def test_servers_that_are_silent(self, named: DnsServer) -> None:
        named.silent.add(RECORD)

        assert await in_dns(named, 0.3) == f"DNS did not answer within 0.3 s for {RECORD}."


class TestSites:
    @pytest.mark.parametrize(
        ("answers", "said"),
        [
            ([answer("200 OK", "<html>\n")], f"{URL} answered “<html>”, and not the token."),
            ([answer("200 OK", "x" * 9000)], f"{URL} answered “{'x' * 80}…”, and not the token."),
            ([b"SSH-2.0\r\n\r\n"], f"{URL} did not answer as HTTP."),
            (
                [answer("301 Moved", more="Location: http://evil.example.net/\r\n")],
                f"{URL} leads on to “http://evil.example.net/”, which is not this domain.",
            ),
            (
                [answer("302 Found", more="Location: /next\r\n")] * 5,
                f"{URL} leads on and on.",
            ),
            (
                [answer("302 Found", more="Location: file:///etc/passwd\r\n")],
                f"{URL} leads on to “file:///etc/passwd”, which is not this domain.",
            ),
        ],
    )
    async def test_what_they_do_instead(
        self, named: DnsServer, answers: list[bytes], said: str
    ) -> None:
        assert await on_site(named, *answers) == said

    async def test_a_redirect_within_the_domain_is_followed(self, named: DnsServer) -> None:
        moved = answer("308 Moved", more="Location: /elsewhere\r\n")

        assert await on_site(named, moved, answer("200 OK", TOKEN)) is None

    async def test_no_private_address_is_asked(self, named: DnsServer) -> None:
        said = await on_site(named, answer("200 OK", TOKEN), private_allowed=False)

        assert said is not None
        assert "127.0.0.1 is a private address; SLUICE_PRIVATE_TARGETS=allow" in said

    async def test_no_address_of_cloud_metadata_is_asked_ever(self, named: DnsServer) -> None:
        named.answers[(DOMAIN, "A")] = [[record("169.254.169.254")]]

        assert "cloud metadata" in str(await on_site(named))

    async def test_a_name_that_means_another_address_a_moment_later_is_not_followed(
        self, named: DnsServer, unused_tcp_port: int
    ) -> None:
        named.answers[(DOMAIN, "A")] = [[record("127.0.0.1")], [record("169.254.169.254")]]
        to = f"Location: http://{DOMAIN}:{unused_tcp_port}/latest\r\n"

        assert "cloud metadata" in str(await on_site(named, answer("302 Found", more=to)))

    async def test_nothing_listens(self, named: DnsServer, unused_tcp_port: int) -> None:
        site = Site(resolver=resolver_of(named), private_allowed=True, port=unused_tcp_port)
        said = await look_at_site(challenge_of(DOMAIN, TOKEN), site, timeout_s=5.0)

        assert said == f"{URL} cannot be asked: nothing takes the connection."

    async def test_a_domain_without_an_address(self, named: DnsServer) -> None:
        named.rcodes[DOMAIN] = "NXDOMAIN"

        assert await on_site(named) == f"{URL} cannot be asked: DNS has no address for it."

    async def test_one_that_never_answers(self, named: DnsServer) -> None:
        silent = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await silent.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        site = Site(resolver=resolver_of(named), private_allowed=True, port=port)
        said = await look_at_site(challenge_of(DOMAIN, TOKEN), site, timeout_s=0.3)
        silent.set()
        server.close()

        assert said == f"{URL} did not answer within 0.3 s."
