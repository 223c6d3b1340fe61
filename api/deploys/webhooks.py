"""`/api/v1/webhooks`: addresses that git servers tell of pushes, and what they tell there."""

import hashlib
from collections.abc import Mapping
from typing import cast

import structlog
from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api.auth import AnyRequest, client_address, services
from api.deploys.bodies import body_of
from api.deploys.callers import DeployRules, actor_of, caller_in, deploying
from api.deploys.described import by_login
from api.deploys.project_forms import is_branch
from api.deploys.shown import base_of
from api.rates import Rates
from controlplane.database import Database
from controlplane.deploys.deployments import (
    Asked,
    ask_deployment,
    end_preview,
    list_deployments,
)
from controlplane.deploys.git_webhooks import (
    GitWebhook,
    Receiving,
    add_git_webhook,
    find_receiving,
    list_git_webhooks,
    note_received,
    remove_git_webhook,
)
from controlplane.deploys.reaching import project_of_webhook
from controlplane.deploys.rights import refuse_deploying
from controlplane.deploys.rows import Reach
from controlplane.failures import BadRequest, NotFound, Unauthorized
from schemas.deploys.answers import GitWebhookRow, MadeGitWebhook, Received
from schemas.deploys.deployments import Deployment
from schemas.deploys.examples import WEBHOOK
from schemas.deploys.forms import GitWebhookForm
from schemas.deploys.pushes import (
    Told,
    delivery_of,
    is_signed,
    is_to_production,
    read_told,
)
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.states import ENDED
from schemas.described import describes
from schemas.projects import UserId
from schemas.times import iso_ms

MAX_BODY_BYTES = 1 << 20
MAX_DELIVERY_CHARS = 100
ONE = "/webhooks/{git_webhook_id:str}"

log = structlog.get_logger(__name__)


@post(
    "/webhooks",
    status_code=HTTP_201_CREATED,
    summary="Make a webhook for a git server",
    opt=by_login(body=GitWebhookForm, example=WEBHOOK, errors=(404, 409)),
)
async def make_webhook(request: AnyRequest) -> MadeGitWebhook:
    """Make an address for pushes of a project, for admins. This answer alone tells its secret."""
    caller = await caller_in(request, needs="admin")
    form, state = await body_of(request, GitWebhookForm), services(request)
    if form.branch and not is_branch(form.branch):
        raise BadRequest("branch: expected the name of a branch, such as main")
    owner = await deploying(request, caller, form.project_id, needs="admin")
    new = (form.provider, form.branch)
    actor = actor_of(request, caller)
    made, secret = await add_git_webhook(state.database, state.vault, actor, owner, new)
    row = _row(made, base_of(request))
    return MadeGitWebhook(
        **{name: getattr(row, name) for name in row.__struct_fields__}, secret=secret
    )


@get(
    "/webhooks",
    summary="List webhooks of git servers",
    opt=by_login(answer=list[GitWebhookRow]),
)
async def list_webhooks(request: AnyRequest) -> list[GitWebhookRow]:
    """Return the webhooks of the projects of whoever asks, without their secrets."""
    caller = await caller_in(request)
    found = await list_git_webhooks(services(request).database, caller.reach)
    return [_row(one, base_of(request)) for one in found]


@delete(
    ONE, status_code=HTTP_204_NO_CONTENT, summary="Remove a git server's webhook", opt=by_login()
)
async def remove_webhook(request: AnyRequest, git_webhook_id: FromPath[str]) -> None:
    """Remove a webhook, for admins: what is sent there from now on is rejected."""
    caller = await caller_in(request, needs="admin")
    database = services(request).database
    owner = await project_of_webhook(database, caller.looks_in, git_webhook_id)
    await deploying(request, caller, owner, needs="admin")
    await remove_git_webhook(database, actor_of(request, caller), git_webhook_id)


