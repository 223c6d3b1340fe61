"""The token of a domain on the site that the domain has now."""

import asyncio
import socket
from collections.abc import Sequence

import aiohttp
import dns.asyncresolver
import dns.exception
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct
from yarl import URL

from api.deploys.domains.record import quoted
from schemas.addresses import TargetRefused, check_address
from schemas.deploys.domains import Challenge
from schemas.deploys.routing import plain_host

MOST_BYTES = 4096
MOST_REDIRECTS = 3
HTTP_PORT = 80
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Site(Struct, frozen=True, kw_only=True):
    """How sites are asked."""

    resolver: dns.asyncresolver.Resolver
    private_allowed: bool
    port: int = HTTP_PORT
    """Of the first question; a redirect may lead to another."""


class _Names(AbstractResolver):
    """Resolves by the same servers as records are asked of."""

    def __init__(self, resolver: dns.asyncresolver.Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses of a host. Raises `OSError`."""
        try:
            found = await self._resolver.resolve_name(host, search=False)
        except dns.exception.DNSException as error:
            raise OSError(f"the name {host} could not be resolved") from error
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
            for address, kind in found.addresses_and_families()
        ]

    async def close(self) -> None:
        """Holds nothing."""


async def look_at_site(challenge: Challenge, site: Site, *, timeout_s: float) -> str | None:
    """Returns `None` where the site answers with the token, else a sentence about what it does.

    Redirects are followed within the domain alone: who else's site it is proves nothing.
    """

    def guarded(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        # Here the address is the one that is about to be spoken to, whatever the name means next.
        check_address(str(address[0]), private_allowed=site.private_allowed)
        return socket.socket(family, kind, protocol)

    url = URL(challenge.url).with_port(site.port)
    connector = aiohttp.TCPConnector(resolver=_Names(site.resolver), socket_factory=guarded)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as client,
        ):
            return await _ask(client, challenge, url)
    except TargetRefused as refused:
        return f"{challenge.url} is not asked: {refused}."
    except (TimeoutError, aiohttp.ServerTimeoutError):
        return f"{challenge.url} did not answer within {timeout_s:g} s."
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _sentence(challenge, error)


async def _ask(client: aiohttp.ClientSession, challenge: Challenge, url: URL) -> str | None:
    asked = plain_host(url.raw_host or "")
    for _ in range(MOST_REDIRECTS + 1):
        async with client.get(url, allow_redirects=False) as answer:
            if answer.status in _REDIRECTS:
                url = url.join(URL(answer.headers.get("Location", "")))
                if url.scheme not in ("http", "https") or plain_host(url.raw_host or "") != asked:
                    where = quoted(str(url))
                    return f"{challenge.url} leads on to {where}, which is not this domain."
                continue
            if answer.status != 200:
                return f"{challenge.url} answered {answer.status}."
            body = await answer.content.read(MOST_BYTES)
            text = body.decode("utf-8", "replace").strip()
            if text == challenge.token:
                return None
            return f"{challenge.url} answered {quoted(text)}, and not the token."
    return f"{challenge.url} leads on and on."


def _sentence(challenge: Challenge, error: Exception) -> str:
    causes: Sequence[BaseException | None] = (error.__cause__, error.__context__)
    for cause in causes:
        if isinstance(cause, TargetRefused):
            return f"{challenge.url} is not asked: {cause}."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{challenge.url} cannot be asked: DNS has no address for it."
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return f"{challenge.url} leads to HTTPS whose certificate is not valid for it."
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{challenge.url} cannot be asked: nothing takes the connection."
    return f"{challenge.url} did not answer as HTTP."
