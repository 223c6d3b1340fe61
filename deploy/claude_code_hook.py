#!/usr/bin/env python3
"""Sends one hook of Claude Code to Sluice as a span. Python 3.9 or newer, nothing else.

Claude Code gives the hook as JSON on standard input. TO_SLUICE_URL and TO_SLUICE_KEY say where it
goes. It waits two seconds at most and always exits with 0: an agent must not stop because the
server does not answer. What went wrong is on standard error, which Claude Code shows with --debug.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone

KINDS = {
    "PreToolUse": "tool_use",
    "PostToolUse": "tool_use",
    "PostToolUseFailure": "tool_use",
    "SubagentStart": "agent_run",
    "SubagentStop": "agent_run",
    "UserPromptSubmit": "user_prompt",
    "Notification": "notification",
}
COPIED = ("tool_use_id", "tool_name", "tool_input", "tool_response", "error", "cwd", "model")
NOTED = ("prompt", "message", "reason", "agent_id", "source")
TIMEOUT_S = 2


def span_of(hook):
    """Returns the span of a hook."""
    name = hook.get("hook_event_name", "")
    span = {
        "span_id": str(uuid.uuid4()),
        "session_id": hook["session_id"],
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "source": "claude_code",
        "kind": KINDS.get(name, "session"),
        "event_type": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() or "unknown",
        "status": "error" if name == "PostToolUseFailure" else "success",
        "metadata": {key: hook[key] for key in NOTED if key in hook},
    }
    span.update({key: hook[key] for key in COPIED if hook.get(key) is not None})
    if "agent_type" in hook:
        span["agent_name"] = hook["agent_type"]
    return span


def main():
    """Reads the hook and sends its span."""
    request = urllib.request.Request(
        os.environ.get("TO_SLUICE_URL", "http://127.0.0.1:8080").rstrip("/") + "/v1/spans/async",
        data=json.dumps([span_of(json.load(sys.stdin))]).encode(),
        headers={
            "Authorization": "Bearer " + os.environ.get("TO_SLUICE_KEY", ""),
            "Content-Type": "application/json",
        },
    )
    urllib.request.urlopen(request, timeout=TIMEOUT_S).close()


def reason_of(error):
    """Returns why nothing was sent; the server's own words where it gave some."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.read(500).decode(errors='replace')}"
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.stderr.write(f"claude_code_hook.py: not sent: {reason_of(error)}\n")
