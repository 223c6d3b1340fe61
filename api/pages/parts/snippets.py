"""What to copy to send a first event, with the address and the key of whoever looks."""

from api.auth import AnyRequest, prefix_of, services
from api.landing import HOST
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
CLAUDE_CODE = """{{
  "env": {{"TO_SLUICE_URL": "{url}", "TO_SLUICE_KEY": "{key}"}},
  "hooks": {{
{hooks}
  }}
}}"""
HOOK = '[{"hooks": [{"type": "command", "command": "python3 ~/.claude/claude_code_hook.py"}]}]'
HOOKS = (
    *("PreToolUse", "PostToolUse", "PostToolUseFailure", "SessionStart", "SessionEnd"),
    *("SubagentStart", "SubagentStop", "UserPromptSubmit", "Notification"),
)
SPANS = """curl {url}/v1/spans/batch \\
  -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' -d '[{{
    "span_id": "'$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)'",
    "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
    "session_id": "my-first-session", "source": "codex", "kind": "tool_use",
    "event_type": "post_tool_use", "status": "success", "tool_name": "Bash",
    "tool_input": {{"command": "make test"}}, "duration_ms": 2400}}]'"""
PULSE = """pulse connect
# In ~/.pulse/config.toml: api_url = "{url}" and api_key = "{key}".
# It adds the hooks of Claude Code, opencode and openclaw."""
Snippet = tuple[str, str]


async def snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return samples for each way to send; the key itself is shown to admins alone."""
    url, key = await sender_of(request, viewer)
    shown = [("With curl", CURL.format(url=url, key=key))]
    if viewer.is_admin:
        shown.append(("From Python", PYTHON.format(url=url, key=key)))
    return shown


async def agent_snippets_of(request: AnyRequest, viewer: Viewer) -> list[Snippet]:
    """Return what makes agents send: hooks, and the API that any other agent can call."""
    url, key = await sender_of(request, viewer)
    hooks = ",\n".join(f'    "{name}": {HOOK}' for name in HOOKS)
    return [
        (
            "From Claude Code: deploy/claude_code_hook.py in ~/.claude, and in its settings.json",
            CLAUDE_CODE.format(url=url, key=key, hooks=hooks),
        ),
        ("From Codex and others, with curl", SPANS.format(url=url, key=key)),
        ("With the CLI of Pulse", PULSE.format(url=url, key=key)),
    ]


async def sender_of(request: AnyRequest, viewer: Viewer) -> tuple[str, str]:
    """Return the address to send to, and a key; a stand-in for the key to who may not see it."""
    key = "$(sluice key show)" if not viewer.is_person else "$KEY"
    if viewer.is_admin:
        state = services(request)
        keys = await list_keys(state.database, state.vault, viewer.project.project_id)
        key = keys[0].plain if keys else key
    host = request.headers.get("host", "")
    url = f"{request.scope['scheme']}://{host}" if HOST.fullmatch(host) else ""
    return url + prefix_of(request), key
