"""What unmodified libraries were seen to send (tests/clients/otlp), and what it means."""

import json
from typing import Any

from processors.otel.meaning import read_span
from schemas.otel.meanings import Message, Part, Usage
from tests.unit.processors.otel.made import span

LITELLM = (
    "{'completion_tokens': 200, 'prompt_tokens': 4100, 'total_tokens': 4300, "
    "'prompt_tokens_details': {'audio_tokens': None, "
    "'cached_tokens': 3000, 'cache_creation_tokens': 1000, "
    "'cache_creation_token_details': {'ephemeral_5m_input_tokens': 600, "
    "'ephemeral_1h_input_tokens': 400}}, 'cache_creation_input_tokens': 1000, "
    "'cache_read_input_tokens': 3000, 'service_tier': 'standard'}"
)
ASKED = Message("user", [Part("text", text="How?")])
SAID = Message("assistant", [Part("text", text="So.")])


def litellm(usage: Any) -> Any:
    return span(
        {
            "gen_ai.request.model": "claude-sonnet-4-5-20250929",
            "gen_ai.system": "anthropic",
            "gen_ai.usage.input_tokens": 4100,
            "gen_ai.usage.output_tokens": 200,
            "metadata.usage_object": usage,
            "metadata.user_api_key_hash": "",
            "metadata.team": "shop",
        },
        "litellm",
        "litellm_request",
    )


def responses(asked: Any, answered: Any) -> Any:
    return span(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "input.value": json.dumps(asked),
            "output.value": json.dumps(answered),
        },
        "openinference.instrumentation.openai",
    )


class TestLiteLLM:
    def test_tokens_of_a_cache_stand_in_an_object_in_pythons_writing(self) -> None:
        call = read_span(litellm(LITELLM)).call

        assert call is not None
        assert call.usage == Usage(4100, 200, 3000, 1000, 400)

    def test_what_is_no_object_counts_nothing(self) -> None:
        call = read_span(litellm("{'prompt_tokens': Usage(1)}")).call

        assert call is not None
        assert call.usage == Usage(4100, 200)

    def test_names_without_a_value_are_no_metadata(self) -> None:
        found = read_span(litellm(LITELLM))

        assert (found.metadata, found.rest) == ({"team": "shop"}, {})


class TestAnthropicsOwnClient:
    def test_says_for_how_long_it_writes_to_a_cache_and_why_it_ended(self) -> None:
        call = read_span(
            span(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": "anthropic",
                    "gen_ai.request.model": "claude-sonnet-4-5-20250929",
                    "gen_ai.usage.input_tokens": 4100,
                    "gen_ai.usage.output_tokens": 200,
                    "gen_ai.usage.cache_read.input_tokens": 3000,
                    "gen_ai.usage.cache_write.input_tokens": 1000,
                    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 0,
                    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1000,
                    "anthropic.message.stop_reason": "end_turn",
                },
                "com.anthropic.sdk.python",
            )
        ).call

        assert call is not None
        assert call.usage == Usage(4100, 200, 3000, 1000, 1000)
        assert call.finish_reason == "end_turn"


class TestResponsesOfOpenAI:
    def test_a_text_and_its_answer_are_messages(self) -> None:
        text = [{"type": "output_text", "text": "So.", "annotations": []}]
        said = {"id": "m", "type": "message", "role": "assistant", "content": text}
        call = read_span(
            responses({"model": "gpt-4o", "input": "How?"}, {"id": "r", "output": [said]})
        ).call

        assert call is not None
        assert (call.input, call.output) == ([ASKED], [SAID])

    def test_items_without_a_role_are_the_models_and_the_tools(self) -> None:
        called = {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "c", "output": "none"}
        asked = [{"type": "message", "role": "user", "content": "How?"}, called, result]
        call = read_span(responses({"model": "gpt-4o", "input": asked}, None)).call

        assert call is not None
        assert [one.role for one in call.input] == ["user", "assistant", "tool"]
        assert call.input[1].parts == [Part("tool_call", id="c", name="find", value={})]
        assert call.input[2].parts == [Part("tool_result", id="c", value="none")]


class TestLangfuse:
    def test_a_call_of_which_only_the_model_is_told_is_of_the_models_maker(self) -> None:
        attributes = {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o-2024-11-20",
        }
        found = read_span(span(attributes, "langfuse-sdk")).call
        elsewhere = read_span(
            span({**attributes, "server.address": "models.example.org"}, "langfuse-sdk")
        ).call

        assert found is not None
        assert elsewhere is not None
        assert (found.provider, elsewhere.provider) == ("openai", None)


class TestFirstToken:
    def test_it_is_the_first_event_of_a_stream(self) -> None:
        start_ns = span({}).start_ns
        times = [start_ns + 5_000_000, start_ns + 9_000_000]
        sent = span(
            {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o"},
            events=[("First Token Stream Event", time_ns, {}) for time_ns in times],
        )
        call = read_span(sent).call

        assert call is not None
        assert call.first_token_ms == 5.0


class TestPulseForPython:
    def test_its_metadata_stand_under_names_of_their_own(self) -> None:
        found = read_span(
            span(
                {
                    "pulse.kind": "llm_call",
                    "pulse.source": "sdk",
                    "gen_ai.request.model": "gpt-4o",
                    "userId": "ann",
                    "turn": "1",
                    "pulse.response": json.dumps({"content": None, "input_tokens": 5}),
                },
                "pulse-trace-sdk",
            )
        )

        assert (found.metadata, found.user_id) == ({"turn": "1"}, "ann")
        assert found.rest.keys() == {"pulse.source", "pulse.response"}
        assert found.call is not None
        assert found.call.output == []
