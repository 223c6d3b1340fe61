"""What is masked in events, what is not, and that the rest stays as it was."""

import json
import timeit
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.errors.masking.mask import mask
from schemas.errors.masking import MaskRules, OwnPattern


def masked(value: Any, rules: MaskRules | None = None) -> Any:
    item = json.dumps(value).encode()
    result = mask(item, rules or MaskRules())
    assert mask(result, rules or MaskRules()) == result
    return json.loads(result)


class TestWhatStays:
    @pytest.mark.parametrize(
        "value",
        [
            {"max_tokens": 5, "token_count": 7, "tokens": 9, "usage": {"input_tokens": 3}},
            {"data": {"gen_ai.usage.input_tokens": 5, "gen_ai.request.max_tokens": 100}},
            {"author": "x", "authors": ["y"], "signal": "z", "design": 1, "inside": 2},
            {"message": "Unexpected token < in JSON at position 0"},
            {"message": "Unexpected token: punc"},
            {"id": "550e8400-e29b-4111-1111-111111111111"},
            {"trace_id": "4111111111111111", "span_id": "4242424242424242"},
            {"message": "took 0.4111111111111111 s at 1764408653123456"},
            {"order_id": 4111111111111111, "created_at": 4111111111111111},
            {"modules": {"google-auth": "2.1", "tokenizers": "0.3", "csrf-token": "1.0"}},
            {"context_line": "token = get_token()", "pre_context": ["password = ask()"]},
            {"password": None, "token": True, "secret": ""},
            {"description": "SELECT * FROM users WHERE password = %s AND token = $1"},
            {"message": "on 2024-11-29 at 10.0.0.1, mail a@b.de"},
            {"PWD": "/app", "sentry_key": "abc"},
        ],
    )
    def test_what_is_no_secret_stays_as_the_same_object(self, value: Any) -> None:
        item = json.dumps(value, indent=1).encode()

        assert mask(item) is item or mask(item) == item

    def test_what_is_beside_a_secret_stays_byte_for_byte(self) -> None:
        item = b'{"n": 1.50e3, "big": 123456789012345678901, "t":"\\u00e9", "password":"x"}'

        assert mask(item) == (
            b'{"n":1.50e3,"big":123456789012345678901,"t":"\\u00e9","password":"[Filtered]"}'
        )


NAMES = (
    *("password", "userPassword", "DB_PASSWD", "client-secret", "apiKey", "X-Api-Key", "API key"),
    *("access_token", "csrfToken", "Authorization", "proxy-authorization", "Set-Cookie"),
    *("sessionid", "session", "auth", "credentials", "private_key", "mysql_pwd", "cvv"),
    *("http.request.header.cookie", "aws_secret_access_key", "AccountKey", "jwt", "_xsrf"),
)


class TestSensitiveNames:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("value", ["hunter2", 12345, ["a"], {"a": "b"}])
    def test_a_value_under_a_sensitive_name_is_masked_as_a_whole(
        self, name: str, value: Any
    ) -> None:
        event = {"exception": {"values": [{"stacktrace": {"frames": [{"vars": {name: value}}]}}]}}

        found = masked(event)["exception"]["values"][0]["stacktrace"]["frames"][0]["vars"]

        assert found == {name: "[Filtered]"}

    def test_every_part_of_an_event_is_looked_at(self) -> None:
        secret = {"password": "hunter2"}
        event = {
            "request": {"headers": secret, "cookies": secret, "data": secret, "env": secret},
            "breadcrumbs": {"values": [{"data": secret, "message": "password=hunter2"}]},
            **{"extra": secret, "contexts": {"app": secret}, "user": {"id": "1", "data": secret}},
            "tags": [["password", "hunter2"], ["a", "b"]],
            "spans": [{"data": secret, "description": "GET /?password=hunter2"}],
            "logentry": {"formatted": "password: hunter2"},
            "exception": {"values": [{"value": "bad login: password='hunter2'"}]},
        }

        assert "hunter2" not in json.dumps(masked(event))

    def test_cookies_keep_their_names(self) -> None:
        assert masked({"cookies": {"a": "b", "c": "d"}}) == {
            "cookies": {"a": "[Filtered]", "c": "[Filtered]"}
        }

    def test_a_name_beside_its_value_counts(self) -> None:
        assert masked({"tags": [{"key": "password", "value": "x"}, {"value": "y", "name": "a"}]})[
            "tags"
        ] == [{"key": "password", "value": "[Filtered]"}, {"value": "y", "name": "a"}]

    def test_arguments_of_a_command_are_masked(self) -> None:
        assert masked({"sys.argv": ["run", "--password", "hunter2", "--token=abc", "x"]}) == {
            "sys.argv": ["run", "--password", "[Filtered]", "--token=[Filtered]", "x"]
        }

    def test_parameters_of_a_message_that_asks_for_a_secret_are_masked(self) -> None:
        entry = {"message": "token=%s of %s", "params": ["abc", "x"], "formatted": "token=abc of x"}

        assert masked({"logentry": entry})["logentry"] == {
            "message": "token=%s of %s",
            "params": ["[Filtered]", "[Filtered]"],
            "formatted": "token=[Filtered] of x",
        }

    @pytest.mark.parametrize(
        "item",
        [
            rb'{"pass\u0077ord":"hunter2"}',
            rb'{"message":"pass\u0077ord=hunter2"}',
            rb'{"message":"x\npassword=hunter2"}',
            rb'{"data":"{\"password\":\"hunter2\",\"n\":1}"}',
            rb'{"data":"{\"a\":{\"p\\u0061ssword\":\"hunter2\"}}"}',
            rb'{"data":"{\"password\":\"hunter2"}',
            rb'{"data":"{\"a\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}',
            rb'{"data":"\"{\\\"password\\\":\\\"hunter2\\\"}"}',
            rb'{"password":"a","password":"hunter2"}',
            rb'{"password" : "hunter2"}',
            rb'{"url":"postgres:\/\/me:hunter2@db\/x"}',
        ],
    )
    def test_escapes_hide_nothing(self, item: bytes) -> None:
        result = mask(item)

        assert b"hunter2" not in result
        json.loads(result)


