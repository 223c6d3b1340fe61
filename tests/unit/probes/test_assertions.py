"""What must be true of an answer."""

from typing import Any

import pytest

from probes.assertions import Answer, check, is_expected
from probes.findings import Trouble
from schemas.uptime.targets import Assertion

JSON = b"""{"data": {"items": [{"state": "up"}, {"state": "down"}], "count": 2, "ratio": 0.5,
"ok": true, "none": null, "text": "7", "tags": ["a", "b"]}}"""


def answer(content: bytes = JSON, **fields: Any) -> Answer:
    given = {"is_whole": True, "charset": "utf-8", "headers": {"x-state": "green"}, **fields}
    return Answer(content=content, **given)


def holds(assertion: Assertion, to: Answer | None = None) -> bool:
    try:
        check((assertion,), to or answer())
    except Trouble as trouble:
        told = (trouble.outcome, trouble.reason)
    else:
        return True
    assert told == ("fail", "assertion")
    return False


@pytest.mark.parametrize(
    ("path", "comparison", "value", "expected"),
    [
        ("data.items.0.state", "equals", "up", True),
        ("data.items.-1.state", "equals", "down", True),
        ("data.items.1.state", "equals", "up", False),
        ("data.items.2.state", "exists", None, False),
        ("data.items.x", "exists", None, False),
        ("data.none", "exists", None, True),
        ("data.none", "equals", None, True),
        ("data.gone", "equals", None, False),
        ("data.count", "equals", 2, True),
        ("data.count", "equals", 2.0, True),
        ("data.count", "equals", "2", True),
        ("data.text", "equals", 7, True),
        ("data.ok", "equals", True, True),
        ("data.ok", "equals", "true", True),
        ("data.ok", "equals", 1, False),
        ("data.count", "greater_than", 1, True),
        ("data.count", "greater_than", 2, False),
        ("data.ratio", "less_than", 0.6, True),
        ("data.ratio", "less_than", "0.6", True),
        ("data.ok", "less_than", 2, False),
        ("data.gone", "less_than", 2, False),
        ("data.tags", "contains", "b", True),
        ("data.tags", "contains", "c", False),
        ("data", "contains", "count", True),
        ("data.items.0.state", "contains", "u", True),
        ("data.items.0.state", "matches", "^u.$", True),
        ("data.count", "matches", r"^\d$", True),
        ("data.gone", "matches", ".*", False),
        ("", "contains", "data", True),
    ],
)
def test_json_is_looked_at_by_path(path: str, comparison: Any, value: Any, expected: bool) -> None:
    one = Assertion(source="json", path=path, comparison=comparison, value=value)
    turned = Assertion(source="json", path=path, comparison=comparison, value=value, negated=True)

    assert holds(one) is expected
    assert holds(turned) is not expected


def test_a_header_is_found_by_its_name_in_any_case() -> None:
    assert holds(Assertion(source="header", path="X-State", comparison="equals", value="green"))
    assert not holds(Assertion(source="header", path="X-Other", comparison="exists"))


def test_a_message_names_the_value_and_the_rule() -> None:
    one = Assertion(source="json", path="data.items.1.state", comparison="equals", value="up")

    with pytest.raises(Trouble) as caught:
        check((one,), answer())

    assert caught.value.message == 'data.items.1.state is "down"; expected: equals "up"'


def test_a_text_of_others_makes_no_lines_and_no_long_message() -> None:
    with pytest.raises(Trouble) as caught:
        check((Assertion(source="body", value="needle"),), answer(b"\x1b[31m\r\n\0" * 10_000))

    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[" * 100_000, b"{" * 50_000, b'{"a": 1e999999}', b'"\xff"', b"\0" * 100],
)
def test_a_body_that_is_no_json_fails(content: bytes) -> None:
    assert not holds(Assertion(source="json", path="a.b", comparison="exists"), answer(content))


def test_a_pattern_takes_linear_time() -> None:
    # Half a megabyte: seconds to years for an engine that goes back.
    one = Assertion(source="body", comparison="matches", value="^(a+)+$")

    assert not holds(one, answer(b"a" * 500_000 + b"!"))


@pytest.mark.parametrize("pattern", ["(", "a{5000}{5000}", "(?=look)"])
def test_a_pattern_that_is_none_is_no_outage(pattern: str) -> None:
    with pytest.raises(Trouble) as caught:
        check((Assertion(source="body", comparison="matches", value=pattern),), answer())

    assert (caught.value.outcome, caught.value.reason) == ("inconclusive", "invalid_target")


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        ("iso-8859-1", "café".encode("latin-1")),
        ("windows-1252", "café".encode("cp1252")),
        ("utf-8", "café".encode()),
        ("punycode", "café".encode()),
        ("rot13", "café".encode()),
        ("no-such", "café".encode()),
    ],
)
def test_a_body_is_read_in_its_charset_where_that_is_one_of_texts(
    charset: str, content: bytes
) -> None:
    one = Assertion(source="body", comparison="equals", value="café")

    assert holds(one, answer(content, charset=charset))


@pytest.mark.parametrize("text", ["", "abc", "99", "600", "200-", "2xxx", "-200", "200 OK"])
def test_a_status_that_is_none_is_no_outage(text: str) -> None:
    with pytest.raises(Trouble, match="write such as 200"):
        is_expected(200, (text,))
