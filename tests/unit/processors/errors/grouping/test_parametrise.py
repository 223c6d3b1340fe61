"""What varies in a text is named by its family; what says which error it is stays."""

import pytest

from processors.errors.grouping.parametrise import FAMILIES, MAX_CHARS, parametrise

VARIES = {
    "user 42 not found": "user <number> not found",
    "took 12.5 of 1e-07 and 45% of 1,234,567": "took <number> of <number> and <number> of <number>",
    "at 0x7f3a1b2c commit 1a2b3c4": "at <number> commit <number>",
    "user_42 in shard-7": "user_<number> in shard-<number>",
    "index -1 of 5": "index <number> of <number>",
    "ids [1, 2, 3] and [4]": "ids [<number>] and [<number>]",
    "order 3B241101-e2bb-4255-8caf-4136c566a962": "order <uuid>",
    "at 2026-01-02T03:04:05.678+01:00": "at <date>",
    "at 2026-01-02 03:04:05,678": "at <date>",
    "at Mon, 05 Jan 2026 12:00:00 GMT": "at <date>",
    "at Jan  2 15:04:05": "at <date>",
    "at 12:34:56.789": "at <date>",
    "on 02/03/2026": "on <date>",
    "dial 10.0.3.17:5432": "dial <ip>",
    "dial fe80::1ff:fe23:4567:890a": "dial <ip>",
    "dial db-3.prod.internal:5432": "dial <host>",
    "dial localhost:3000": "dial <host>",
    "GET https://api.example.com/v1/a?b=c failed": "GET <url> failed",
    "Duplicate entry 'bob@example.com'": "Duplicate entry '<email>'",
    "after 3m20s or 12ms": "after <duration> or <duration>",
    "got 12 MB of 1.5GiB": "got <size> of <size>",
    "lib v1.2.3-rc.1": "lib <version>",
    "No such customer: 'cus_NffrFeUfNV2Hib'": "No such customer: 'cus_<id>'",
    "pod api-7f9c6d5b8-x2x4z": "pod api-<number>-<id>",
    "key 01ARZ3NDEKTSV4RRFFQ69G5FAV": "key <id>",
    "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def-123": "Bearer <id>",
    "open /tmp/tmpab12/x.csv: denied": "open <tmp>: denied",
    "open /home/bob/app.toml": "open /home/<user>/app.toml",
    "name='Bob' active=True x=None": "name=<text> active=<bool> x=<bool>",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "<traceparent>",
    "first\n\n  second \nthird": "first second",
}
STAYS = (
    "Request failed with status code 404",
    "[Errno 111] Connection refused",
    "exit status 137",
    "HTTP/1.1 502 Bad Gateway",
    "(1062, 'Duplicate entry')",
    "ORA-01017: invalid username",
    "utf8 and sha256 and E11000",
    "Key 'foo' not found",
    "com.foo.Bar.baz() is null",
    "invalid value for foo.io.Reader",
    "deadbeef",
    "",
)


@pytest.mark.parametrize("text", VARIES)
def test_what_varies_is_named(text: str) -> None:
    assert parametrise(text) == VARIES[text]


@pytest.mark.parametrize("text", STAYS)
def test_what_says_which_error_it_is_stays(text: str) -> None:
    assert parametrise(text) == text


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "kept"])
def test_each_family_has_a_case(family: str) -> None:
    assert any(f"<{family}>" in value for value in VARIES.values())


def test_what_is_parametrised_stays_as_it_is() -> None:
    for value in VARIES.values():
        assert parametrise(value) == value


def test_a_word_that_the_bound_cuts_in_two_does_not_count() -> None:
    start = "x " * (MAX_CHARS // 2 - 4)

    assert parametrise(f"{start}3b241101-e2bb") == parametrise(f"{start}99999999999999")
