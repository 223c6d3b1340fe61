"""Where an app of this machine, and a probe, find Sluice; and the names that are its own."""

from urllib.parse import urlsplit

from schemas.deploys.routing import plain_host
from schemas.settings import Settings
from sluice.commands.options import address_of


def own_url(settings: Settings) -> str:
    """Returns the address: the public one where there is one."""
    return settings.public_url.rstrip("/") or address_of(settings)


def own_hosts(settings: Settings) -> frozenset[str]:
    """Returns Sluice's own names, which no app gets."""
    named = {plain_host(urlsplit(settings.public_url).hostname or ""), plain_host(settings.host)}
    return frozenset({"localhost", *(one for one in named if one)})
