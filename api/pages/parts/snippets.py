"""What to copy to send, with the address and the key of whoever looks."""

import json
from collections.abc import Awaitable
from typing import Any

from msgspec import Struct

from api.auth import AnyRequest, prefix_of, services
from api.landing import HOST
from api.pages.parts.otlp_snippets import OTLP
from api.pages.viewer import Viewer
from controlplane.keys import list_keys

CURL = """curl {url}/v1/traces/batch \\
  -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' -d '[{{
    "trace_id": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
    "provider": "openai", "model_requested": "gpt-4o", "status": "success",
    "request_body": {{"messages": [{{"role": "user", "content": "Hi"}}]}},
    "output_text": "Hello!", "input_tokens": 50, "output_tokens": 100, "latency_ms": 1200}}]'"""
PYTHON = """import json, time, urllib.request, uuid

trace = {{
    "trace_id": str(uuid.uuid4()),
    "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    "provider": "openai", "model_requested": "gpt-4o", "status": "success",
    "request_body": {{"messages": [{{"role": "user", "content": "Hi"}}]}},
    "output_text": "Hello!", "input_tokens": 50, "output_tokens": 100, "latency_ms": 1200,
}}
request = urllib.request.Request(
    "{url}/v1/traces/async",
    json.dumps([trace]).encode(),
    {{"Authorization": "Bearer {key}", "Content-Type": "application/json"}},
)
print(urllib.request.urlopen(request).read().decode())"""
JAVASCRIPT = """const started = Date.now();
// … call the model here …
const answer = await fetch("{url}/v1/traces/async", {{
  method: "POST",
  headers: {{ Authorization: "Bearer {key}", "Content-Type": "application/json" }},
  body: JSON.stringify([{{
    trace_id: crypto.randomUUID(),
    timestamp: new Date(started).toISOString(),
    provider: "openai", model_requested: "gpt-4o", status: "success",
    request_body: {{ messages: [{{ role: "user", content: "Hi" }}] }},
    output_text: "Hello!", input_tokens: 50, output_tokens: 100, latency_ms: Date.now() - started,
  }}]),
}});
console.log(answer.status, await answer.text());"""
SPANS = """curl {url}/v1/spans/batch \\
  -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' -d '[{{
    "span_id": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
    "session_id": "my-first-session", "source": "codex", "kind": "tool_use",
    "event_type": "post_tool_use", "status": "success", "tool_name": "Bash",
    "tool_input": {{"command": "make test"}}, "duration_ms": 2400}}]'"""
PULSE = """api_url = "{url}"
api_key = "{key}"
project_id = "{project_id}"
"""
HOOK = "python3 ~/.claude/claude_code_hook.py"
EVENTS = {
    # Those of a tool name which tools; all of them here.
    **dict.fromkeys(("PreToolUse", "PostToolUse", "PostToolUseFailure"), {"matcher": ""}),
    **dict.fromkeys(("SessionStart", "SessionEnd", "SubagentStart", "SubagentStop"), {}),
    **dict.fromkeys(("UserPromptSubmit", "Notification"), {}),
}
PLACE_OF_KEY = "YOUR_KEY"
Snippet = tuple[str, str]


class Sample(Struct, frozen=True):
    """What to copy for one way to send, and where it goes."""

    title: str
    text: str
    note: str = ""


async def snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples for an empty page; the key itself is shown to admins alone."""
    url, key = url_of(request), await key_for(request, viewer)
    shown = [("With curl", CURL.format(url=url, key=key))]
    if viewer.is_admin:
        shown.append(("From Python", PYTHON.format(url=url, key=key)))
    return shown


async def with_snippets(
    request: AnyRequest, viewer: Viewer, finding: Awaitable[dict[str, Any]]
) -> dict[str, Any]:
    """Return what is found, and samples where that is nothing: where `is_empty` says so."""
    shown = await finding
    return {**shown, "snippets": await snippets_of(request, viewer) if shown["is_empty"] else []}


async def otlp_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return what makes SDKs of OpenTelemetry send; the key itself is shown to admins alone."""
    url, key = url_of(request), await key_for(request, viewer)
    return [(one.title, one.filled(url, key)) for one in OTLP]


async def agent_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return what makes agents send: hooks, and the API that any other agent can call."""
    url, key = url_of(request), await key_for(request, viewer)
    project_id = viewer.project.project_id
    return [
        (
            "From Claude Code: deploy/claude_code_hook.py in ~/.claude, and in its settings.json",
            _claude_code(url, key),
        ),
        ("From Codex and others, with curl", SPANS.format(url=url, key=key)),
        (
            "Pulse's CLI, for Claude Code, opencode and openclaw: this in ~/.pulse/config.toml,"
            " then pulse connect",
            PULSE.format(url=url, key=key, project_id=project_id),
        ),
    ]


def every_snippet(url: str, key: str, project_id: str) -> list[Sample]:
    """Return a sample for each client that works with Sluice."""
    given = {"url": url, "key": key, "project_id": project_id}
    return [
        Sample("With curl", CURL.format_map(given)),
        Sample("From Python", PYTHON.format_map(given), "It needs no package."),
        Sample(
            "From JavaScript",
            JAVASCRIPT.format_map(given),
            "Node 18 or newer, Deno or Bun: save it as trace.mjs. Keep it on a server: who opens"
            " a page that holds a key can read it.",
        ),
        Sample(
            "Pulse's CLI",
            PULSE.format_map(given),
            "In ~/.pulse/config.toml, for pulse up to 0.2.5. Then run: pulse connect",
        ),
        Sample(
            "Claude Code",
            _claude_code(url, key),
            "Add this to ~/.claude/settings.json, and copy deploy/claude_code_hook.py of Sluice's"
            " sources to ~/.claude/. It needs Python 3.9. Prompts, and what tools take and answer,"
            " are sent too: leave out the events that you do not want to store.",
        ),
        *(Sample(one.title, one.filled(url, key), one.note) for one in OTLP),
    ]


def url_of(request: AnyRequest) -> str:
    """Return the address under which the browser found us; empty where `Host` is no host."""
    host = request.headers.get("host", "")
    url = f"{request.scope['scheme']}://{host}" if HOST.fullmatch(host) else ""
    return url + prefix_of(request)


async def key_for(request: AnyRequest, viewer: Viewer) -> str:
    """Return a key to send with; a stand-in to who may not see one."""
    if viewer.is_admin:
        state = services(request)
        keys = await list_keys(state.database, state.vault, viewer.project.project_id)
        if keys and keys[0].plain:
            return keys[0].plain
    return "$KEY" if viewer.is_person else "$(sluice key show)"


def _claude_code(url: str, key: str) -> str:
    run = {"hooks": [{"type": "command", "command": HOOK}]}
    hooks = {event: [{**which, **run}] for event, which in EVENTS.items()}
    env = {"TO_SLUICE_URL": url, "TO_SLUICE_KEY": key}
    events = ",\n".join(
        f"    {json.dumps(event)}: {json.dumps(what)}" for event, what in hooks.items()
    )
    return f'{{\n  "env": {json.dumps(env)},\n  "hooks": {{\n{events}\n  }}\n}}'
