"""What the fields of a trace and of a span mean, for the description of the API."""

from typing import Any


def _means(text: str, kind: str | None = None) -> dict[str, Any]:
    # A field that is kept as it was sent has no type in the shape: its rule is ingest's.
    return {"description": text} if kind is None else {"description": text, "type": kind}


MEANINGS: dict[str, dict[str, Any]] = {
    "trace_id": _means("Names the call. Sent again, it counts once."),
    "span_id": _means("Names the event. Sent again, it counts once."),
    "timestamp": _means("When it began, with `Z` or an offset: `2026-11-21T10:00:00.5Z`."),
    "provider": _means("Who was asked: `openai`, `anthropic`, `google`, …"),
    "model_requested": _means("The model that was asked for."),
    "model_used": _means("The model that answered. Its price counts first."),
    "provider_request_id": _means("The provider's own id of the call."),
    "request_body": _means("What was sent to the provider.", "object"),
    "response_body": _means(
        "What the provider answered. Its usage object fills token counts that are not given.",
        "object",
    ),
    "input_tokens": _means("Tokens of the prompt, cached ones included."),
    "output_tokens": _means("Tokens of the answer, reasoning included."),
    "cache_read_tokens": _means("The part of the input that was read from a cache."),
    "cache_write_tokens": _means("The part of the input that was written to a cache."),
    "reasoning_tokens": _means("The part of the output that was reasoning."),
    "output_text": _means("The text of the answer."),
    "finish_reason": _means("Why the model stopped."),
    "latency_ms": _means("How long the call took, in milliseconds."),
    "status": _means("How it ended."),
    "error": _means("What went wrong."),
    "cost_cents": _means(
        "What the call cost, in US cents. Left out, it is computed from the tokens.", "number"
    ),
    "session_id": _means("The conversation, or the run of an agent, that it belongs to."),
    "metadata": _means(
        "Anything of your own. `userId` and `environment` name user and environment; each scalar"
        " can be filtered and grouped by.",
        "object",
    ),
    "source": _means("Which agent sends."),
    "kind": _means("What sort of event it is."),
    "event_type": _means(
        "What happened. `pre_tool_use` and `post_tool_use` are the start and the end of a tool"
        " call, and belong together by `tool_use_id`."
    ),
    "parent_span_id": _means("The event that this one is part of."),
    "duration_ms": _means("How long it took. An end without it is measured from its start."),
    "tool_use_id": _means("Names the call of a tool, at its start and at its end."),
    "tool_name": _means("The tool that was called."),
    "tool_input": _means("What the tool was given: any JSON."),
    "tool_response": _means("What the tool answered: any JSON."),
    "is_interrupt": _means("Whether a person stopped it."),
    "cwd": _means("The directory that the agent works in."),
    "model": _means("The model that the agent uses."),
    "agent_name": _means("The name of the agent."),
}
