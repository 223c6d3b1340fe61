"""The DSN key of a request, in every place where SDKs put it.

Sources: Open Sentry's "Ingest API reference", "Authentication"; for Sentry's SDKs
https://develop.sentry.dev/sdk/overview/#authentication.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.app import AnyRequest, header_of, parameter

OPEN_SENTRY_HEADERS = (b"x-open-sentry-key", b"x-sentry-clone-key")
SCHEME = "sentry "
MAX_KEY_CHARS = 128
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_PAIR = re.compile(r"\s*([a-z_]{1,40})\s*=\s*([^,\s]*)\s*(?:,|\Z)")


class SentryAuth(NamedTuple):
    """What an SDK says of itself."""

    key: str
    client: str = ""
    """`sentry.python/2.75.0`; empty where it does not say."""


def open_sentry_key(request: AnyRequest) -> str:
    """Returns the key of a request of Open Sentry's SDK; empty where there is none."""
    for name in OPEN_SENTRY_HEADERS:
        if key := header_of(request, name):
            return key
    return parameter(request, "key")


def sentry_auth(request: AnyRequest) -> SentryAuth | None:
    """Returns what a Sentry SDK says in a header or in the URL, `None` where it says nothing."""
    header = header_of(request, b"x-sentry-auth")
    if header is None:
        other = header_of(request, b"authorization") or ""
        header = other if other[: len(SCHEME)].lower() == SCHEME else None
    if header is not None:
        return of_header(header)
    key = parameter(request, "sentry_key")
    return SentryAuth(key, parameter(request, "sentry_client")) if key else None


def key_of_dsn(dsn: str) -> str:
    """Returns the key in `https://KEY@host/1`; empty where there is none."""
    try:
        return urlsplit(dsn).username or ""
    except ValueError:
        return ""


def is_key(text: str) -> bool:
    """Tells whether a text could be a key; those of ours are 32 hex digits."""
    return _KEY.match(text) is not None


def of_header(header: str) -> SentryAuth:
    """Reads `Sentry sentry_key=…, sentry_client=…`: in any order, the first word may be missing."""
    start = len(SCHEME) if header[: len(SCHEME)].lower() == SCHEME else 0
    found: dict[str, str] = {}
    while pair := _PAIR.match(header, start):
        found.setdefault(pair[1], pair[2])
        start = pair.end()
        if start == len(header):
            break
    return SentryAuth(found.get("sentry_key", ""), found.get("sentry_client", ""))
