"""The check of DNS, against a server that is right, wrong, silent, or has too much to say."""

import time
from typing import Any

import pytest
from dnslib import CNAME, NS, TXT
from msgspec import structs

from probes.checks.dns import normal
from probes.hosts import SystemResolver
from probes.prober import look_once
from schemas.uptime.checks import Check
from tests.integration.probes.dns_server import DnsServer, Record, dns_server, mx, record
from tests.integration.probes.servers import SETTINGS, answer, target, web

HOST = "www.example.com"


async def look(served: DnsServer, host: str = HOST, **fields: Any) -> Check:
    looked = target(type="dns", host=host, resolver=f"127.0.0.1:{served.port}", **fields)
    return await look_once(looked, SETTINGS)


class TestAnswers:
    async def test_any_record_will_do_where_none_is_named(self) -> None:
        async with dns_server({HOST: [["192.0.2.7"]]}) as served:
            check = await look(served)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")
        assert check.phases.first_byte_ms is not None

    @pytest.mark.parametrize(
        ("match", "expected", "outcome", "words"),
        [
            ("equals", ("192.0.2.2", "192.0.2.1"), "ok", ""),
            ("equals", ("192.0.2.1",), "fail", '"192.0.2.2" is not expected'),
            ("equals", ("192.0.2.1", "192.0.2.2", "192.0.2.3"), "fail", '"192.0.2.3" is missing'),
            ("contains", ("192.0.2.1",), "ok", ""),
            ("contains", ("192.0.2.1", "192.0.2.9"), "fail", '"192.0.2.9" is missing'),
            ("subset", ("192.0.2.1", "192.0.2.2", "192.0.2.3"), "ok", ""),
            # A rogue record beside a right one is found, whichever comes first.
            ("subset", ("192.0.2.1",), "fail", '"192.0.2.2" is not expected'),
            ("subset", ("192.0.2.2",), "fail", '"192.0.2.1" is not expected'),
        ],
    )
    async def test_answers_are_compared_as_sets(
        self, match: str, expected: tuple[str, ...], outcome: str, words: str
    ) -> None:
        async with dns_server({HOST: [["192.0.2.1", "192.0.2.2"]]}) as served:
            check = await look(served, expected_values=expected, expected_match=match)

        assert check.outcome == outcome, check.message
        assert words in check.message

    async def test_names_are_compared_without_case_and_dot(self) -> None:
        async with dns_server() as served:
            served.answers[("example.com", "MX")] = [[mx(10, "Mail.Example.com.")]]
            served.answers[("example.com", "NS")] = [[Record("NS", NS("ns1.example.com."))]]
            mail = await look(
                served, "example.com", record_type="MX", expected_values=("10 mail.example.com",)
            )
            wrong = await look(
                served, "example.com", record_type="MX", expected_values=("20 mail.example.com",)
            )
            names = await look(
                served, "EXAMPLE.com", record_type="NS", expected_values=("NS1.example.com.",)
            )

        assert (mail.outcome, wrong.outcome, names.outcome) == ("ok", "fail", "ok")

    async def test_a_text_in_pieces_is_one_value(self) -> None:
        async with dns_server() as served:
            text = TXT([b"v=spf1 include:", b"example.com -all"])
            served.answers[("_spf.example.com", "TXT")] = [[Record("TXT", text)]]
            check = await look(
                served,
                "_spf.example.com",
                record_type="TXT",
                expected_values=("v=spf1 include:example.com -all",),
                expected_match="equals",
            )

        assert check.outcome == "ok", check.message

    async def test_the_end_of_a_chain_of_names_counts(self) -> None:
        async with dns_server() as served:
            chain = [Record("CNAME", CNAME("lb.example.net.")), record("192.0.2.9")]
            served.answers[(HOST, "A")] = [chain]
            check = await look(served, expected_values=("192.0.2.9",), expected_match="equals")

        assert check.outcome == "ok", check.message

    async def test_a_reverse_name_is_made_of_an_address(self) -> None:
        async with dns_server() as served:
            check = await look(served, "192.0.2.7", record_type="PTR")

        assert ("7.2.0.192.in-addr.arpa", "PTR", "udp") in served.asked
        assert check.reason == "dns"


