"""What spans, records and metrics mean, beside their usage."""

import json
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from processors.otel.meaning import event_of, read_record, read_span
from processors.otel.names import standing_names
from processors.otel.records import measures_of, record_id
from schemas.otel.meanings import Agent, Failure, Message, Part, Tool
from schemas.otel.signals import Metric, Point, Resource, Scope
from tests.unit.processors.otel.made import record, span
from tests.unit.processors.otel.senders import SENDERS, Told

SEED = 20_261_130
HELLO = [Message("user", [Part("text", text="Hi")])]
ANSWER = [Message("assistant", [Part("text", text="Hello")])]
CALLED = Part("tool_call", id="c1", name="find", value={"q": "x"})
MESSAGES: dict[str, dict[str, Any]] = {
    "genai": {
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
        ),
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}
        ],
    },
    "openllmetry": {
        "gen_ai.prompt.0.content": "Hi",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Hello",
    },
    "openinference": {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": "Hi",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Hello",
        "input.value": "{}",
    },
    "vercel": {
        "ai.prompt.messages": '[{"role":"user","content":[{"type":"text","text":"Hi"}]}]',
        "ai.response.text": "Hello",
    },
    "langfuse": {
        "langfuse.observation.input": '[{"role":"user","content":"Hi"}]',
        "langfuse.observation.output": '{"role":"assistant","content":"Hello"}',
    },
    "pulse": {
        "pulse.metadata.pulse.request": '{"messages":[{"role":"user","content":"Hi"}]}',
        "pulse.metadata.pulse.response": (
            '{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}'
        ),
    },
    "adk": {
        "gcp.vertex.agent.llm_request": '{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}',
        "gcp.vertex.agent.llm_response": '{"content":{"role":"model","parts":[{"text":"Hello"}]}}',
    },
    "logfire": {
        "request_data": '{"messages":[{"role":"user","content":"Hi"}]}',
        "response_data": '{"message":{"role":"assistant","content":"Hello"}}',
    },
}


class TestNames:
    def test_each_name_of_a_flavour_begins_with_a_root(self) -> None:
        names = standing_names()
        known = {name for one in names.flavour for name in (*one.attributes, *one.prefixes)}

        assert {name for name in known if not name.startswith(names.roots)} == set()

    def test_each_table_speaks_of_what_there_is(self) -> None:
        names = standing_names()
        flavours = {one.name for one in names.flavour}
        only = {
            name for rule in (*names.kind, *names.cost, *names.first_token) for name in rule.only
        }

        assert flavours >= {*names.only, *names.only_counts, *only}
        assert all(names.fields.keys() >= fields.keys() for fields in names.only.values())
        assert all(names.counts.keys() >= one.counts.keys() for one in names.object)
        assert names.terms.keys() == names.terms_standard.keys()


class TestMessages:
    @pytest.mark.parametrize("name", sorted(MESSAGES))
    def test_they_are_the_same_from_every_sender(self, name: str) -> None:
        found = read_span(span({"gen_ai.operation.name": "chat", **MESSAGES[name]})).call

        assert found is not None
        assert found.input == HELLO
        assert found.output == ANSWER

    def test_events_hold_them_in_older_versions(self) -> None:
        events = [
            ("gen_ai.user.message", 1, {"content": "Hi"}),
            ("gen_ai.choice", 2, {"index": 0, "message": '{"role":"assistant","content":"Hello"}'}),
        ]
        found = read_span(
            span({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}, events=events)
        )

        assert found.call is not None
        assert (found.call.input, found.call.output) == (HELLO, ANSWER)

    @pytest.mark.parametrize(
        "sent",
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "function": {"name": "find", "arguments": '{"q":"x"}'}}
                ],
            },
            {
                "role": "assistant",
                "parts": [
                    {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": "x"}}
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "x"}}],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool-call",
                        "toolCallId": "c1",
                        "toolName": "find",
                        "args": {"q": "x"},
                    }
                ],
            },
            {
                "role": "model",
                "parts": [{"functionCall": {"id": "c1", "name": "find", "args": {"q": "x"}}}],
            },
        ],
    )
    def test_calls_of_tools_are_one_form(self, sent: dict[str, Any]) -> None:
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps([sent])}
        found = read_span(span(attributes)).call

        assert found is not None
        assert found.output == [Message("assistant", [CALLED])]

    def test_the_system_prompt_comes_first(self) -> None:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.system_instructions": '[{"type":"text","content":"Be brief"}]',
            **MESSAGES["genai"],
        }
        found = read_span(span(attributes)).call

        assert found is not None
        assert found.input == [Message("system", [Part("text", text="Be brief")]), *HELLO]

    def test_pieces_come_in_any_order_and_an_index_costs_nothing(self) -> None:
        attributes = {
            "llm.request.type": "chat",
            "gen_ai.prompt.999999999.content": "b",
            "gen_ai.prompt.2.content": "a",
        }
        found = read_span(span(attributes)).call

        assert found is not None
        assert [one.parts[0].text for one in found.input] == ["a", "b"]


