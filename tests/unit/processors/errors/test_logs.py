"""Log records become rows: masked, bounded, with what OpenTelemetry calls severity."""

from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from processors.errors.logs import read_log
from processors.errors.masking.mask import mask
from schemas.errors.rows import LogRow
from schemas.errors.sent import Head, SentItem

NOW_US = 1_795_947_400_000_000
HEAD = Head(sent_at="2026-11-29T10:16:40Z", sdk="sentry.python 2.75.0", environment="staging")


def row(head: Head = HEAD, attributes: Any = None, **fields: Any) -> LogRow:
    """Returns the row of a record with attributes as SDKs write them."""
    if isinstance(attributes, dict):
        attributes = {key: {"value": value, "type": "any"} for key, value in attributes.items()}
    item = {"timestamp": 1795947308.25, "body": "paid", "attributes": attributes, **fields}
    sent = SentItem("sentry", head, Raw(msgspec.json.encode(item)))
    return read_log(sent, partial(mask), "id", NOW_US)


class TestColumns:
    def test_attributes_that_sdks_agree_on_have_columns(self) -> None:
        found = row(
            level="warn",
            trace_id="A" * 32,
            span_id="b" * 16,
            attributes={
                "sentry.severity_number": 14,
                "sentry.environment": "production",
                "sentry.release": "shop@1",
                "sentry.sdk.name": "sentry.javascript.node",
                "sentry.sdk.version": "11",
                "sentry.timestamp.sequence": 3,
                "sentry.observed_timestamp_nanos": "1795947309000000000",
                "server.address": "web-1",
                "service.name": "shop",
                "logger.name": "shop.pay",
                "user.id": 7,
                "amount": 12.5,
            },
        )

        assert found.timestamp_us == 1_795_947_308_250_000
        assert found.observed_us == 1_795_947_309_000_000
        assert (found.severity, found.severity_text, found.sequence) == (14, "warn", 3)
        assert (found.trace_id, found.span_id) == ("a" * 32, "b" * 16)
        assert (found.environment, found.release) == ("production", "shop@1")
        assert (found.sdk, found.platform) == ("sentry.javascript.node 11", "javascript")
        assert (found.server_name, found.service, found.logger) == ("web-1", "shop", "shop.pay")
        assert (found.user_key, found.attributes["amount"]) == ("7", 12.5)
        assert found.problems == []

    def test_what_is_not_sent_comes_from_the_request_or_is_unknown(self) -> None:
        found = row(timestamp=None)

        assert (found.environment, found.sdk) == ("staging", "sentry.python 2.75.0")
        assert (found.timestamp_us, found.observed_us, found.severity) == (NOW_US, NOW_US, 0)

    @pytest.mark.parametrize(
        ("text", "number"), [("INFO", 9), ("warning", 13), ("critical", 21), ("loud", 0)]
    )
    def test_a_level_has_the_number_of_opentelemetry(self, text: str, number: int) -> None:
        assert row(level=text).severity == number


class TestBounds:
    def test_what_is_cut_is_said(self) -> None:
        found = row(
            body="b" * 40_000,
            attributes={"long": "a" * 9_000, "list": ["x" * 9_000], "k" * 201: 1, "ok": 1},
        )

        assert (len(found.body), len(found.attributes["long"])) == (32_768, 8_192)
        assert found.attributes.keys() == {"long", "ok"}
        assert found.problems == [
            "attributes.long: cut at 8,192 characters",
            "attributes.list: over 8,192 bytes, left out",
            "attributes: a name of over 200 characters, left out",
            "body: cut at 32,768 characters",
        ]

    def test_so_many_attributes_are_kept_and_so_much_of_them(self) -> None:
        many = row(attributes={f"a{n}": n for n in range(300)})
        large = row(attributes={f"a{n}": "x" * 8_000 for n in range(20)})

        assert (len(many.attributes), many.problems) == (200, ["attributes: 200 kept, of 300"])
        assert len(large.attributes) == 8
        assert large.problems == ["attributes: 65,536 characters kept in all"]

    @pytest.mark.parametrize("attributes", [[], "text", 7, [1], {"a": {"b": 1}}])
    def test_attributes_of_another_form_spoil_nothing(self, attributes: Any) -> None:
        sent = SentItem(
            "sentry", HEAD, Raw(msgspec.json.encode({"body": "paid", "attributes": attributes}))
        )

        assert read_log(sent, mask, "id", NOW_US).body == "paid"


class TestMasking:
    def test_body_and_attributes_are_masked(self) -> None:
        found = row(
            body="password=hunter2 card 4111 1111 1111 1111",
            attributes={"api_key": "hunter2", "note": "token: hunter2", "max_tokens": 7},
        )

        assert "hunter2" not in str(found)
        assert found.body == "password=[Filtered] card [card]"
        assert found.attributes["api_key"] == "[Filtered]"
        assert found.attributes["max_tokens"] == 7

    def test_so_are_parameters_by_name_and_by_what_the_template_asks_for(self) -> None:
        named = row(attributes={"sentry.message.parameter.password": "hunter2"})
        numbered = row(
            body="user ann, password=hunter2",
            attributes={
                "sentry.message.template": "user %s, password=%s",
                "sentry.message.parameter.0": "ann",
                "sentry.message.parameter.1": "hunter2",
            },
        )
        plain = row(
            body="user ann",
            attributes={
                "sentry.message.template": "user %s",
                "sentry.message.parameter.0": "ann",
            },
        )

        assert "hunter2" not in f"{named} {numbered}"
        assert plain.attributes["sentry.message.parameter.0"] == "ann"