TEXTS = [
    ("GET /a?x=1&password=p%20q&y=2", "GET /a?x=1&password=[Filtered]&y=2"),
    ("user[password]=x&user%5Bpassword%5D=y&a=1", None),
    ("{'password': 'x', 'a': 1}", "{'password': '[Filtered]', 'a': 1}"),
    ("Server=db;User Id=sa;Password=p@ss;Encrypt=true", None),
    ("Cookie: a=b; c=d\r\nHost: x", "Cookie: [Filtered]\r\nHost: x"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: [Filtered]"),
    ("amqp://me:pw@mq:5672/v", "amqp://me:[Filtered]@mq:5672/v"),
    ("card 4111 1111 1111 1111 12/27.", "card [card] 12/27."),
    ("4242424242424242, 3782-822463-10005", "[card], [card]"),
    ("sent Bearer abcdef123456", "sent Bearer [token]"),
    ("sent Basic dXNlcjpwYXNz", "sent Basic [token]"),
    ("key sk-ant-api03-abcDEF123456789012", "key [token]"),
    ("AKIAIOSFODNN7EXAMPLE\nx", "[token]\nx"),
    ("ghp_" + "a1" * 18, "[token]"),
    ("x xoxb-123456789012-abcdef", "x [token]"),
    ("pulse_sk_3b241101-e2bb-4255-8caf-4136c566a962", "[token]"),
    ("osco_" + "0a" * 24 + " oscp_" + "0a" * 24, "[token] [token]"),
    ("sk_live_abcdef123456", "[token]"),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "[token]"),
    (
        "a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b",
        "a [private key] b",
    ),
    ("a -----BEGIN PRIVATE KEY-----\nMII", "a [private key]"),
    ("to DE89 3704 0044 0532 0130 00 EUR", "to [iban] EUR"),
    ("ssn 123-45-6789", "ssn [ssn]"),
    ("naïve größe password=x", "naïve größe password=[Filtered]"),
]


class TestTexts:
    @pytest.mark.parametrize(("text", "expected"), TEXTS)
    def test_secrets_in_texts_are_masked(self, text: str, expected: str | None) -> None:
        found = masked({"message": text})["message"]

        assert found == expected if expected else "=p@ss" not in found and "=y" not in found

    @pytest.mark.parametrize(
        "text",
        [
            "4111 1111 1111 1112",
            "2024-11-29 10:00:00",
            "1764408653123",
            "DE00 3704 0044 0532 0130 00",
            "000-12-3456",
            "task-sk-loading-spinner-large-one",
            "basic authentication, bearer token",
            "max_tokens=100 total_tokens: 5",
            "session: closed",
            "token: expected",
        ],
    )
    def test_what_only_looks_like_one_stays(self, text: str) -> None:
        assert masked({"message": text}) == {"message": text}

    def test_names_of_fields_that_are_secrets_are_masked(self) -> None:
        assert masked({"extra": {"4111111111111111": 1}}) == {"extra": {"[card]": 1}}

    def test_a_number_can_be_a_card(self) -> None:
        assert masked({"n": 4111111111111111}) == {"n": "[card]"}


