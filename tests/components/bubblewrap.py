"""The sandbox of the driver `bubblewrap`."""

from deploys.drivers.bubblewrap import Bubblewrap
from deploys.drivers.driver import DriverUnavailable


def why_not() -> str | None:
    """Say why no sandbox can be made here, None if one can."""
    try:
        Bubblewrap(())
    except DriverUnavailable as missing:
        return str(missing)
    return None
