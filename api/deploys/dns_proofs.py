"""Whether a name can be a domain of an app, and whether DNS holds the token of its owner."""

import re

import dns.asyncresolver
import dns.exception

from schemas.deploys.proofs import CHALLENGE_LABEL, Proof

TIMEOUT_S = 5.0
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
RESERVED = frozenset({"localhost", "local", "internal", "invalid", "onion", "arpa"})
MAX_CHARS = 253
EXPECTED = "expected a name such as shop.example.com"


def check_domain(text: str) -> str:
    """Returns a name in lower case and ASCII, without a dot at its end.

    Raises `ValueError` for what is no name that an app can have.
    """
    try:
        name = text.strip().removesuffix(".").lower().encode("idna").decode()
    except UnicodeError:
        raise ValueError(EXPECTED) from None
    labels = name.split(".")
    if len(name) > MAX_CHARS or len(labels) < 2 or labels[-1].isdecimal():
        raise ValueError(EXPECTED)
    if not all(LABEL.fullmatch(label) for label in labels) or labels[-1] in RESERVED:
        raise ValueError(EXPECTED)
    return name


async def prove_by_dns(domain: str, token: str) -> Proof:
    """Looks for a token in the TXT records of a name's challenge."""
    record = f"{CHALLENGE_LABEL}.{domain}"
    resolver = dns.asyncresolver.Resolver()
    try:
        answer = await resolver.resolve(record, "TXT", lifetime=TIMEOUT_S)
    except (dns.exception.DNSException, OSError) as error:
        return Proof(is_theirs=False, found=f"{record}: {str(error)[:300]}")
    found = [b"".join(one.strings).decode("utf-8", "replace") for one in answer]
    if token in (one.strip() for one in found):
        return Proof(is_theirs=True, found=f"{record} holds the token")
    return Proof(is_theirs=False, found=f"{record} holds {len(found)} other texts")