@post(
    f"{ONE}/receive",
    status_code=HTTP_200_OK,
    summary="Take what a git server tells",
    request_max_body_size=MAX_BODY_BYTES,
    opt=describes(errors=(400, 401, 403, 404, 409, 413, 429, 503)),
)
async def receive(request: AnyRequest, git_webhook_id: FromPath[str]) -> Received:
    """Deploy what was pushed. Signed with the webhook's secret; the same delivery deploys once."""
    state = services(request)
    known = await find_receiving(state.database, state.vault, git_webhook_id)
    if known is None:
        await state.attempts.count(client_address(request))
        raise NotFound("webhook not found")
    body, headers = await request.body(), _headers(request)
    provider = known.webhook.provider
    if not is_signed(provider, headers, body, known.secret):
        await state.attempts.count(client_address(request))
        raise Unauthorized("invalid signature")
    await cast("Rates", request.app.state.deploy_rates).take(f"webhook {known.webhook.id}")
    await note_received(state.database, known.webhook.id)
    try:
        told = read_told(provider, headers, body)
    except ValueError as error:
        raise BadRequest(f"body: {error}") from error
    if told is None:
        return Received(ok=True, action="ignored")
    return await _follow(request, known, told, _delivery(known, headers))


PUBLIC = (receive,)
HANDLERS = (make_webhook, list_webhooks, remove_webhook)


async def _follow(
    request: AnyRequest, known: Receiving, told: Told, delivery_id: str | None
) -> Received:
    """Deploys to production or to a preview, ends a preview, or leaves all as it is."""
    database, owner = services(request).database, known.webhook.project_id
    branch = known.webhook.branch or known.app_branch
    to_production = is_to_production(told, branch)
    if told.is_gone:
        for environment in told.ending:
            await end_preview(database, owner, environment)
        return Received(ok=True, action="ended")
    wants_preview = known.wants_previews and told.branch != branch
    if not is_branch(told.branch) or not (to_production or wants_preview):
        return Received(ok=True, action="ignored")
    rules = cast("DeployRules", request.app.state.deploy_rules)
    owner_id = None if known.owner_id is None else UserId(known.owner_id)
    await refuse_deploying(database, rules.by, owner_id)
    asked = Asked(
        project_id=owner,
        author=f"webhook of {known.webhook.provider}",
        origin="webhook",
        environment=PRODUCTION if to_production else told.environment,
        branch=told.branch,
        commit_sha=told.commit_sha,
        commit_msg=told.commit_msg,
        delivery_id=delivery_id,
    )
    made = None if to_production else await _under_way(database, asked)
    made = made or await ask_deployment(database, asked)
    log.info("pushed", project_id=owner, deployment_id=made.id, environment=made.environment)
    return Received(
        ok=True, action="deployed" if to_production else "preview", deployment_id=made.id
    )


async def _under_way(database: Database, asked: Asked) -> Deployment | None:
    """Returns what a preview has already of the same commit: its push, or its request, came first.

    `None` where it has nothing of it that goes on.
    """
    reach, environment = Reach(project_id=asked.project_id), asked.environment
    newest = await list_deployments(database, reach, environment=environment, limit=1)
    for one in newest:
        goes_on = one.status not in ENDED and one.cancel_us is None
        if goes_on and one.commit_sha == asked.commit_sha:
            return one
    return None


def _delivery(known: Receiving, headers: Mapping[str, str]) -> str | None:
    """Returns what names a message among all of its project."""
    given = delivery_of(known.webhook.provider, headers)
    if not given:
        return None
    name = f"{known.webhook.id} {given}"
    if len(name) <= MAX_DELIVERY_CHARS and name.isprintable():
        return name
    return hashlib.sha256(name.encode()).hexdigest()


def _headers(request: AnyRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _row(one: GitWebhook, base: str) -> GitWebhookRow:
    return GitWebhookRow(
        id=one.id,
        project_id=one.project_id,
        provider=one.provider,
        branch=one.branch,
        webhook_url=f"{base}/api/v1/webhooks/{one.id}/receive",
        created_at=iso_ms(one.created_us),
        received_at=None if one.received_us is None else iso_ms(one.received_us),
    )
