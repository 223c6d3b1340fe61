"""Errors of services, without the secrets of the address that they came from."""

import re

from schemas.channels import ChannelConfig

HIDDEN = "…"
PARTS = re.compile(r"[^A-Za-z0-9_.~+%=-]+")
SHORTEST = 6
"""Shorter parts of an address are no secrets, and are in many words."""


def without_secrets(error: str, config: ChannelConfig) -> str:
    """Returns an error in which no part of an address is told, but for its host."""
    secrets = {config.secret, config.integration_key, config.url, config.webhook_url}
    for url in (config.url, config.webhook_url):
        scheme, _, rest = url.partition("://")
        is_web = scheme in ("http", "https", "json", "jsons", "xml", "xmls", "form", "forms")
        user, _, place = rest.rpartition("@")
        host, _, path = place.partition("/") if is_web else ("", "", place)
        secrets |= {part for part in PARTS.split(f"{user}/{path}") if len(part) >= SHORTEST}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        error = error.replace(secret, HIDDEN)
    return error
