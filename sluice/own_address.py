"""Where an app of this machine, and a probe, find Sluice."""

from schemas.settings import Settings
from sluice.commands.options import address_of


def own_url(settings: Settings) -> str:
    """Returns the address: the public one where there is one."""
    return settings.public_url.rstrip("/") or address_of(settings)