class TestKinds:
    @pytest.mark.parametrize(
        ("attributes", "scope", "name", "kind", "role"),
        [
            ({"http.request.method": "GET", "input_tokens": 5}, "", "GET /", "span", "none"),
            ({"gen_ai.operation.name": "execute_tool"}, "", "t", "tool", "none"),
            ({"gen_ai.operation.name": "embeddings"}, "", "e", "embedding", "inference"),
            (
                {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 3},
                "",
                "a",
                "agent",
                "wrapper",
            ),
            ({"openinference.span.kind": "RETRIEVER"}, "", "r", "retriever", "none"),
            (
                {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 3},
                "ai",
                "g",
                "chain",
                "wrapper",
            ),
            ({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "t"}, "ai", "g", "tool", "none"),
            ({"traceloop.span.kind": "workflow"}, "", "w", "chain", "none"),
            ({"langfuse.observation.type": "guardrail"}, "", "w", "guardrail", "none"),
            (
                {
                    "gen_ai.system": "openai",
                    "gen_ai.request.model": "m",
                    "gen_ai.usage.prompt_tokens": 1,
                },
                "",
                "x",
                "llm",
                "inference",
            ),
            ({"llm.openai.id": "r"}, "litellm", "raw_gen_ai_request", "llm", "copy"),
            ({"session.id": "s"}, "", "claude_code.interaction", "agent", "none"),
            ({"pulse.kind": "tool_use", "pulse.tool.name": "t"}, "", "t", "tool", "none"),
            ({"mlflow.spanType": "RERANKER"}, "", "t", "reranker", "inference"),
        ],
    )
    def test_a_span_is_what_its_sender_says(
        self, attributes: dict[str, Any], scope: str, name: str, kind: str, role: str
    ) -> None:
        found = read_span(span(attributes, scope, name))

        assert (found.kind, found.role) == (kind, role)

    def test_a_plain_span_keeps_all_of_its_attributes(self) -> None:
        attributes = {"http.route": "/", "db.system": "mysql", "model": "T", "input_tokens": 5}
        found = read_span(span(attributes, resource={"service.name": "shop"}))

        assert (found.rest, found.flavour, found.call) == (attributes, "", None)
        assert found.service == "shop"


class TestFields:
    def test_a_call_has_what_was_said_of_it(self) -> None:
        attributes = {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.request.seed": 7,
            "llm.provider": "openai",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 5,
            "llm.cost.total": 0.002,
            "llm.invocation_parameters": '{"temperature":0.5}',
            "gen_ai.response.finish_reasons": ["length"],
            "gen_ai.response.time_to_first_chunk": 0.25,
            "openai.response.service_tier": "flex",
            "session.id": "s",
            "user.id": "u",
            "tag.tags": ["a", "b"],
            "metadata": '{"plan":"pro"}',
            "custom.one": 1,
        }
        found = read_span(span(attributes, resource={"deployment.environment": "prod"}))

        assert found.call is not None
        assert (found.call.provider, found.call.model_requested) == ("openai", "gpt-4o")
        assert found.call.reported_usd == Decimal("0.002")
        assert found.call.parameters == {"temperature": 0.5, "seed": 7}
        assert (found.call.finish_reason, found.call.first_token_ms) == ("length", 250.0)
        assert found.call.terms == (("service_tier", "flex"),)
        assert (found.session_id, found.user_id, found.environment) == ("s", "u", "prod")
        assert (found.tags, found.metadata) == (["a", "b"], {"plan": "pro"})
        assert found.rest == {"custom.one": 1}

    def test_what_contradicts_the_first_name_is_kept(self) -> None:
        attributes = {
            "gen_ai.provider.name": "openai",
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.prompt_tokens": 10,
            "llm.usage.prompt_tokens": 11,
        }

        assert read_span(span(attributes)).rest == {"llm.usage.prompt_tokens": 11}

    def test_pulse_gives_cents_and_its_own_metadata(self) -> None:
        sent = SENDERS["pulse"].send(Told("openai", "gpt-4o", 5, 6))
        own = {"pulse.metadata.userId": "u", "pulse.metadata.turn": "1", "plan": "pro"}
        found = read_span(span({**sent.attributes, **own}, sent.scope.name))

        assert found.call is not None
        assert found.call.reported_usd == Decimal("0.001125")
        assert (found.call.finish_reason, found.user_id) == ("stop", "u")
        assert (found.event, found.metadata) == ("provider_call", {"turn": "1", "plan": "pro"})
        assert found.rest == {"pulse.source": "sdk"}

    @pytest.mark.parametrize(
        "attributes",
        [
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "find",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.call.arguments": '{"q":1}',
                "gen_ai.tool.call.result": "r",
            },
            {
                "ai.operationId": "ai.toolCall",
                "ai.toolCall.name": "find",
                "ai.toolCall.id": "c1",
                "ai.toolCall.args": '{"q":1}',
                "ai.toolCall.result": '"r"',
            },
            {
                "pulse.kind": "tool_use",
                "pulse.tool.name": "find",
                "pulse.tool.id": "c1",
                "pulse.tool.input": {"q": 1},
                "pulse.tool.response": "r",
            },
            {
                "openinference.span.kind": "TOOL",
                "tool.name": "find",
                "tool.id": "c1",
                "tool.parameters": '{"q":1}',
                "output.value": "r",
            },
        ],
    )
    def test_a_tool_is_one_form(self, attributes: dict[str, Any]) -> None:
        assert read_span(span(attributes)).tool == Tool("find", "c1", {"q": 1}, "r")

    def test_a_failure_is_the_exception_before_the_status(self) -> None:
        thrown = {"exception.type": "Late", "exception.message": "too late"}
        found = read_span(
            span({}, status="error", status_message="no", events=[("exception", 1, thrown)])
        )

        assert found.failure == Failure("Late", "too late")
        assert read_span(span({}, status="error", status_message="no")).failure == Failure(
            None, "no"
        )
        assert read_span(span({"error.type": "x"})).failure is None

    def test_an_agent_has_its_parent(self) -> None:
        attributes = {"agent_id": "b", "parent_agent_id": "a"}

        found = read_span(span(attributes, name="claude_code.llm_request"))
        assert found.agent == Agent(None, "b", "a")