class TestRules:
    def test_families_can_be_turned_off(self) -> None:
        value = {"password": "x", "m": "4111111111111111 sk_live_abcdef123456 123-45-6789"}
        off = MaskRules(names=False, tokens=False, cards=False, accounts=False)

        assert masked(value, off) == value

    def test_emails_and_addresses_are_masked_where_asked(self) -> None:
        value = {
            "user": {"email": "none", "ip_address": "1.2.3.4", "id": "a@b.de"},
            "m": "a.b+c@d.example from 10.1.2.3, fe80::1 at 12:30:45",
            "request": {"headers": {"X-Forwarded-For": "unknown", "User-Agent": "Chrome/1.0.0.0"}},
            "browser": {"version": "120.0.0.0"},
        }

        assert masked(value, MaskRules(emails=True, ips=True)) == {
            "user": {"email": "[email]", "ip_address": "[ip]", "id": "[email]"},
            "m": "[email] from [ip], [ip] at 12:30:45",
            "request": {"headers": {"X-Forwarded-For": "[ip]", "User-Agent": "Chrome/1.0.0.0"}},
            "browser": {"version": "120.0.0.0"},
        }

    def test_own_fields_are_masked_and_kept_ones_are_not(self) -> None:
        rules = MaskRules(own_fields=("customer number",), kept_fields=("session",))

        assert masked({"customerNumber": 5, "m": "customer-number=6", "session": "s"}, rules) == {
            "customerNumber": "[Filtered]",
            "m": "customer-number=[Filtered]",
            "session": "s",
        }

    @pytest.mark.parametrize(
        "pattern", [r"E-\d{5}", r"^E-\d{5}$", r'E-\d{5}|say "x"', r"(?i)e-\d+"]
    )
    def test_own_patterns_find_in_decoded_texts(self, pattern: str) -> None:
        rules = MaskRules(own_patterns=(OwnPattern("staff", pattern),))

        assert masked({"a": [{"b": "E-12345"}], "c": 'é "n"'}, rules) == {
            "a": [{"b": "[staff]"}],
            "c": 'é "n"',
        }

    def test_an_own_pattern_sees_quotes_and_line_ends_as_they_are(self) -> None:
        rules = MaskRules(own_patterns=(OwnPattern("q", 'say "x"\nthen'),))

        assert masked({"c": 'so say "x"\nthen go'}, rules) == {"c": "so [q] go"}


class TestBounds:
    @pytest.mark.parametrize("depth", [70, 900, 5000, 200_000])
    def test_what_is_too_deep_is_masked_and_the_rest_stays(self, depth: int) -> None:
        deep = b'{"a":' * depth + b'{"password":"x"}' + b"}" * depth

        result = mask(b'{"extra":' + deep + b',"message":"password=x","n":1}')

        assert b'"x"' not in result
        assert result.endswith(b'"message":"password=[Filtered]","n":1}')
        assert json.loads(result)["n"] == 1

    def test_json_in_a_text_that_is_too_deep_is_masked(self) -> None:
        text = "[" * 5000 + '{"password":"x"}' + "]" * 5000

        assert masked({"a": text}) == {"a": "[Filtered]"}

    def test_an_item_that_is_no_json_is_the_senders_fault(self) -> None:
        with pytest.raises(msgspec.DecodeError):
            mask(b'{"password":"x"')

    def test_an_event_without_secrets_takes_little_time(self) -> None:
        frame = {"filename": "app/a.py", "function": "f", "lineno": 5, "vars": {"a": "<A at 0x1>"}}
        item = json.dumps({"frames": [frame] * 120, "message": "no"}).encode()
        mask(item)

        best = min(timeit.repeat(lambda: mask(item), number=50, repeat=5)) / 50

        assert len(item) > 10_000
        assert best < 0.0003


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Pieces that patterns begin with, so that most texts come near to one.
    | st.lists(st.sampled_from((*"\"'\\{}[]=:;&@ \n", "password", "token", "sk-", "://a:", "é",
                                "4111111111111111", "Bearer ", "eyJ", "--auth ", "x1")),
               max_size=12).map("".join),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=6) | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
ALL = MaskRules(emails=True, ips=True, own_patterns=(OwnPattern("x", "x1+"),))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(json_values, st.booleans())
def test_what_is_masked_is_json_and_masking_it_again_changes_nothing(
    value: Any, ascii_only: bool
) -> None:
    item = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")

    for rules in (MaskRules(), ALL):
        result = mask(item, rules)
        result.decode("utf-8")
        json.loads(result)
        assert mask(result, rules) == result
