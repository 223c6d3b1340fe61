"""The token of a domain in DNS."""

import asyncio
import re

import dns.asyncresolver
import dns.exception
import dns.resolver

from schemas.deploys.domains import Challenge

MOST_SHOWN = 3
MOST_SHOWN_CHARACTERS = 80
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


async def look_in_dns(
    challenge: Challenge, resolver: dns.asyncresolver.Resolver, *, timeout_s: float
) -> str | None:
    """Returns `None` where the record holds the token, else a sentence about what was found."""
    name = challenge.record_name
    try:
        async with asyncio.timeout(timeout_s):
            answer = await resolver.resolve(name, "TXT", search=False, lifetime=timeout_s)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return f"DNS has no TXT record at {name}."
    except (dns.exception.Timeout, TimeoutError):
        return f"DNS did not answer within {timeout_s:g} s for {name}."
    except dns.resolver.NoNameservers:
        return f"The DNS servers of {name} answer with an error."
    except dns.exception.DNSException as error:
        return f"DNS cannot be asked for {name}: {type(error).__name__}."
    values = [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    if any(value.strip() == challenge.token for value in values):
        return None
    shown = ", ".join(quoted(value) for value in values[:MOST_SHOWN])
    more = f" and {len(values) - MOST_SHOWN} more" if len(values) > MOST_SHOWN else ""
    return f"DNS has {shown}{more} at {name}, and not the token."


def quoted(text: str) -> str:
    """Returns what others wrote as a part of our sentence: short, on one line, in quotes."""
    plain = _UNPRINTABLE.sub("?", text)
    cut = plain[:MOST_SHOWN_CHARACTERS] + "…" * (len(plain) > MOST_SHOWN_CHARACTERS)
    return f"“{cut}”"
