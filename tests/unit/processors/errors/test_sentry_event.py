"""Error events of Sentry's SDKs: every shape is read, and nothing wrong loses an event."""

from typing import Any

import msgspec
import pytest

from processors.columns import Unfit
from schemas.errors.event import (
    MAX_BREADCRUMBS,
    MAX_EXCEPTIONS,
    MAX_FRAMES,
    ErrorEvent,
    event_decoder,
    event_encoder,
    frames_of,
    json_of,
)
from schemas.errors.sent import Head
from tests.unit.processors.errors.reading import ID, NOW, NOW_US, error

FRAME = {"filename": "app.py", "function": "run", "lineno": 3, "in_app": True}
THROWN = {"type": "ValueError", "value": "bad", "stacktrace": {"frames": [FRAME]}}
DAY_US = 86_400 * 1_000_000


@pytest.mark.parametrize("item", [b"[]", b'"text"', b"1", b"null", b"{", b"\xff\x00"])
def test_what_is_no_object_is_unfit(item: bytes) -> None:
    with pytest.raises(Unfit):
        error(item)


@pytest.mark.parametrize("exception", [{"values": [THROWN]}, [THROWN], THROWN])
def test_exceptions_come_in_three_shapes(exception: Any) -> None:
    (thrown,) = error({"exception": exception}).exceptions

    assert (thrown.type, thrown.value) == ("ValueError", "bad")
    assert [frame.function for frame in thrown.frames] == ["run"]


def test_the_legacy_names_of_interfaces_are_read() -> None:
    event = error(
        {
            "sentry.interfaces.Exception": {"values": [THROWN]},
            "sentry.interfaces.Message": {"message": "hi %s", "params": ["you"]},
            "sentry.interfaces.User": {"id": 7},
            "sentry.interfaces.Http": {"url": "/a", "method": "GET"},
        }
    )

    assert event.exceptions[0].type == "ValueError"
    assert (event.message, event.template) == ("hi you", "hi %s")
    assert event.user.id == "7"
    assert event.request is not None
    assert event.request.url == "/a"


def test_a_stack_of_the_event_itself_belongs_to_its_one_exception() -> None:
    event = error({"exception": {"type": "E", "value": "v"}, "stacktrace": {"frames": [FRAME]}})

    assert [frame.function for frame in event.exceptions[0].frames] == ["run"]
    assert event.threads == ()


def test_a_stack_without_an_exception_is_the_current_thread() -> None:
    event = error({"message": "slow", "stacktrace": {"frames": [FRAME]}})

    assert event.threads[0].current
    assert [frame.function for frame in frames_of(event)] == ["run"]


def test_the_crashed_thread_is_what_people_look_at() -> None:
    calm = {"id": 1, "name": "main", "stacktrace": {"frames": [{"function": "wait"}]}}
    crashed = {"id": 2, "crashed": True, "stacktrace": {"frames": [{"function": "boom"}]}}

    event = error({"threads": {"values": [calm, crashed]}})

    assert [thread.id for thread in event.threads] == ["1", "2"]
    assert [frame.function for frame in frames_of(event)] == ["boom"]


@pytest.mark.parametrize(
    ("fields", "text", "template"),
    [
        ({"message": "plain"}, "plain", ""),
        ({"message": {"message": "a %s", "params": ["b"]}}, "a b", "a %s"),
        ({"message": {"formatted": "a b", "message": "a %s"}}, "a b", "a %s"),
        ({"logentry": {"formatted": "same", "message": "same"}}, "same", ""),
        ({"logentry": {"message": "%(who)s!", "params": {"who": "Ann"}}}, "Ann!", "%(who)s!"),
        ({"logentry": {"message": "{} and {}", "params": [1, None]}}, "1 and null", "{} and {}"),
        ({"logentry": {"message": "{0}-{1} {2}", "params": [1, 2]}}, "1-2 {2}", "{0}-{1} {2}"),
        ({"logentry": {"message": "100%"}}, "100%", ""),
        ({"logentry": "text", "message": "other"}, "text", ""),
        ({"logentry": {"message": None}, "message": "other"}, "other", ""),
        ({"message": ["a", 1]}, '["a",1]', ""),
    ],
)  # fmt: skip
def test_messages_come_as_text_or_as_template(
    fields: dict[str, Any], text: str, template: str
) -> None:
    event = error(fields)

    assert (event.message, event.template) == (text, template)


