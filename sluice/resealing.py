"""Every sealed column of the installation, put together from what is shared and each system."""

from controlplane import resealing
from controlplane.deploys import sealed as deploys
from controlplane.uptime import sealed as uptime

COLUMNS = (*uptime.SEALED, *deploys.SEALED, *resealing.SEALED)
