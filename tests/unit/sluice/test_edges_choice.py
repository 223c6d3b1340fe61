"""Whose a request is that came to an edge process."""

import pytest

from sluice.edges.application import edge_application
from sluice.edges.choice import Choice, Whose

LABEL = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def choice() -> Choice:
    """What edges go by, with one host of an app."""
    choice = Choice(edge_application().routes, frozenset({"localhost"}))
    choice.learn(["shop.example.com"])
    return choice


@pytest.mark.parametrize(
    "line",
    [
        b"POST /v1/traces/async HTTP/1.1",
        b"POST /v1/traces HTTP/1.1",
        b"POST /v1/traces/ HTTP/1.1",
        b"POST /otlp/v1/metrics HTTP/1.0",
        b"POST /api/7/envelope/?sentry_key=a HTTP/1.1",
        b"GET /api/7/cron/nightly/0123 HTTP/1.1",
    ],
)
def test_what_needs_no_store_is_an_edges(choice: Choice, line: bytes) -> None:
    assert choice.whose(line + b"\r\nHost: x\r\n\r\n") is Whose.EDGE
    assert choice.is_edges(*line.split(b" ")[:2], [(b"host", b"x")])


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/traces HTTP/1.1",
        b"POST /v1/traces/batch HTTP/1.1",
        b"OPTIONS /v1/traces HTTP/1.1",
        b"HEAD /api/7/cron/nightly/0123 HTTP/1.1",
        b"POST /api/x/envelope/ HTTP/1.1",
        b"POST //v1/traces HTTP/1.1",
        b"POST /v1/trac%65s HTTP/1.1",
        b"POST http://x/v1/traces HTTP/1.1",
        b"POST /v1/traces HTTP/2.0",
        b"post /v1/traces HTTP/1.1",
        b"",
    ],
)
def test_all_else_is_the_owners(choice: Choice, line: bytes) -> None:
    assert choice.whose(line + b"\r\nHost: x\r\n\r\n") is Whose.OWNER


@pytest.mark.parametrize("name", [b"Host", b"host", b"X-Forwarded-Host"])
@pytest.mark.parametrize(
    "host", [b"shop.example.com", b"SHOP.example.com.:8080", f"{LABEL}.localhost".encode()]
)
def test_what_is_asked_of_an_app_is_the_owners(choice: Choice, name: bytes, host: bytes) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n%s:  %s\r\n\r\n" % (name, host)

    assert choice.whose(head) is Whose.OWNER
    fields = [(b"host", b"x"), (name.lower(), host)]
    assert not choice.is_edges(b"POST", b"/v1/traces", fields)


def test_a_head_is_waited_for_as_long_as_it_may_be_an_edges(choice: Choice) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"

    assert {choice.whose(head[:at]) for at in range(1, len(head))} == {Whose.UNKNOWN}


def test_lines_that_end_in_another_way_are_the_owners_to_judge(choice: Choice) -> None:
    assert choice.whose(b"POST /v1/traces HTTP/1.1\r\nHost: x\n\n") is Whose.OWNER
    assert choice.whose(b"POST /v1/traces HTTP/1.1\n") is Whose.OWNER


@pytest.mark.parametrize(
    "hosts", [[b"x"] * 3, [bytes([97 + n % 26]) * (n + 1) for n in range(4_000)], [b"x" * 301]]
)
def test_more_and_longer_hosts_than_usual_are_the_owners_to_judge(
    choice: Choice, hosts: list[bytes]
) -> None:
    head = b"POST /v1/traces/async HTTP/1.1\r\n" + b"".join(b"Host: %s\r\n" % one for one in hosts)

    assert choice.whose(head + b"\r\n") is Whose.OWNER
    url, fields = b"/v1/traces/async", [(b"host", one) for one in hosts]
    assert not choice.is_edges(b"POST", url, fields)
