"""Which proxies are believed when they say who asks."""

import ipaddress
import os

import structlog

from schemas.settings import Settings, SettingsError

# uvicorn's own variable, which counted before there was a setting.
_FORMER = "FORWARDED_ALLOW_IPS"

log = structlog.get_logger(__name__)


def trusted_proxies(settings: Settings) -> list[str]:
    """Return the networks of `SLUICE_TRUSTED_PROXIES`, as uvicorn takes them.

    An IPv4 network is there in its IPv6 form too: so it looks to who listens on `::`. Raises
    `SettingsError`.
    """
    named = [part.strip() for part in settings.trusted_proxies.split(",") if part.strip()]
    if not named and os.environ.get(_FORMER):
        log.warning("setting is not read any more", setting=_FORMER, use="SLUICE_TRUSTED_PROXIES")
    found: list[str] = []
    for text in named:
        network = _network(text)
        found.append(str(network))
        if isinstance(network, ipaddress.IPv4Network):
            found.append(f"::ffff:{network.network_address}/{96 + network.prefixlen}")
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        expected = "an address or a network such as 127.0.0.1 or 10.0.0.0/8"
        raise SettingsError(
            f"SLUICE_TRUSTED_PROXIES: expected {expected}, not {text!r} ({error})"
        ) from error
