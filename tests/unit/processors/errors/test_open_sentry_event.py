"""Errors of Open Sentry: contract 3.a.2 and 3.b."""

from typing import Any

import pytest

from processors.columns import Unfit
from schemas.errors.event import Frame, json_of
from schemas.errors.sent import Head
from tests.unit.processors.errors.reading import NOW_US, error, open_error


@pytest.mark.parametrize("sent", ["yesterday", "", 1e300, [], {}, True])
def test_a_timestamp_that_is_none_makes_the_item_unfit(sent: Any) -> None:
    with pytest.raises(Unfit, match="timestamp"):
        open_error(timestamp=sent)


@pytest.mark.parametrize("sent", ["2026-11-29T09:00:00.000Z", "2026-11-29T09:00:00"])
def test_its_timestamp_counts(sent: str) -> None:
    assert open_error(timestamp=sent).timestamp_us == NOW_US - 3_600_000_000


def test_an_old_timestamp_counts_as_it_is() -> None:
    assert open_error(timestamp="2020-01-01T00:00:00Z").timestamp_us == 1_577_836_800_000_000


@pytest.mark.parametrize("fields", [{}, {"timestamp": None}])
def test_without_a_timestamp_the_time_of_arrival_counts(fields: dict[str, Any]) -> None:
    assert open_error(**fields).timestamp_us == NOW_US


def test_frames_are_turned_round_and_keep_what_they_do_not_say() -> None:
    inner = {"filename": "a.ts", "function": "load", "lineno": 3, "colno": 7.0, "inApp": False}
    outer = {
        "filename": "b.ts",
        "absPath": "/srv/b.ts",
        "module": "b",
        "preContext": ["1"],
        "contextLine": "2",
        "postContext": ["3"],
    }

    event = open_error(exception={"type": "E", "stacktrace": {"frames": [inner, outer]}})

    assert event.exceptions[0].frames == (
        Frame(
            filename="b.ts",
            abs_path="/srv/b.ts",
            module="b",
            pre_context=("1",),
            context_line="2",
            post_context=("3",),
        ),
        Frame(filename="a.ts", function="load", lineno=3, colno=7, in_app=False),
    )
    assert event.exceptions[0].frames[0].in_app is None


@pytest.mark.parametrize(
    ("fields", "type_", "value", "message"),
    [
        ({"exception": {"type": "E", "value": "v"}, "message": "m"}, "E", "v", "m"),
        ({"exception": {"type": "E"}, "message": "m"}, "E", None, "m"),
        ({"exception": {"value": ""}, "message": "m"}, "", "", "m"),
        ({"exception": {"value": "TypeError: x"}}, "", "TypeError: x", ""),
        ({"exception": {"type": "E"}, "message": ""}, "E", "", ""),
        ({"exception": {}, "message": ""}, "", "", ""),
    ],
)
def test_an_exception_keeps_what_it_has_and_the_message_stands_beside_it(
    fields: dict[str, Any], type_: str, value: str | None, message: str
) -> None:
    event = open_error(**fields)

    (thrown,) = event.exceptions
    assert (thrown.type, thrown.value, event.message) == (type_, value, message)


def test_an_empty_exception_is_none() -> None:
    event = open_error(exception={}, message="m")

    assert (event.exceptions, event.message, event.protocol) == ((), "m", "open_sentry")


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"level": "debug", "exception": {"type": "fatal"}}, "debug"),
        ({"level": "WARN"}, "warning"),
        ({"exception": {"type": "Info", "value": "x"}}, "info"),
        ({"exception": {"type": "warn"}}, "warning"),
        ({"message": "fatal"}, "fatal"),
        ({"exception": {"type": "TypeError"}, "message": "boom"}, "error"),
        ({"level": None}, "error"),
    ],
)
def test_a_level_is_explicit_or_a_type_or_a_message_that_is_one(
    fields: dict[str, Any], level: str
) -> None:
    assert open_error(**fields).level == level


def test_what_is_beside_the_exception_is_read() -> None:
    head = Head(sdk="@zapdev-labs/sentry-clone 0.1.0", environment="staging")
    crumb = {"category": "fetch", "message": "GET /", "timestamp": "2026-11-29T09:59:59Z",
             "data": {"status": 200}, "level": None}  # fmt: skip
    item = {
        "type": "error", "exception": {}, "breadcrumbs": [crumb], "tags": {"a": "b"},
        "user": {"id": "1", "plan": "pro"}, "release": "r1",
    }  # fmt: skip

    event = error(item, head, "open_sentry")

    assert event.breadcrumbs[0].timestamp_us == NOW_US - 1_000_000
    assert json_of(event.breadcrumbs[0].data) == {"status": 200}
    assert (event.tags, event.user.id, json_of(event.user.other)) == (
        {"a": "b"}, "1", {"plan": "pro"},
    )  # fmt: skip
    assert (event.release, event.environment) == ("r1", "staging")
    assert (event.sdk_name, event.sdk_version) == ("@zapdev-labs/sentry-clone", "0.1.0")
    assert event.problems == ()
