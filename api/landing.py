"""What a program that opens the address finds, and what another dashboard's page asks for."""

import base64
import hashlib
import json
import re

from litestar import MediaType, Response, get

from api.auth import AnyRequest, prefix_of

HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@get("/runtime-config.js", summary="Where the API is, for a page of a browser")
async def get_runtime_config(request: AnyRequest) -> Response[str]:
    """Tell a dashboard's page where its API is; empty, its own place, where `Host` is no host."""
    host = request.headers.get("host", "")
    origin = f"{request.scope['scheme']}://{host}" if HOST.fullmatch(host) else ""
    configuration = json.dumps({"apiBaseUrl": origin and origin + prefix_of(request)})
    return Response(
        f"window.__PULSE_CONFIG = {configuration};\n",
        media_type="application/javascript; charset=utf-8",
        headers={"Vary": "Host, X-Forwarded-Prefix", "Cache-Control": "no-store"},
    )


def landing(request: AnyRequest) -> Response[str]:
    """Return the page for programs and for those who look with one."""
    _, _, rest = LANDING.partition("<style>")
    policy = page_policy(rest.partition("</style>")[0], form_action="'none'")
    headers = {"Content-Security-Policy": policy, "Vary": "Accept"}
    page = LANDING.replace('href="/', f'href="{prefix_of(request)}/')
    return Response(page, media_type=MediaType.HTML, headers=headers)


def page_policy(style: str, *, form_action: str) -> str:
    """Return the policy of a page that has this style within it, and no script."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action {form_action};"
        " base-uri 'none'; frame-ancestors 'none'"
    )


LANDING = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto }
  h1 { font-size: 1.5rem } code { background: #8882; padding: .1em .3em; border-radius: .2em }
</style>
<h1>Sluice is running</h1>
<p>It stores LLM traces and agent spans, and computes what they cost. Programs send to it with an
API key: <code>sluice key show</code> prints one. <code>sluice demo</code> sends examples.</p>
<ul>
  <li><a href="/sign-in">Dashboard</a></li>
  <li><a href="/docs">API reference</a></li>
  <li><a href="/ready">Readiness</a> of log, stream, store and control plane</li>
  <li><a href="/metrics">Metrics</a> for Prometheus</li>
</ul>
</html>
"""
