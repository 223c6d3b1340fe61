"""Tables of LLM calls and agents that are an interface."""

from clickhouse.exports.columns import Column, optional
from clickhouse.exports.tables import Exported, Key

TOKENS = (
    optional("input_tokens", "integer", "Tokens of the request, cached ones too."),
    optional("output_tokens", "integer", "Tokens of the answer, those of reasoning too."),
    optional("cache_read_tokens", "integer", "Of the request, those read from a cache."),
    optional("cache_write_tokens", "integer", "Of the request, those written to a cache."),
    optional("reasoning_tokens", "integer", "Of the answer, those of reasoning."),
)
COSTS = (
    optional("computed_cost", "money", "What it costs by Sluice's prices; none: unpriced.", "USD"),
    optional("reported_cost", "money", "What its sender says that it costs.", "USD"),
    Column("price_id", "text", "The price that computed_cost comes from."),
)
RECEIVED = Column("received_at", "time", "When Sluice took it in.")

TRACES = Exported(
    "traces",
    "LLM calls, one a row.",
    key=(Key("timestamp", "time"), Key("trace_id", "text")),
    size="request_body.size + length(response_body) + length(error) + length(metadata)"
    " + ifNull(output_text.size, 0)",
    columns=(
        Column("trace_id", "text", "Id of the call, unique in the project."),
        Column("session_id", "text", "The conversation that it belongs to; empty: none."),
        Column("timestamp", "time", "When the call began, as its sender says."),
        RECEIVED,
        Column("provider", "text", "Who was asked, as `openai`."),
        Column("model_requested", "text", "The model that was asked for."),
        optional("model_used", "text", "The model that answered."),
        optional("provider_request_id", "text", "The provider's id of the call."),
        Column("status", "text", "`success` or `error`."),
        Column("latency_ms", "number", "From the request to the whole answer.", "ms"),
        optional("first_token_ms", "number", "From the request to the first token.", "ms"),
        *TOKENS,
        *COSTS,
        Column("environment", "text", "As `production`; empty: not said."),
        Column("user_id", "text", "For whom it was made; empty: not said."),
        optional("finish_reason", "text", "Why the model stopped."),
        optional("output_text", "text", "The answer as text."),
        Column("request_body", "json", "The request as it was sent to the provider."),
        Column("response_body", "json", "The answer as it came."),
        Column("error", "json", "What went wrong."),
        Column("metadata", "json", "What the sender said beside."),
        Column("billing", "text", "Why it is not billed, as `repeated`; empty: it is billed."),
        Column("span_id", "text", "The span of OpenTelemetry that told it; empty: none."),
        Column("parent_span_id", "text", "The span above that one."),
        Column("service", "text", "The service that made the call, where a span told it."),
        Column("convention", "text", "The convention of OpenTelemetry that it was told by."),
        Column("input_messages", "hashes", "What the model was told: `hash` of `messages`."),
        Column("output_messages", "hashes", "What it answered: `hash` of `messages`."),
    ),
)
SPANS = Exported(
    "spans",
    "Events of agents: tool calls, prompts, answers.",
    key=(Key("timestamp", "time"), Key("span_id", "text")),
    size="length(tool_input) + length(tool_response) + length(error) + length(metadata)",
    columns=(
        Column("span_id", "text", "Id of the event, unique in the project."),
        Column("session_id", "text", "The run that it belongs to."),
        optional("parent_span_id", "text", "The event above it."),
        Column("timestamp", "time", "When it happened, as its sender says."),
        RECEIVED,
        optional("duration_ms", "number", "How long it took, where its sender says.", "ms"),
        Column("source", "text", "The agent, as `claude_code`."),
        Column("kind", "text", "As `tool_use` or `llm_response`."),
        Column("event_type", "text", "The sender's name of the event."),
        Column("status", "text", "`success` or `error`."),
        optional("tool_use_id", "text", "What the start and the end of a tool call share."),
        optional("tool_name", "text", "The tool."),
        optional("is_interrupt", "bool", "Whether a person broke it off."),
        optional("cwd", "text", "The folder that the agent worked in."),
        optional("model", "text", "The model."),
        optional("agent_name", "text", "The name of the agent."),
        optional("provider", "text", "Who runs the model."),
        *TOKENS,
        *COSTS,
        Column("tool_input", "json", "What the tool was given."),
        Column("tool_response", "json", "What it answered."),
        Column("error", "json", "What went wrong."),
        Column("metadata", "json", "What the sender said beside."),
        Column("trace_id", "text", "The distributed trace, where OpenTelemetry told it."),
        Column("service", "text", "The service, where OpenTelemetry told it."),
        Column("convention", "text", "The convention of OpenTelemetry that it was told by."),
    ),
    equal=("session_id", "source", "kind", "tool_name", "status", "service"),
)
MESSAGES = Exported(
    "messages",
    "What models were told and answered over OpenTelemetry, each text once a day.",
    key=(Key("received_date", "date"), Key("hash", "hash")),
    size="body.size",
    final=True,
    columns=(
        Column("hash", "hash", "What `input_messages` and `output_messages` name it by."),
        Column("item_id", "text", "The first span or log record that said it."),
        Column("role", "text", "Who speaks, as `user`."),
        Column("timestamp", "time", "When it was first said that day."),
        RECEIVED,
        Column("body", "json", "The message."),
    ),
    equal=("role",),
)
TABLES = (TRACES, SPANS, MESSAGES)