@pytest.mark.parametrize(
    "tags",
    [
        {"a": "1", "b": "true", "none": None},
        {"a": 1, "b": True, "list": []},
        [["a", "1"], ["b", "true"], ["odd"], None],
        [{"key": "a", "value": 1}, {"key": "b", "value": True}],
    ],
)
def test_tags_come_as_map_or_as_pairs(tags: Any) -> None:
    assert error({"tags": tags}).tags == {"a": "1", "b": "true"}


def test_tags_that_stand_for_fields_become_these() -> None:
    event = error({"tags": {"environment": "qa", "release": "r2", "x": "y"}, "release": "r1"})

    assert (event.environment, event.release, event.tags) == ("qa", "r1", {"x": "y"})


def test_an_event_without_environment_has_that_of_its_key() -> None:
    head = Head(environment="staging")

    assert error({}, head).environment == "staging"
    assert error({"environment": "qa"}, head).environment == "qa"


@pytest.mark.parametrize("crumbs", [{"values": [{"message": "x"}]}, [{"message": "x"}]])
def test_breadcrumbs_are_wrapped_or_not(crumbs: Any) -> None:
    assert [crumb.message for crumb in error({"breadcrumbs": crumbs}).breadcrumbs] == ["x"]


def test_a_user_may_have_any_keys() -> None:
    sent = {"id": 12, "email": None, "ip_address": "{{auto}}", "plan": "pro", "geo": {"city": "X"}}

    user = error({"user": sent}, Head(client_ip="198.51.100.9")).user

    assert (user.id, user.email, user.ip, user.key) == ("12", "", "198.51.100.9", "12")
    assert json_of(user.other) == {"plan": "pro", "geo": {"city": "X"}}


def test_a_request_is_read_from_any_shape() -> None:
    sent = {
        "url": "https://x.example/a",
        "method": "POST",
        "query_string": [["q", "1"], ["r", "a b"]],
        "headers": [["Accept", "*/*"], ["X", ["1", "2"]]],
        "cookies": "a=b",
        "data": {"form": [1]},
        "env": {"REMOTE_ADDR": "10.0.0.1"},
    }

    asked = error({"request": sent}).request

    assert asked is not None
    assert (asked.method, asked.query) == ("POST", "q=1&r=a+b")
    assert asked.headers == (("Accept", "*/*"), ("X", "1, 2"))
    assert (json_of(asked.cookies), json_of(asked.data)) == ("a=b", {"form": [1]})


@pytest.mark.parametrize(
    ("sent", "level"),
    [
        ("FATAL", "fatal"), ("warn", "warning"), ("Warning", "warning"), ("log", "info"),
        ("critical", "fatal"), (40, "error"), (30, "warning"), (10, "debug"), ("20", "info"),
        (50, "fatal"), (None, "error"), ("what", "error"), (True, "error"), ([], "error"),
    ],
)  # fmt: skip
def test_levels_are_words_in_any_case_or_numbers(sent: Any, level: str) -> None:
    assert error({"level": sent}).level == level


def test_the_trace_is_found_in_the_contexts() -> None:
    trace = {"trace_id": "8A2E-11", "span_id": "b7"}

    event = error({"contexts": {"trace": trace, "os": {"name": "Linux"}}})

    assert (event.trace_id, event.span_id) == ("8a2e11", "b7")
    assert json_of(event.contexts)["os"] == {"name": "Linux"}


def test_the_sdk_of_the_event_counts_before_that_of_the_request() -> None:
    head = Head(sdk="sentry.go 0.31.1")
    named = error({"sdk": {"name": "sentry.python", "version": "2.75.0"}}, head)
    unnamed = error({"sdk": None}, head)

    assert (named.sdk_name, named.sdk_version) == ("sentry.python", "2.75.0")
    assert (unnamed.sdk_name, unnamed.sdk_version) == ("sentry.go", "0.31.1")


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (["{{ default }}"], ()), ("one", ("one",)), (["a", 1, None], ("a", "1")),
        (["{{ default }}", "x"], ("{{ default }}", "x")), (None, ()), ([], ()),
    ],
)  # fmt: skip
def test_a_fingerprint_of_default_alone_is_none(sent: Any, found: tuple[str, ...]) -> None:
    assert error({"fingerprint": sent}).fingerprint == found