class TestRecords:
    def test_claude_codes_name_stands_in_the_body_too(self) -> None:
        found = record({"event.name": "tool_result"}, body="claude_code.tool_result")

        assert event_of(found) == "claude_code.tool_result"

    def test_an_error_of_the_api_is_a_call_that_failed(self) -> None:
        attributes = {"event.name": "api_error", "error": "overloaded", "model": "claude-opus-4-5"}
        found = read_record(record(attributes, body="claude_code.api_error"))

        assert (found.kind, found.failure) == ("llm", Failure(None, "overloaded"))

    def test_a_record_that_is_a_message_belongs_to_a_span(self) -> None:
        attributes = {"gen_ai.system": "openai", "content": "Hi"}
        found = read_record(record(attributes, event_name="gen_ai.user.message"))

        assert found.call is not None
        assert (found.kind, found.role, found.call.input) == ("event", "none", HELLO)

    def test_any_other_is_an_event(self) -> None:
        found = read_record(record({"a": 1}, body="started"))

        assert (found.kind, found.event, found.rest) == ("event", "", {"a": 1})

    def test_a_record_that_is_sent_again_has_the_same_name(self) -> None:
        one, other = record({"a": 1, "b": [1]}), record({"b": [1], "a": 1})

        assert record_id(one) == record_id(other) != record_id(record({"a": 2}))


class TestMetrics:
    def test_claude_codes_points_are_measures(self) -> None:
        attributes = {"session.id": "s", "model": "m", "type": "cacheRead"}
        metric = Metric(
            name="claude_code.token.usage",
            kind="sum",
            temporality="delta",
            points=[Point(attributes=dict(attributes), time_ns=5, value=7)],
            resource=Resource(),
            scope=Scope(),
        )
        [found] = measures_of(metric)

        assert found[:7] == ("tokens", 7.0, True, 5, "s", "m", "cacheRead")
        assert measures_of(msgspec.structs.replace(metric, name="http.server.duration")) == []


class TestHostileValues:
    @pytest.mark.parametrize("name", sorted(SENDERS))
    def test_any_value_under_any_name_is_read(self, name: str) -> None:
        chance = random.Random(f"{SEED}/{name}")
        provider = min(SENDERS[name].providers or {"openai"})
        sent = SENDERS[name].send(Told(provider, "m", 5, 6))
        known = sorted({one for names in standing_names().fields.values() for one in names})
        values: list[Any] = [
            *(None, True, -1, 2**63, 1e308, float("nan"), "", "[", "{}", "[[]]", b"x", [], {}),
            *(
                [None],
                [[{"role": 5}]],
                {"role": {}},
                {"messages": [{}]},
                '{"content":[{"type":[]}]}',
            ),
            *("9" * 40, "\x00", {"message": {"message": {"message": {"message": {}}}}}),
        ]

        for _ in range(60):
            changed = {one: chance.choice(values) for one in chance.sample(known, 8)}
            kept = {
                key: chance.choice([value, chance.choice(values)])
                for key, value in sent.attributes.items()
            }
            both = {**kept, **changed}
            msgspec.json.encode(
                read_span(span(both, sent.scope.name, events=[("gen_ai.choice", 1, both)]))
            )
            msgspec.json.encode(read_record(record(both, sent.scope.name)))
