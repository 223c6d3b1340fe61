"""Who sends scores: by the public key of a page, or by an API key as Langfuse's SDKs send it."""

from typing import cast

from controlplane.dsn_keys import DsnKeys
from controlplane.failures import Forbidden, Unauthorized
from controlplane.key_headers import api_key_in
from controlplane.keyring import KeyRing
from ingest.app import AnyRequest, header_of, parameter
from ingest.quotas import Quotas
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectContext

KEY_HEADER = b"x-open-sentry-key"
REQUESTS_OF_KEY = 600
REQUESTS_OF_ADDRESS = 60


class PublicLimits:
    """How often pages may send scores, in a minute: everybody can read a page's key."""

    def __init__(self, of_key: int = REQUESTS_OF_KEY, of_address: int = REQUESTS_OF_ADDRESS):
        self._keys = Quotas(of_key, "project")
        self._addresses = Quotas(of_address, "address")

    def take(self, project: ProjectContext, address: str) -> None:
        """Counts one request. Raises `RateLimited` beyond either limit."""
        # An address first: what one visitor sends too much is not counted to the page's others.
        self._addresses.take(f"{project.project_id} {address}")
        self._keys.take(project.project_id)


async def public_sender(request: AnyRequest) -> ProjectContext:
    """Returns the project of a page's key. Raises `Unauthorized`, `Forbidden`, `RateLimited`."""
    key = header_of(request, KEY_HEADER) or parameter(request, "key")
    if not key:
        raise Unauthorized("Missing DSN key: the header X-Open-Sentry-Key, or ?key=")
    found = await cast("DsnKeys", request.app.state.dsn_keys).project_of(key)
    if found is None:
        raise Forbidden("Unknown DSN key")
    limits = cast("PublicLimits", request.app.state.public_scores)
    limits.take(found.context, request.client.host if request.client else "")
    return found.context


async def langfuse_sender(request: AnyRequest) -> ProjectContext:
    """Returns the project of an API key, also in `Authorization: Basic`. Raises `Unauthorized`."""
    key = api_key_in(lambda name: header_of(request, name.encode()))
    found = await cast("KeyRing", request.app.state.keyring).project_of_key(key)
    request.scope["state"][AUTHENTICATED] = True
    return found