class TestWrongAnswers:
    @pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
    async def test_an_error_of_the_server_fails_and_is_named(self, rcode: str) -> None:
        async with dns_server({HOST: [["192.0.2.1"]]}) as served:
            served.rcodes[HOST] = rcode
            check = await look(served)

        assert (check.outcome, check.reason) == ("fail", "dns")
        assert rcode in check.message

    async def test_a_name_without_such_a_record_fails(self) -> None:
        async with dns_server({HOST: [["192.0.2.1"]]}) as served:
            check = await look(served, record_type="AAAA")

        assert (check.outcome, check.reason) == ("fail", "dns")

    async def test_a_silent_server_is_asked_twice_within_the_timeout(self) -> None:
        async with dns_server({HOST: [["192.0.2.1"]]}) as served:
            served.silent.add(HOST)
            begun = time.perf_counter()
            check = await look(served, timeout_ms=300)
            took_s = time.perf_counter() - begun

        assert (check.outcome, check.reason) == ("fail", "timeout")
        assert len(served.asked) == 2
        assert took_s < 1

    async def test_one_lost_packet_is_no_failure(self) -> None:
        async with dns_server({HOST: [["192.0.2.1"]]}) as served:
            replies = served.reply

            def loses_the_first(data: bytes, by: str) -> bytes | None:
                reply = replies(data, by)
                return reply if len(served.asked) > 1 else None

            served.reply = loses_the_first  # type: ignore[method-assign]
            check = await look(served, timeout_ms=600)

        assert check.outcome == "ok"

    async def test_a_long_answer_is_asked_for_by_tcp(self) -> None:
        async with dns_server({HOST: [[f"192.0.2.{last}" for last in range(1, 200)]]}) as served:
            served.truncated.add(HOST)
            check = await look(served, expected_values=("192.0.2.199",))

        assert check.outcome == "ok", check.message
        assert [by for _, _, by in served.asked] == ["udp", "tcp"]

    async def test_packets_that_are_not_the_answer_are_not_read(self) -> None:
        async with dns_server({HOST: [["192.0.2.1"]]}) as served:
            replies = served.reply

            def garbles(data: bytes, by: str) -> bytes | None:
                reply = replies(data, by)
                # The first has another id: somebody guesses.
                return (
                    bytes([reply[0] ^ 1]) + reply[1:] if reply and len(served.asked) == 1 else reply
                )

            served.reply = garbles  # type: ignore[method-assign]
            check = await look(served, timeout_ms=600)

        assert check.outcome == "ok"
        assert len(served.asked) == 2

    @pytest.mark.parametrize(
        "fields",
        [{"record_type": "NONSENSE"}, {"host": "a" * 64 + ".com"}, {"resolver": "dns.example.com"}],
    )
    async def test_what_cannot_be_asked_is_no_outage(self, fields: dict[str, Any]) -> None:
        looked = target(**{"type": "dns", "host": HOST, "resolver": "127.0.0.1", **fields})
        check = await look_once(looked, SETTINGS)

        assert (check.outcome, check.reason) == ("inconclusive", "invalid_target")

    async def test_a_resolver_of_ours_that_is_away_is_not_the_fault_of_the_name(self) -> None:
        async with dns_server() as served:
            pass
        settings = structs.replace(
            SETTINGS, nameservers=("127.0.0.1",), nameserver_port=served.port
        )

        check = await look_once(target(type="dns", host=HOST, timeout_ms=300), settings)

        assert (check.outcome, check.reason) == ("inconclusive", "resolver")


class TestNamesOfTargets:
    async def test_a_name_is_resolved_by_the_servers_that_are_set(self) -> None:
        async with (
            dns_server({HOST: [["127.0.0.1"]]}) as served,
            web(lambda _: answer()) as site,
        ):
            settings = structs.replace(
                SETTINGS, nameservers=("127.0.0.1",), nameserver_port=served.port
            )
            check = await look_once(target(url=site.url(host=HOST)), settings)
            gone = await look_once(target(url=site.url(host="gone.example.com")), settings)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")
        assert (check.phases.dns_ms or 0) > 0
        assert (gone.outcome, gone.reason) == ("fail", "dns")
        assert '"gone.example.com" does not exist' in gone.message

    async def test_a_silent_resolver_does_not_put_the_timeout_off(self) -> None:
        async with dns_server() as served:
            served.silent.add(HOST)
            resolver = SystemResolver(["127.0.0.1"], served.port)
            looked = target(url=f"http://{HOST}/", timeout_ms=200)
            check = await look_once(looked, SETTINGS, resolver=resolver)

        assert check.message == "not done within 200 ms: it waited for DNS"
        assert check.phases.total_ms < 500


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        ("A", "192.0.2.1 ", "192.0.2.1"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("CNAME", "Www.Example.COM.", "www.example.com"),
        ("TXT", '"Keep Case"', "Keep Case"),
        ("CAA", '0 issue "letsencrypt.org"', '0 issue "letsencrypt.org"'),
    ],
)
def test_values_are_compared_in_one_form(kind: str, value: str, plain: str) -> None:
    assert normal(value, kind) == plain
