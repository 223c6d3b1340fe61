"""What a prober is set up with."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

RDAP_BOOTSTRAP_URL = "https://data.iana.org/rdap/dns.json"


class ProberSettings(Struct, frozen=True, kw_only=True):
    """Each field has a default that works on a laptop, but for the region."""

    region: str
    """The name under which this prober's results appear."""
    private_allowed: bool = False
    """Whether private, loopback and link-local addresses may be looked at."""
    concurrency: Annotated[int, Meta(ge=1)] = 1000
    """Checks under way at a time. Each needs a file descriptor, for a moment two."""
    max_wait_s: float = 5.0
    """How long a check that is due waits for its turn; after that it is `inconclusive`."""
    spool_path: Path | None = None
    """File that keeps results until they are delivered. `None`: memory, which ends with the
    process."""
    spool_max_bytes: Annotated[int, Meta(ge=1 << 16)] = 256 << 20
    """Results beyond it: the oldest are dropped, and counted."""
    batch_checks: Annotated[int, Meta(ge=1)] = 1000
    """Results that are delivered at a time, at most."""
    batch_after_s: float = 0.5
    """How long a result waits for others before it is delivered."""
    send_timeout_s: float = 30.0
    """How long a delivery may take before it counts as failed."""
    stop_timeout_s: float = 4.0
    """How long a stop waits for checks under way and for a last delivery."""
    user_agent: str = "Sluice-Prober/1 (uptime monitoring)"
    """Sent by HTTP checks whose monitor names none."""
    ca_file: str = ""
    """PEM file of authorities that are believed beside those of the system."""
    nameservers: tuple[str, ...] = ()
    """Addresses of DNS servers. Empty: those of the system."""
    nameserver_port: int = 53
    rdap_bootstrap_url: str = RDAP_BOOTSTRAP_URL
    """IANA's list of the registries' servers, RFC 9224."""
