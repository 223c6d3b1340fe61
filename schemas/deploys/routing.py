"""Where requests for an app go."""

from msgspec import Struct

PRODUCTION = "production"


class Route(Struct, frozen=True, kw_only=True):
    """The instance that serves an environment of a project now."""

    project_id: str
    environment: str
    """`production`, or the name of a preview."""
    hosts: tuple[str, ...]
    """Names of hosts whose requests it gets beside those of its path: verified domains."""
    address: str
    port: int
    instance_id: str
