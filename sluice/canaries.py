"""What probers of this process are told to reach, to know whether they are connected."""

from urllib.parse import urlsplit

from probes.canary import Canary, tcp_canary
from schemas.settings import PREFIX, Settings, SettingsError

PORTS = {"http": 80, "https": 443}


def canary_of(settings: Settings) -> Canary | None:
    """Returns the canary that the settings name, or the address of the edge; `None` without both.

    Raises `SettingsError`.
    """
    named = [_address(one.strip()) for one in settings.prober_canary.split(",") if one.strip()]
    if not named and settings.prober_url:
        named = [edge_address(settings.prober_url)]
    return tcp_canary(named) if named else None


def edge_address(url: str) -> tuple[str, int]:
    """Returns host and port of the Sluice that a prober works for. Raises `SettingsError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if not host or parts.scheme not in PORTS or not is_plain:
        # Not shown: somebody may have put a key into it.
        raise SettingsError(
            f"{PREFIX}PROBER_URL: expected https://HOST, with its path if it has one"
        )
    return host, port or PORTS[parts.scheme]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise SettingsError(f"{PREFIX}PROBER_CANARY: expected HOST:PORT, not {text!r}")
    return host, int(port)
