"""Whether a domain is somebody's, as the routes and pages of domains ask it."""

import dns.asyncresolver
import dns.exception

from api.deploys.domains.ownership import look_for_token
from api.deploys.domains.site import HTTP_PORT, Site
from schemas.deploys.domains import challenge_of
from schemas.deploys.proofs import Proof


class Prover:
    """Looks for tokens, where this machine's own settings of DNS say, or a resolver that is given.

    `private_allowed` tells whether sites on private addresses may be asked.
    """

    def __init__(
        self,
        *,
        private_allowed: bool,
        resolver: dns.asyncresolver.Resolver | None = None,
        port: int = HTTP_PORT,
    ) -> None:
        self._private_allowed = private_allowed
        self._resolver = resolver
        self._port = port

    async def prove(self, domain: str, token: str) -> Proof:
        """Looks for the token of a domain in DNS and on its site; says which has it, or what."""
        try:
            # Read anew each time: a machine may move to another network.
            resolver = self._resolver or dns.asyncresolver.Resolver()
        except (dns.exception.DNSException, OSError):
            return Proof(False, "This machine knows no server of DNS.")
        site = Site(resolver=resolver, private_allowed=self._private_allowed, port=self._port)
        seen = await look_for_token(domain, token, resolver=resolver, site=site)
        if seen.proved_by is None:
            return Proof(False, " ".join(seen.found))
        challenge = challenge_of(domain, token)
        if seen.proved_by == "dns":
            return Proof(True, f"DNS has the token at {challenge.record_name}.")
        return Proof(True, f"{challenge.url} answers with the token.")
