"""Who asks about monitors: the holder of a monitor key, or of a project's API token."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from api.auth import AnyRequest, services
from api.declared import reject_unknown
from controlplane.api_tokens import TokenHolder, check_scope, project_for
from controlplane.failures import Forbidden
from controlplane.scopes import Subject, allows
from controlplane.tokens import MONITOR_PREFIX, PROBER_PREFIX
from schemas.connections import AUTHENTICATED
from schemas.projects import ProjectContext, ProjectId, TokenScope

HOLDER = "monitor_holder"
"""Under which the state of a request has who asks."""
ProjectOf: TypeAlias = Callable[[AnyRequest], Awaitable[ProjectContext]]


async def monitored_project(
    request: AnyRequest, *, needs: TokenScope = "read", subject: Subject = "monitors"
) -> tuple[ProjectContext, str]:
    """Return the project of the request's key, and what the key is called.

    Raises `Unauthorized`, `Forbidden`, `InvalidParameters`.
    """
    tokens = services(request).api_tokens
    holder = await tokens.monitor_holder_of(request.headers.get("authorization"))
    request.scope["state"] |= {AUTHENTICATED: True, HOLDER: holder}
    await request.app.state.monitor_rates.take(holder.token_id)
    check_scope(holder, needs, subject)
    reject_unknown(request)
    if holder.project_id is None:
        raise Forbidden("Expected a key of one project: sk_live_… or oscp_…")
    database = services(request).database
    reached = await project_for(database, holder, holder.project_id, needs=needs, subject=subject)
    return reached.access.project, holder.name


async def probed_project(request: AnyRequest) -> ProjectContext:
    """Return the project of the request's prober key; raises as `monitored_project`."""
    tokens = services(request).api_tokens
    holder = await tokens.prober_holder_of(request.headers.get("authorization"))
    request.scope["state"][AUTHENTICATED] = True
    await request.app.state.monitor_rates.take(holder.token_id)
    reject_unknown(request)
    # A prober key is of a project, whatever its scope: it can do these two things and no other.
    known = holder.project_id or ProjectId("")
    reached = await project_for(services(request).database, holder, known, needs="read")
    return reached.access.project


def may_write(request: AnyRequest) -> bool:
    """Tell whether who asks may change monitors; to be asked after `monitored_project`."""
    holder: TokenHolder = request.scope["state"][HOLDER]
    return allows(holder.scope, "write", "monitors")


def project_for_checks(project_from_key: ProjectOf) -> ProjectOf:
    """Return how a prober's project is found: by its key, a monitor key or an API key."""

    async def found(request: AnyRequest) -> ProjectContext:
        plain = request.headers.get("authorization", "").removeprefix("Bearer ")
        if plain.startswith(MONITOR_PREFIX):
            project, _ = await monitored_project(request, needs="write")
            return project
        if plain.startswith(PROBER_PREFIX):
            return await probed_project(request)
        return await project_from_key(request)

    return found