def test_a_type_that_stands_in_the_value_is_taken_out_of_it() -> None:
    (thrown,) = error({"exception": {"value": "TypeError: x is undefined"}}).exceptions

    assert (thrown.type, thrown.value) == ("TypeError", "x is undefined")


def test_a_value_that_is_missing_is_not_an_empty_one() -> None:
    missing, empty = error({"exception": [{"type": "E"}, {"type": "E", "value": ""}]}).exceptions

    assert (missing.value, empty.value) == (None, "")


@pytest.mark.parametrize(
    "value", [0, "", [], {}, None, True, 1.5, "x", [[]], [None], {"values": 3}]
)
def test_a_part_of_any_wrong_type_loses_nothing_else(value: Any) -> None:
    fields = (
        "exception", "stacktrace", "threads", "logentry", "tags", "user", "request", "contexts",
        "extra", "modules", "breadcrumbs", "sdk", "debug_meta", "fingerprint", "csp", "platform",
        "logger", "transaction", "release", "dist", "environment", "server_name",
    )  # fmt: skip
    for field in fields:
        event = error({"message": "kept", "level": "info", field: value})

        assert event.level == "info"
        assert event.message or field == "logentry"


def test_what_was_left_out_is_named_once() -> None:
    event = error({"tags": 3, "user": "ann", "breadcrumbs": [1, 2], "exception": {"type": ["x"]}})

    assert event.problems == (
        "tags: neither an object nor pairs, left out",
        "exception.type: not a text, left out",
        "user: not an object, left out",
        "breadcrumb: not an object, left out",
    )


def test_long_texts_are_cut_and_the_event_says_so() -> None:
    event = error({"exception": {"values": [{"type": "T" * 600, "value": "v" * 9_000}]}})

    assert (len(event.exceptions[0].type), len(event.exceptions[0].value or "")) == (512, 8_192)
    assert event.problems == (
        "exception.type: cut at 512 characters",
        "exception.value: cut at 8,192 characters",
    )


def test_of_a_long_stack_the_middle_is_left_out() -> None:
    frames = [{"function": f"f{number}"} for number in range(1_000)]

    (thrown,) = error({"exception": {"type": "E", "stacktrace": {"frames": frames}}}).exceptions

    assert len(thrown.frames) == MAX_FRAMES
    assert (thrown.frames[0].function, thrown.frames[-1].function) == ("f0", "f999")
    assert thrown.frames_left_out == 750


def test_lists_keep_their_newest() -> None:
    event = error(
        {
            "exception": [{"type": f"E{number}"} for number in range(60)],
            "breadcrumbs": [{"message": str(number)} for number in range(150)],
        }
    )

    assert len(event.exceptions) == MAX_EXCEPTIONS
    assert event.exceptions[-1].type == "E59"
    assert len(event.breadcrumbs) == MAX_BREADCRUMBS
    assert event.breadcrumbs[-1].message == "149"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (b'{"message": "a\\u0000b"}', "a�b"),
        (b'{"message": "a\\ud800b"}', "a�b"),
        (b'{"message": "a\\ud83d\\ude00b"}', "a😀b"),
        (b'{"message": "a\\\\ud800b"}', "a\\ud800b"),
        (b'{"message": "a\xffb"}', "a�b"),
        (b'{"message": "ab", "extra": {"x": NaN, "y": 1e400, "z": Infinity}}', "ab"),
        (b'{"message": "ab", "extra": {"n": ' + b"9" * 5_000 + b"}}", "ab"),
        (b'{"message": "ab", "extra": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "ab"),
        (b'{"message": "ab", "extra": {"x": ' * 3 + b'"\xff"' + b"}}" * 3, "ab"),
    ],
)
def test_what_is_nearly_json_is_read(item: bytes, message: str) -> None:
    event = error(item)

    assert event.message == message
    assert event_decoder.decode(event_encoder.encode(event)) == event


