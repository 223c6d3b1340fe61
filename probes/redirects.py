"""Where a redirect leads, and what of the request goes along. Pure.

Source: RFC 9110, 15.4. Rules: (1) at most five; (2) to http and https alone; (3) 303, and 301 and
302 of a POST, become a GET without a body; (4) to another origin goes nothing that the monitor
wrote: no header but the harmless ones, no name and password, no body.
"""

from yarl import URL

from probes.findings import failed, quoted
from probes.web import Request

MAX_REDIRECTS = 5
STATUSES = frozenset({301, 302, 303, 307, 308})
HARMLESS = frozenset({"accept", "accept-language", "accept-encoding", "user-agent"})
OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


def follow(request: Request, status: int, location: str) -> Request:
    """Returns the request that a redirect asks for. Raises `Trouble`."""
    url = _target(request.url, location)
    method, body, headers = request.method, request.body, dict(request.headers)
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):  # (3)
        method, body = "GET", b""
        headers = {name: v for name, v in headers.items() if name.lower() not in OF_A_BODY}
    if url.origin() != request.url.origin():  # (4)
        if body:
            raise failed(
                "redirect",
                f"redirected to another origin, {url.origin()}, where the monitor's body is not"
                " sent: let the monitor's URL name that origin, or set follow_redirects to false",
            )
        headers = {name: v for name, v in headers.items() if name.lower() in HARMLESS}
    elif request.url.user is not None and url.user is None:
        url = url.with_user(request.url.user).with_password(request.url.password)
    return Request(url=url, method=method, headers=headers, body=body, verify=request.verify)


def _target(base: URL, location: str) -> URL:
    try:
        url = base.join(URL(location))
    except ValueError:
        raise failed("redirect", f"the redirect leads to {quoted(location)}, no URL") from None
    if url.scheme not in ("http", "https") or not url.raw_host:  # (2)
        raise failed("redirect", f"the redirect leads to {quoted(location)}: only http and https")
    # A name and password that the server wrote are not ours to send.
    return url.with_user(None).with_fragment(None)
