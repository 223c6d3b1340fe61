"""The routes of deployments together."""

from collections.abc import Sequence

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from api.account_forms import MAX_FORM_BYTES
from api.by_credential import by_credential
from api.deploys import (
    accounts,
    audit,
    deployments,
    detection,
    domain_names,
    env,
    impact,
    notifications,
    operations,
    projects,
    webhooks,
)
from api.deploys.failures import deploy_handlers
from api.deploys.following import stream_lines
from api.deploys.logs import get_lines
from api.deploys.routing import handlers as routing


def routers(shared_by_path: Sequence[HTTPRouteHandler]) -> list[Router]:
    """Returns what is below `/api/v1`.

    `shared_by_path` answers holders of API tokens on the paths of `projects.SHARED`, in that order.
    """
    shared = [
        by_credential(path, usual, for_tokens)
        for path, usual, for_tokens in zip(PATHS, projects.SHARED, shared_by_path, strict=True)
    ]
    return [
        Router(
            "/api/v1",
            route_handlers=[
                *accounts.HANDLERS,
                *shared,
                *projects.HANDLERS,
                *detection.HANDLERS,
                *deployments.HANDLERS,
                *env.HANDLERS,
                *domain_names.HANDLERS,
                *webhooks.HANDLERS,
                *webhooks.PUBLIC,
                *notifications.HANDLERS,
                *audit.HANDLERS,
                *operations.HANDLERS,
                *impact.HANDLERS,
                *routing.HANDLERS,
                get_lines,
                stream_lines,
            ],
            request_max_body_size=MAX_FORM_BYTES,
            exception_handlers=deploy_handlers(),
            tags=["deploys"],
        ),
    ]


PATHS = ("/projects", "/projects", projects.PROJECT_PATH)
