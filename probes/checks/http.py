"""A request of HTTP: status, redirects, body, headers, certificate."""

import re
from email.message import Message

import aiohttp
from yarl import URL

from probes.assertions import Answer, check, is_expected
from probes.findings import Finding, Trouble, failed, quoted, unclear
from probes.marks import Marks
from probes.redirects import MAX_REDIRECTS, STATUSES, follow
from probes.tools import Tools
from probes.web import Body, Request, inflated, read_body
from schemas.uptime.targets import Target

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 5.6.2."""


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Sends the monitor's request, follows redirects, and judges the answer. Raises `Trouble`."""
    request = _first(target)
    for _ in range(MAX_REDIRECTS + 1):
        async with tools.web.send(request, marks) as response:
            location = response.headers.get("Location", "")
            if not (target.follow_redirects and response.status in STATUSES and location):
                return await _judge(target, response, marks)
        request = follow(request, response.status, location)
    raise failed(
        "redirect",
        f"more than {MAX_REDIRECTS} redirects, the last one to {quoted(_plain(request.url))}:"
        " let the monitor's URL name where they end",
    )


def _first(target: Target) -> Request:
    try:
        url = URL(target.url)
    except ValueError as error:
        raise unclear("invalid_target", f"the URL is none: {error}") from error
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise unclear("invalid_target", "the URL must begin with http:// or https:// and a host")
    for name in target.headers:
        if not _TOKEN.fullmatch(name):
            raise unclear("invalid_target", f"{quoted(name)} is no name of a header")
    return Request(
        url=url.with_fragment(None),
        method=target.method.upper(),
        headers=target.headers,
        body=target.body.encode(),
        verify=target.verify_tls,
    )


async def _judge(target: Target, response: aiohttp.ClientResponse, marks: Marks) -> Finding:
    body = await read_body(response, marks)
    try:
        if not is_expected(response.status, target.expected_status):
            raise _unexpected(target, response, body)
        if target.assertions:
            check(target.assertions, _answer(response, body))
    except Trouble as trouble:
        return Finding(
            outcome=trouble.outcome,
            reason=trouble.reason,
            message=trouble.message,
            status_code=response.status,
        )
    return Finding(status_code=response.status)


def _unexpected(target: Target, response: aiohttp.ClientResponse, body: Body) -> Trouble:
    expected = ", ".join(target.expected_status) or "200-399"
    begins = body.content[:160].decode("utf-8", "replace")
    coded = response.headers.get("Content-Encoding")
    said = "" if coded or not begins.strip() else f"; the body begins {quoted(begins)}"
    return failed("status", f"the status is {response.status}, expected {expected}{said}")


def _answer(response: aiohttp.ClientResponse, body: Body) -> Answer:
    plain = inflated(body, response.headers.get("Content-Encoding", ""))
    typed = Message()
    typed["Content-Type"] = response.headers.get("Content-Type", "")
    names = {name.lower() for name in response.headers}
    return Answer(
        content=plain.content,
        is_whole=plain.is_whole,
        charset=typed.get_content_charset("utf-8"),
        headers={name: _text(", ".join(response.headers.getall(name))) for name in names},
    )


def _text(header: str) -> str:
    """Returns a header as text: the client keeps bytes that are none in a form that is none."""
    return header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _plain(url: URL) -> str:
    """Returns a URL without what may be secret in it."""
    return str(url.with_user(None).with_query(None))
