"""A monitor's form: what it shows of a configuration, and what it means. Secrets stay unseen."""

import random
from typing import Any

import pytest

from api.pages.uptime.asserting import read_assertion, write_assertion
from api.pages.uptime.fields import FIELDS, TYPES, fields_of
from api.pages.uptime.forms import config_fields, new_texts, problem_in, texts_of
from controlplane.failures import BadRequest
from controlplane.uptime.checked import read_config
from schemas.uptime.monitors import MonitorConfig
from schemas.uptime.targets import COMPARISONS, Assertion

SECRET = "Bearer of-nobody-elses-business"
HTTP: dict[str, Any] = {
    "name": "Shop",
    "type": "http",
    "url": "https://shop.example/health",
    "headers": {"Authorization": SECRET, "Accept": "application/json"},
    "notifications": ["slack://hooks/T/B/first", "slack://hooks/T/B/second", "json://x.example"],
    "expected_status": [200, "300-399"],
    "regions": ["eu", "us"],
    "quorum": 2,
    "follow_redirects": False,
    "body": "a\nb",
}
PLACES = {"host": "shop.example", "port": "443", "url": "https://shop.example"}


def typed(texts: dict[str, str], **changed: str) -> dict[str, list[str]]:
    """Returns what a browser sends of these texts: a box without a tick is left out."""
    checks = {field.name for field in FIELDS if field.kind == "check"}
    sent = {name: text for name, text in {**texts, **changed}.items() if text or name not in checks}
    return {name: [text.replace("\n", "\r\n")] for name, text in sent.items()}


class TestSecrets:
    def test_a_form_shows_none_of_them(self) -> None:
        shown = " ".join(texts_of(read_config(HTTP)).values())

        assert SECRET not in shown
        assert "hooks" not in shown
        assert "x.example" not in shown

    def test_a_form_that_is_sent_back_as_it_was_changes_nothing(self) -> None:
        config = read_config(HTTP)

        fields = config_fields("http", typed(texts_of(config)), config)

        assert read_config({**fields, "type": "http"}) == config

    def test_one_of_several_notifications_is_removed_and_the_others_stay(self) -> None:
        config = read_config(HTTP)
        left = typed(
            texts_of(config), notifications="json://…#3\nslack://…#2\nmailto:new@x.example"
        )

        fields = config_fields("http", left, config)

        assert fields["notifications"] == [
            "json://x.example",
            "slack://hooks/T/B/second",
            "mailto:new@x.example",
        ]

    @pytest.mark.parametrize(
        ("name", "text"),
        [("headers", "X-New: …"), ("headers", "no colon"), ("notifications", "slack://…#4")],
    )
    def test_what_is_not_there_cannot_stay(self, name: str, text: str) -> None:
        config = read_config(HTTP)
        sent = typed(texts_of(config), **{name: text})

        with pytest.raises(BadRequest) as caught:
            config_fields("http", sent, config)

        problem = problem_in(caught.value, "http", sent)
        assert problem.field == name

    def test_what_is_wrong_with_one_is_said_without_it(self) -> None:
        sent = typed(
            new_texts("http"), name="Shop", url="https://x.example", headers=f"a b: {SECRET}"
        )

        with pytest.raises(BadRequest) as caught:
            read_config(config_fields("http", sent))

        problem = problem_in(caught.value, "http", sent)
        assert problem.field == "headers"
        assert SECRET not in problem.text


class TestNew:
    @pytest.mark.parametrize("type", [name for name, _, _ in TYPES])
    def test_only_place_and_name_have_to_be_typed(self, type: str) -> None:
        texts = new_texts(type)
        for field in fields_of(type):
            if field.is_required:
                texts[field.name] = PLACES.get(field.name, "Shop")

        config = read_config(config_fields(type, typed(texts)))

        assert config.type == type

    def test_every_field_is_one_of_a_configuration(self) -> None:
        assert {field.name for field in FIELDS} <= set(MonitorConfig.__struct_fields__)

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("interval_seconds", "0", "1 to 86400"),
            ("interval_seconds", "soon", "whole number"),
            ("timeout_ms", "5", "100 to 120000"),
            ("expected_status", "20", "200"),
            ("url", "ftp://x", "https://example.com"),
            ("name", "", "Nothing is typed here"),
            ("assertions", "the body is fine", "body contains OK"),
            ("regions", "Europe", "Names of probers"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, name: str, text: str, said: str) -> None:
        sent = typed(
            new_texts("http") | {"name": "Shop", "url": "https://x.example"} | {name: text}
        )

        with pytest.raises(BadRequest) as caught:
            read_config(config_fields("http", sent))

        problem = problem_in(caught.value, "http", sent)
        assert problem.field == name
        assert said in problem.text


def test_ends_of_lines_that_are_sent_are_typed_and_shown_as_signs() -> None:
    config = read_config(
        {"name": "Redis", "type": "tcp", "host": "x.example", "port": 6379, "send": "PING\r\n\\r"}
    )

    texts = texts_of(config)

    assert texts["send"] == r"PING\r\n\\r"
    assert config_fields("tcp", typed(texts), config)["send"] == config.send


class TestAssertions:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("body contains OK", Assertion("body", "contains", value="OK")),
            ("json data.items.0.n equals 3", Assertion("json", "equals", "data.items.0.n", 3)),
            ('json a equals "3"', Assertion("json", "equals", "a", "3")),
            ("json up equals true", Assertion("json", "equals", "up", True)),
            (
                "not header content-type contains text/html; charset",
                Assertion("header", "contains", "content-type", "text/html; charset", negated=True),
            ),
            ("header x-id exists", Assertion("header", "exists", "x-id")),
            ('json "two words" exists', Assertion("json", "exists", "two words")),
        ],
    )
    def test_a_line_means_an_assertion(self, line: str, expected: Assertion) -> None:
        assert Assertion(**read_assertion(line)) == expected
        assert write_assertion(expected) == line

    @pytest.mark.parametrize("seed", [20_261_129, 7])
    def test_what_is_written_reads_as_it_was(self, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(2000):
            text = "".join(chance.choices('ab "\\{[3.tnu\n …', k=chance.randrange(1, 9)))
            value = chance.choice([text, 3, -1.5, True, None, ""])
            source = chance.choice(("body", "json", "header"))
            comparison = chance.choice(COMPARISONS)
            one = Assertion(
                source,  # type: ignore[arg-type]
                comparison,
                "" if source == "body" else text,
                None if comparison == "exists" else value,
                negated=chance.random() < 0.5,
            )
            line = write_assertion(one)

            assert "\n" not in line
            assert Assertion(**read_assertion(line)) == one, line
