"""The names that people give to their apps: which may be given, and how they prove to own one.

InvalidDomain   the name can be no domain of an app
"""

import re
import secrets

import idna
from msgspec import Struct

from schemas.deploys.routing import LOOPBACK_APPS, MOST_HOST_CHARACTERS

CHALLENGE_LABEL = "_sluice-challenge"
CHALLENGE_PATH = "/.well-known/sluice-challenge/"
TOKEN_BYTES = 24
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NEVER_PUBLIC = frozenset({LOOPBACK_APPS, "invalid", "onion", "arpa"})
"""Ends of names that mean this machine, nothing, or no host (RFC 6761, 7686, 3172)."""


class InvalidDomain(ValueError):
    """Raised when a name can be no domain of an app; the text says why."""


class Challenge(Struct, frozen=True):
    """Where the owner of a domain puts its token: one of the two is enough."""

    record_name: str
    """Of DNS, type TXT; its value is the token."""
    url: str
    """What it answers is the token."""
    token: str


def new_token() -> str:
    """Returns a token that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def challenge_of(domain: str, token: str) -> Challenge:
    """Returns where a token is looked for."""
    return Challenge(
        f"{CHALLENGE_LABEL}.{domain}", f"http://{domain}{CHALLENGE_PATH}{token}", token
    )


def checked_domain(text: str, *, own_hosts: frozenset[str], apps_host: str = "") -> str:
    """Returns a domain in the form that is compared: lower case, ASCII, no dot at its end.

    `own_hosts` are Sluice's own; names under `apps_host` are given by Sluice alone. Raises
    `InvalidDomain`.
    """
    domain = _ascii(text.strip().removesuffix("."))
    labels = domain.split(".")
    if len(domain) > MOST_HOST_CHARACTERS:
        raise InvalidDomain(f"a domain has {MOST_HOST_CHARACTERS} characters at most")
    if _NUMBER.fullmatch(labels[-1]):
        raise InvalidDomain("an address of a machine is no domain: give a name")
    for label in labels:
        _check_label(label)
    if len(labels) < 2:
        raise InvalidDomain("a domain has two parts at least, as in example.com")
    if labels[-1] in _NEVER_PUBLIC:
        raise InvalidDomain(f"names that end in .{labels[-1]} belong to nobody")
    if domain in own_hosts:
        raise InvalidDomain(f"{domain} is Sluice's own name")
    if apps_host and f".{domain}".endswith(f".{apps_host}"):
        raise InvalidDomain(f"names under {apps_host} are given by Sluice itself")
    return domain


def shown_domain(domain: str) -> str:
    """Returns a domain as people read it: `xn--mnchen-3ya.de` as `münchen.de`."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _ascii(text: str) -> str:
    _refuse_more_than_a_name(text)
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except idna.IDNAError as error:
        raise InvalidDomain(f"not a name that a domain can have: {error}") from error


def _refuse_more_than_a_name(text: str) -> None:
    if not text:
        raise InvalidDomain("a domain is needed, as in shop.example.com")
    if len(text) > 4 * MOST_HOST_CHARACTERS:
        raise InvalidDomain(f"a domain has {MOST_HOST_CHARACTERS} characters at most")
    if "*" in text:
        raise InvalidDomain("a wildcard is no domain: add each name by itself")
    if text.startswith("[") or text.count(":") > 1:
        raise InvalidDomain("an address of a machine is no domain: give a name")
    if any(sign in text for sign in "/:@?#\\ "):
        raise InvalidDomain("give the name alone, without https://, port or path")


def _check_label(label: str) -> None:
    if not label:
        raise InvalidDomain("a domain has no two dots side by side, and none before it")
    if len(label) > 63:
        raise InvalidDomain("each part of a domain has 63 characters at most")
    if not _LABEL.fullmatch(label):
        raise InvalidDomain(
            "each part of a domain has a-z, 0-9 and hyphens alone, with no hyphen at either end"
        )
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except idna.IDNAError as error:
            raise InvalidDomain(f"{label} stands for no name: {error}") from error