@pytest.mark.parametrize(
    "sent",
    [1_795_946_400.25, "1795946400.25", "2026-11-29T10:00:00.25Z", "2026-11-29T10:00:00.250000",
     "2026-11-29T11:00:00.25+01:00", "2026-11-29 10:00:00.250", 1_795_946_400_250],
)  # fmt: skip
def test_a_timestamp_is_a_number_or_iso(sent: Any) -> None:
    assert error({"timestamp": sent}).timestamp_us == NOW_US + 250_000


@pytest.mark.parametrize("sent", ["yesterday", "", [], {}, True, "9" * 400, 1e300])
def test_a_timestamp_that_cannot_be_read_is_the_time_of_arrival(sent: Any) -> None:
    event = error({"timestamp": sent})

    assert event.timestamp_us == NOW_US
    assert event.problems == ("timestamp: cannot be read, the time of arrival is used",)


def test_an_event_without_timestamp_has_the_time_of_arrival_and_no_problem() -> None:
    event = error({})

    assert (event.timestamp_us, event.problems, event.event_id) == (NOW_US, (), ID)


@pytest.mark.parametrize(
    ("sent", "moved"), [("2026-11-29T10:00:59Z", False), ("2026-11-29T10:01:01Z", True),
                        ("2026-10-31T10:00:00Z", False), ("2026-10-29T10:00:00Z", True)],
)  # fmt: skip
def test_what_lies_in_the_future_or_over_30_days_back_has_its_time_of_arrival(
    sent: str, moved: bool
) -> None:
    event = error({"timestamp": sent})

    assert (event.timestamp_us == NOW_US) is moved
    assert bool(event.problems) is moved


def test_a_clock_that_is_wrong_by_an_hour_is_corrected_in_every_moment() -> None:
    crumb = {"timestamp": "2026-11-29T07:58:00Z", "message": "before"}
    item = {"timestamp": "2026-11-29T07:59:00Z", "breadcrumbs": [crumb]}

    event = error(item, Head(sent_at="2026-11-29T08:00:00Z"))

    assert event.timestamp_us == NOW_US - 60_000_000
    assert event.breadcrumbs[0].timestamp_us == NOW_US - 120_000_000
    assert event.problems[0].startswith("timestamp: the sender's clock was wrong")


def test_a_clock_that_is_wrong_by_less_than_55_minutes_is_believed() -> None:
    event = error({"timestamp": "2026-11-29T09:06:00Z"}, Head(sent_at="2026-11-29T09:06:00Z"))

    assert event.timestamp_us == NOW_US - 54 * 60_000_000
    assert event.problems == ()


def test_a_report_of_a_content_security_policy_is_an_event() -> None:
    csp = {"effective_directive": "img-src", "blocked_uri": "http://evil.example", "x": 1}

    event = error({"logger": None, "csp": csp})

    assert (event.message, event.logger) == ("Blocked img-src from http://evil.example", "csp")
    assert json_of(event.contexts) == {"csp": csp}


def test_an_event_reads_the_same_from_its_body() -> None:
    event: ErrorEvent = error(
        {
            "timestamp": NOW,
            "exception": {"values": [THROWN | {"mechanism": {"type": "m", "handled": False}}]},
            "extra": {"a": [1]},
            "debug_meta": {"images": [{"type": "sourcemap", "debug_id": "x"}]},
        }
    )

    assert event_decoder.decode(event_encoder.encode(event)) == event
    assert json_of(event.debug_images) == [{"type": "sourcemap", "debug_id": "x"}]


def test_a_number_that_no_float_holds_can_be_read_back() -> None:
    event = error(b'{"message": "a", "extra": {"x": 1e400, "y": 1.5}}')

    assert json_of(event.extra) == {"x": float("inf"), "y": 1.5}


def test_duplicate_keys_and_unknown_ones_change_nothing() -> None:
    assert error(b'{"message": "a", "message": "b", "zzz": {"q": 1}}').message == "b"
    assert msgspec.json.decode(event_encoder.encode(error({"zzz": 1}))).get("zzz") is None
