"""Looks for the token of a domain, in DNS and on the site that the domain has now.

One of the two is enough. What leads here already is answered by `api.deploys.proxy.challenges`.
"""

import asyncio
from typing import Literal

import dns.asyncresolver
from msgspec import Struct

from api.deploys.domains.record import look_in_dns
from api.deploys.domains.site import Site, look_at_site
from schemas.deploys.domains import Challenge, challenge_of

LOOK_S = 10.0
"""How long one look may take, whatever it meets."""


class Ownership(Struct, frozen=True, kw_only=True):
    """What a look has found."""

    challenge: Challenge
    proved_by: Literal["dns", "http"] | None
    """`None` where neither holds the token."""
    found: tuple[str, ...]
    """What is there instead, a sentence each: for DNS, then for the site. Empty where proved."""

    @property
    def is_owner(self) -> bool:
        """Tells whether the domain may lead to the app."""
        return self.proved_by is not None


async def look_for_token(
    domain: str, token: str, *, resolver: dns.asyncresolver.Resolver, site: Site
) -> Ownership:
    """Returns whether a domain, in its plain form, holds the token; an error is "not now"."""
    challenge = challenge_of(domain, token)
    in_dns = look_in_dns(challenge, resolver, timeout_s=LOOK_S)
    on_site = look_at_site(challenge, site, timeout_s=LOOK_S)
    by_dns, by_http = await asyncio.gather(in_dns, on_site)
    if by_dns is None or by_http is None:
        proved_by: Literal["dns", "http"] = "dns" if by_dns is None else "http"
        return Ownership(challenge=challenge, proved_by=proved_by, found=())
    return Ownership(challenge=challenge, proved_by=None, found=(by_dns, by_http))
