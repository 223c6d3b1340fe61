"""Where requests for an app go, and the names by which they ask for it."""

import hashlib
import re
from collections.abc import Collection
from functools import lru_cache

import idna
from msgspec import Struct

PRODUCTION = "production"
LOOPBACK_APPS = "localhost"
"""Where apps have names while Sluice is asked for at this machine: browsers take every name that
ends so for the machine itself, each for a site of its own (RFC 6761 section 6.3)."""
NO_APPS_HOST = "none"
"""In place of a host: apps have no names of their own."""
MOST_HOST_CHARACTERS = 253
MOST_SENT_CHARACTERS = 1_024
"""Of a host as it comes, in any script and with its port."""
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?")
"""Of an environment: with a project's id before it, a label of DNS has 63 characters at most."""
_HASHED = re.compile(r".*-[0-9a-f]{8}")
"""What a slug that is made looks like; no name is taken as it is that could be one."""
_MADE_CHARACTERS = 15
_PORT = re.compile(r":[0-9]{0,5}\Z")
_ASCII_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_LABEL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:--[a-z0-9-]{1,24})?")


class Owner(Struct, frozen=True):
    """The supervisor of an app's processes: whoever listens for the app descends from it."""

    pid: int
    started: str
    """When it began: with the pid it is one process."""
    namespace: str
    """Of processes, in which it has that pid."""


class Route(Struct, frozen=True, kw_only=True):
    """The instance that serves an environment of a project now."""

    project_id: str
    environment: str
    """`production`, or the name of a preview."""
    hosts: tuple[str, ...]
    """Names of hosts whose requests it gets beside those of its path: verified domains."""
    address: str
    port: int
    """0 while it has none."""
    instance_id: str
    owner: Owner | None = None
    """`None` where it cannot be told who listens, as for a container."""


def slug_of(environment: str) -> str:
    """Returns an environment as it stands in addresses: of `feature/x`, `feature-x-4a1f09c2`.

    Two environments of a project have two of them, whatever their names are.
    """
    is_plain = SLUG.fullmatch(environment) and "--" not in environment
    if is_plain and not _HASHED.fullmatch(environment):
        return environment
    plain = re.sub(r"[^a-z0-9]+", "-", environment.lower())[:_MADE_CHARACTERS].strip("-")
    told_by = hashlib.sha256(environment.encode()).hexdigest()[:8]
    return f"{plain}-{told_by}" if plain else told_by


def label_of(project_id: str, environment: str) -> str:
    """Returns the name of an app's environment as one label of DNS: `<id>`, or `<id>--<slug>`."""
    is_production = environment == PRODUCTION
    return project_id if is_production else f"{project_id}--{slug_of(environment)}"


def segment_of(project_id: str, environment: str) -> str:
    """Returns the name of an app's environment in a path: `<id>`, or `<id>~<slug>`."""
    is_production = environment == PRODUCTION
    return project_id if is_production else f"{project_id}~{slug_of(environment)}"


def label_of_segment(segment: str) -> str:
    """Returns the label for what stands in a path behind `/app/`: with a slug, or a name."""
    project_id, _, environment = segment.partition("~")
    if _HASHED.fullmatch(environment) and SLUG.fullmatch(environment):
        return f"{project_id.lower()}--{environment}"
    return label_of(project_id.lower(), environment or PRODUCTION)


def is_label(text: str) -> bool:
    """Tells whether a label of DNS is one that apps have."""
    return _LABEL.fullmatch(text) is not None


def label_under(host: str, apps_hosts: Collection[str]) -> str | None:
    """Returns the label of a plain host that names an app under one of these; else `None`."""
    label, _, parent = host.partition(".")
    return label if parent in apps_hosts and is_label(label) else None


def plain_host(text: str) -> str | None:
    """Returns a `Host` as names are compared: lower case, ASCII, no port, no dot at its end.

    An address of IPv6 keeps its brackets. `None` for what is no host.
    """
    return _plain_host(text) if len(text) <= MOST_SENT_CHARACTERS else None


@lru_cache(256)
def _plain_host(text: str) -> str | None:
    host = text.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1] or None
    host = _PORT.sub("", host).removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    is_host = len(host) <= MOST_HOST_CHARACTERS and _ASCII_HOST.fullmatch(host)
    return host if is_host else None


def port_of(host: str) -> str:
    """Returns the port in a `Host`, with its colon; empty where there is none."""
    found = _PORT.search(host)
    return found[0] if found and len(found[0]) > 1 else ""
