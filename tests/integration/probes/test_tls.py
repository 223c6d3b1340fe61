"""Certificates: of HTTPS, and of any server that begins with TLS."""

import asyncio
import datetime
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from probes.prober import look_once
from schemas.uptime.checks import Check
from tests.integration.probes.conftest import Authority, Files
from tests.integration.probes.servers import (
    SETTINGS,
    Asked,
    Names,
    answer,
    listening,
    server_context,
    target,
    web,
)

HOST = "shop.example.com"
NAMES = {HOST: [["127.0.0.1"]], "other.example.com": [["127.0.0.1"]]}


def _us(moment: datetime.datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


async def look(
    authority: Authority, files: Files, *, type: str = "http", host: str = HOST, **fields: Any
) -> Check:
    """Looks at a server that shows these certificates."""
    settings = structs.replace(SETTINGS, ca_file=str(authority.file))
    async with web(lambda _: answer(), tls=server_context(files.chain, files.key)) as served:
        place: dict[str, Any] = {"url": served.url(host=host, scheme="https")}
        if type == "tls":
            place = {"host": host, "port": served.port}
        looked = target(type=type, **place, **fields)
        return await look_once(looked, settings, resolver=Names(dict(NAMES)))


@pytest.mark.parametrize("type", ["http", "tls"])
class TestBoth:
    async def test_a_sound_chain_is_told_with_its_end(
        self, authority: Authority, type: str
    ) -> None:
        files = authority.sign(HOST, days=90)

        check = await look(authority, files, type=type)

        shown = check.certificate
        assert (check.outcome, check.message) == ("ok", "")
        assert shown is not None
        assert (shown.subject, shown.issuer) == (HOST, "Test Root")
        assert shown.not_after_us == _us(files.ends)
        pem = files.chain.read_text().partition("-----END CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert(pem[0] + pem[1] + "\n")
        assert shown.sha256 == __import__("hashlib").sha256(der).hexdigest()
        assert (check.phases.tls_ms or 0) > 0

    async def test_the_earliest_end_of_the_chain_counts(
        self, short_authority: Callable[[int], Authority], type: str
    ) -> None:
        authority = short_authority(5)

        check = await look(authority, authority.sign(HOST, days=90), type=type)

        assert check.certificate is not None
        days = (check.certificate.not_after_us - _us(datetime.datetime.now(datetime.UTC))) / 864e8
        assert 4 < days <= 5
        assert (check.outcome, check.reason) == ("degraded", "ending_soon")

    async def test_one_that_ended_fails_with_its_day(self, authority: Authority, type: str) -> None:
        files = authority.sign(HOST, days=-3)

        check = await look(authority, files, type=type)

        assert (check.outcome, check.reason) == ("fail", "tls")
        assert f"ended on {files.ends:%Y-%m-%d}: renew it" in check.message
        assert check.certificate is not None
        assert check.certificate.not_after_us == _us(files.ends)

    async def test_one_that_is_not_valid_yet_fails(self, authority: Authority, type: str) -> None:
        check = await look(authority, authority.sign(HOST, age_days=-2), type=type)

        assert (check.outcome, check.reason) == ("fail", "tls")
        assert "not valid yet" in check.message

    async def test_a_self_signed_one_fails(self, authority: Authority, type: str) -> None:
        check = await look(authority, authority.sign(HOST, is_own=True), type=type)

        assert (check.outcome, check.reason) == ("fail", "tls")
        assert "self-signed" in check.message
        assert check.certificate is not None
        assert check.certificate.subject == HOST

    async def test_one_of_an_unknown_authority_fails(
        self, authority: Authority, short_authority: Callable[[int], Authority], type: str
    ) -> None:
        check = await look(short_authority(900), authority.sign(HOST), type=type)

        assert (check.outcome, check.reason) == ("fail", "tls")

    async def test_one_for_another_host_fails(self, authority: Authority, type: str) -> None:
        check = await look(authority, authority.sign(HOST), type=type, host="other.example.com")

        assert (check.outcome, check.reason) == ("fail", "tls")
        assert check.message == f"the certificate is not for other.example.com but for {HOST}"

    async def test_an_address_is_a_host_too(self, authority: Authority, type: str) -> None:
        check = await look(authority, authority.sign("127.0.0.1"), type=type, host="127.0.0.1")

        assert check.outcome == "ok", check.message

    async def test_nothing_is_verified_where_the_monitor_says_so(
        self, authority: Authority, type: str
    ) -> None:
        check = await look(
            authority, authority.sign(HOST, is_own=True), type=type, verify_tls=False
        )

        assert check.outcome == "ok", check.message
        assert check.certificate is not None

    @pytest.mark.parametrize(
        ("days", "warning", "outcome"), [(10, 14, "degraded"), (10, 7, "ok"), (10, 0, "ok")]
    )
    async def test_a_near_end_is_degraded(
        self, authority: Authority, type: str, days: int, warning: int, outcome: str
    ) -> None:
        files = authority.sign(HOST, days=days)

        check = await look(authority, files, type=type, expiry_warning_days=warning)

        assert check.outcome == outcome
        if outcome == "degraded":
            assert check.message == f"the certificate ends on {files.ends:%Y-%m-%d}: renew it"

    async def test_one_of_six_days_is_not_always_about_to_end(
        self, authority: Authority, type: str
    ) -> None:
        fresh = await look(authority, authority.sign(HOST, days=5, age_days=1), type=type)
        late = await look(authority, authority.sign(HOST, days=1, age_days=5), type=type)

        assert (fresh.outcome, late.outcome) == ("ok", "degraded")

    async def test_a_server_that_does_not_speak_tls_fails(
        self, authority: Authority, type: str
    ) -> None:
        async with web(lambda _: answer()) as plain:
            place = {"url": plain.url(scheme="https")}
            if type == "tls":
                place = {"host": "127.0.0.1", "port": plain.port}  # type: ignore[dict-item]
            # A web server waits for the end of a head; its neighbour answers in plain text.
            check = await look_once(target(type=type, **place, timeout_ms=300), SETTINGS)

        assert check.outcome == "fail"
        assert check.reason in ("tls", "timeout", "reset", "closed")

    async def test_plain_text_in_place_of_a_handshake_fails(self, type: str) -> None:
        async def speaks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.com ESMTP\r\n")
            await asyncio.sleep(60)

        async with listening(speaks) as port:
            place: dict[str, Any] = {"url": f"https://127.0.0.1:{port}/"}
            if type == "tls":
                place = {"host": "127.0.0.1", "port": port}
            check = await look_once(target(type=type, **place), SETTINGS)

        assert (check.outcome, check.reason) == ("fail", "tls")

    async def test_a_handshake_that_hangs_is_bounded(self, type: str) -> None:
        async def hangs(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async with listening(hangs) as port:
            place: dict[str, Any] = {"url": f"https://127.0.0.1:{port}/"}
            if type == "tls":
                place = {"host": "127.0.0.1", "port": port}
            check = await look_once(target(type=type, **place, timeout_ms=200), SETTINGS)

        assert check.message == "not done within 200 ms: it waited for the handshake of TLS"
        assert check.phases.total_ms < 500
        assert (check.phases.tls_ms or 0) > 100


async def test_an_ended_one_fails_also_where_nothing_is_verified(authority: Authority) -> None:
    ended = authority.sign(HOST, days=-3)

    tls = await look(authority, ended, type="tls", verify_tls=False)
    http = await look(authority, ended, type="http", verify_tls=False)

    assert (tls.outcome, tls.reason) == ("fail", "expired")
    assert http.outcome == "ok"


async def test_the_end_of_the_certificate_is_what_a_check_of_tls_is_for(
    authority: Authority,
) -> None:
    files = authority.sign(HOST, days=90)

    assert (await look(authority, files, type="tls")).expires_us == _us(files.ends)


async def test_https_is_redirected_to_as_http_is(authority: Authority) -> None:
    from tests.integration.probes.servers import redirect

    files = authority.sign(HOST)
    settings = structs.replace(SETTINGS, ca_file=str(authority.file))

    def handler(_: Asked) -> bytes:
        return redirect(secure.url(host=HOST, scheme="https"))

    async with (
        web(lambda _: answer(), tls=server_context(files.chain, files.key)) as secure,
        web(handler) as plain,
    ):
        check = await look_once(target(url=plain.url()), settings, resolver=Names(dict(NAMES)))

    assert check.outcome == "ok"
    assert check.certificate is not None
