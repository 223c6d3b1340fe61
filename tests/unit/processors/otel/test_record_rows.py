"""Log records become rows of the logs explorer, calls, events of agents, and messages."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from processors.columns import Columns, SentChunk
from processors.errors.masking.mask import mask
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.otel.record_steps import build_records
from processors.otel.steps import build_spans
from schemas.errors.masking import MaskRules
from schemas.otel.items import Packed, pack
from schemas.projects import ProjectId

NOW_US = 1_795_226_991_000_000
AT_NS = 1_795_226_990_809_000_000
SESSION = "cec62d6f-60f8-43e8-a67b-133b2a138a83"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
SONNET = "claude-sonnet-4-5-20250929"


def unmasked(_: ProjectId) -> Callable[[bytes], bytes]:
    return lambda item: item


def item(body: dict[str, Any], resource: dict[str, Any] | None = None, scope: str = "") -> bytes:
    around = {"attributes": pairs(resource or {})}
    head = {"name": scope}
    sent = (msgspec.json.encode(one) for one in (around, head, body))
    resource_bytes, scope_bytes, body_bytes = sent
    return pack(Packed("json", resource_bytes, "", scope_bytes, "", body_bytes))


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value_of(value)} for key, value in attributes.items()]


def value_of(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def record(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"timeUnixNano": str(AT_NS), "attributes": pairs(attributes), **fields}


def claude(event: str, attributes: dict[str, Any], **fields: Any) -> bytes:
    told = {"event.name": event, "session.id": SESSION, "user.email": "ann@x.example", **attributes}
    body = {"stringValue": f"claude_code.{event}"}
    return item(
        record(told, body=body, **fields),
        {"service.name": "claude-code", "service.version": "2.1.0"},
        "com.anthropic.claude_code.events",
    )


def api_request(request_id: str = "req_A", **changed: Any) -> bytes:
    told = {"model": SONNET, "input_tokens": "1000", "output_tokens": "50", "duration_ms": "500"}
    more = {"cache_read_tokens": "0", "cache_creation_tokens": "0", "cost_usd": "0.00375"}
    return claude("api_request", {**told, **more, "request_id": request_id, **changed})


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    return load_book(tmp_path_factory.mktemp("prices"))


@pytest.fixture
def build(book: PriceBook) -> Callable[..., Columns]:
    def built(*items: bytes, mask_of: Any = unmasked) -> Columns:
        ids = [f"{number:032x}" for number in range(len(items))]
        chunk = SentChunk(ProjectId("p"), NOW_US, items, ids)
        return build_records(Prices(book), mask_of, [chunk])

    return built


def row(columns: Columns, table: str, number: int = 0) -> dict[str, Any]:
    arrays = columns.tables[table].arrays
    return {name: as_python(array[number]) for name, array in arrays.items()}


def as_python(value: pa.Scalar) -> Any:
    return value.value if pa.types.is_timestamp(value.type) else value.as_py()


class TestLogs:
    def test_a_record_has_what_it_and_its_sender_say(self, build: Callable[..., Columns]) -> None:
        sent = record(
            {"order": 42, "paid": True, "service.name": "own"},
            body={"stringValue": "order 42 is paid"},
            severityNumber=13,
            severityText="WARN",
            observedTimeUnixNano=str(AT_NS + 1_000_000),
            traceId=TRACE,
            spanId=SPAN,
        )
        resource = {
            "service.name": "shop",
            "service.version": "1.4",
            "deployment.environment.name": "production",
            "host.name": "web-1",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": "1.39",
            "telemetry.sdk.language": "python",
        }

        found = row(build(item(sent, resource, "shop.orders")), "logs")

        assert (found["body"], found["severity"], found["severity_text"]) == (
            *("order 42 is paid", 13, "WARN"),
        )
        assert (found["timestamp"], found["observed_at"]) == (
            *(AT_NS // 1_000, AT_NS // 1_000 + 1_000),
        )
        assert (found["trace_id"], found["span_id"]) == (TRACE, SPAN)
        assert (found["logger"], found["service"], found["release"]) == (
            *("shop.orders", "own", "1.4"),
        )
        assert (found["environment"], found["server_name"]) == ("production", "web-1")
        assert (found["platform"], found["sdk"]) == ("python", "opentelemetry 1.39")
        assert found["convention"] == "otel"
        kept = msgspec.json.decode(found["attributes"])
        assert kept["order"] == "#42"
        assert kept["paid"] == "?true"
        assert kept["service=2Ename"] == "=own"
        assert kept["host=2Ename"] == "=web-1"

    def test_a_record_without_a_time_is_of_its_arrival(self, build: Callable[..., Columns]) -> None:
        found = row(build(item({"body": {"stringValue": "x"}})), "logs")

        assert (found["timestamp"], found["observed_at"]) == (NOW_US, NOW_US)

    def test_a_body_that_is_no_text_becomes_its_json(self, build: Callable[..., Columns]) -> None:
        sent = record({}, body=value_of({"a": True}))

        assert row(build(item(sent)), "logs")["body"] == '{"a":true}'

    def test_personal_data_is_masked_as_in_other_logs(self, build: Callable[..., Columns]) -> None:
        sent = record({"password": "hunter2"}, body={"stringValue": "card 4111 1111 1111 1111"})
        masking = partial(mask, rules=MaskRules())

        found = row(build(item(sent), mask_of=lambda _: masking), "logs")

        assert "hunter2" not in found["attributes"].decode()
        assert "4111 1111" not in found["body"]

    def test_what_is_too_much_is_cut_and_said(self, build: Callable[..., Columns]) -> None:
        many = {f"a{number}": "x" for number in range(300)}

        found = row(build(item(record({**many, "a0": "x" * 9_000}))), "logs")

        assert len(msgspec.json.decode(found["attributes"])) == 200
        assert found["problems"] == [
            "attributes.a0: cut at 8,192 characters",
            "attributes: 200 kept, of 300",
        ]

    def test_what_is_no_item_is_dead_and_its_neighbour_is_not(
        self, build: Callable[..., Columns]
    ) -> None:
        found = build(b"\xff no item", item(record({})))

        assert found.ids == [f"{1:032x}"]
        assert list(found.dead) == [0]


class TestCalls:
    def test_a_call_of_claude_code_is_a_row_that_began_before_it_was_told(
        self, build: Callable[..., Columns]
    ) -> None:
        columns = build(api_request())

        call = row(columns, "traces")
        assert (call["model_requested"], call["input_tokens"], call["output_tokens"]) == (
            *(SONNET, 1000, 50),
        )
        assert call["computed_cost"] is not None
        assert (call["scope"], call["role"], call["billing"]) == (
            *(f"session:{SESSION}", "inference", ""),
        )
        assert (call["timestamp"], call["latency_ms"]) == (AT_NS // 1_000 - 500_000, 500.0)
        assert (call["session_id"], call["span_id"]) == (SESSION, "")
        assert row(columns, "logs")["body"] == "claude_code.api_request"
        assert row(columns, "logs")["user_key"] == "ann@x.example"
        assert columns.tables["spans"].arrays["kind"].to_pylist() == []

    def test_a_call_that_two_records_tell_is_billed_once(
        self, build: Callable[..., Columns]
    ) -> None:
        again = api_request(**{"event.sequence": 7})

        found = build(api_request(), again, api_request("req_B"))

        billing = found.tables["traces"].arrays["billing"].to_pylist()
        assert sorted(billing) == ["", "", "told_twice"]
        assert billing[2] == ""

    def test_records_without_a_session_and_a_trace_are_each_their_own(
        self, build: Callable[..., Columns]
    ) -> None:
        alone = api_request(**{"session.id": ""})

        scopes = build(alone, alone).tables["traces"].arrays["scope"].to_pylist()

        assert scopes == [f"trace:{0:032x}", f"trace:{1:032x}"]


class TestAgents:
    def test_a_prompt_is_what_hooks_call_it(self, build: Callable[..., Columns]) -> None:
        found = row(build(claude("user_prompt", {"prompt": "fix it", "prompt_length": 6})), "spans")

        assert (found["kind"], found["event_type"]) == ("user_prompt", "user_prompt_submit")
        assert (found["session_id"], found["source"]) == (SESSION, "claude_code")
        assert msgspec.json.decode(found["metadata"])["prompt"] == "fix it"

    @pytest.mark.parametrize(
        ("success", "event", "status"),
        [("true", "post_tool_use", "success"), ("false", "post_tool_use_failure", "error")],
    )
    def test_a_use_of_a_tool_has_its_duration_and_its_end(
        self, build: Callable[..., Columns], success: str, event: str, status: str
    ) -> None:
        told = {"tool_name": "Bash", "tool_use_id": "tu_1", "duration_ms": "1250"}
        told |= {"success": success, "error": "exit 1", "tool_parameters": '{"command":"ls"}'}

        found = row(build(claude("tool_result", told)), "spans")

        assert (found["kind"], found["event_type"], found["status"]) == ("tool_use", event, status)
        assert (found["tool_name"], found["tool_use_id"]) == ("Bash", "tu_1")
        assert (found["duration_ms"], found["pair_role"]) == (1250.0, "")
        assert msgspec.json.decode(found["tool_input"]) == {"command": "ls"}

    @pytest.mark.parametrize("name", ["tool_decision", "assistant_response", "skill_activated"])
    def test_what_hooks_do_not_tell_keeps_its_name(
        self, build: Callable[..., Columns], name: str
    ) -> None:
        found = row(build(claude(name, {"tool_name": "Bash", "decision": "accept"})), "spans")

        assert (found["kind"], found["event_type"]) == ("event", name)
        assert msgspec.json.decode(found["metadata"])["decision"] == "accept"

    def test_a_failed_call_is_a_call_and_no_event(self, build: Callable[..., Columns]) -> None:
        told = {"model": SONNET, "error": "overloaded", "status_code": "529"}

        columns = build(claude("api_error", told))

        assert row(columns, "traces")["status"] == "error"
        assert columns.tables["spans"].arrays["kind"].to_pylist() == []


class TestMessages:
    def test_a_message_is_stored_once_and_the_record_has_its_name(
        self, build: Callable[..., Columns]
    ) -> None:
        sent = record(
            {"gen_ai.system": "openai"},
            eventName="gen_ai.user.message",
            body=value_of({"content": "a secret question"}),
            traceId=TRACE,
            spanId=SPAN,
        )

        columns = build(item(sent), item({**sent, "timeUnixNano": str(AT_NS + 1)}))

        log, second = row(columns, "logs"), row(columns, "logs", 1)
        assert log["body"] == "gen_ai.user.message"
        assert "secret" not in log["attributes"].decode()
        assert log["input_messages"] == second["input_messages"] != []
        message = row(columns, "messages")
        assert (message["hash"], message["role"]) == (log["input_messages"][0], "user")
        assert b"a secret question" in message["body"]
        assert columns.tables["traces"].arrays["scope"].to_pylist() == []

    def test_the_details_of_a_call_hold_both_sides(self, build: Callable[..., Columns]) -> None:
        def said(role: str, text: str) -> str:
            parts = [{"type": "text", "content": text}]
            return msgspec.json.encode([{"role": role, "parts": parts}]).decode()

        told = {
            "gen_ai.input.messages": said("user", "asked"),
            "gen_ai.output.messages": said("assistant", "answered"),
            "gen_ai.usage.input_tokens": 7,
        }
        name = "gen_ai.client.inference.operation.details"

        log = row(build(item(record(told, eventName=name))), "logs")

        assert (len(log["input_messages"]), len(log["output_messages"])) == (1, 1)
        kept = msgspec.json.decode(log["attributes"])
        assert set(kept) == {"event=2Ename", "gen_ai=2Eusage=2Einput_tokens"}

    def test_a_message_that_nobody_can_read_stays_in_the_record(
        self, build: Callable[..., Columns]
    ) -> None:
        sent = record({"other": "text"}, eventName="gen_ai.user.message")

        log = row(build(item(sent)), "logs")

        assert msgspec.json.decode(log["attributes"])["other"] == "=text"
        assert log["input_messages"] == []


def test_the_marks_of_spans_are_settled_as_before(book: PriceBook) -> None:
    def span(span_id: str, parent: str = "") -> bytes:
        told = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 5,
        }
        ends = {"startTimeUnixNano": str(AT_NS), "endTimeUnixNano": str(AT_NS + 1)}
        ids = {"traceId": TRACE, "spanId": span_id, "parentSpanId": parent, "name": "chat"}
        return item({**ids, **ends, "attributes": pairs(told)})

    chunk = SentChunk(ProjectId("p"), NOW_US, [span(SPAN), span("aee19b7ec3c1b174", SPAN)], [])

    columns = build_spans(Prices(book), [chunk])

    assert columns.tables["traces"].arrays["billing"].to_pylist() == ["repeated", ""]
