"""`/v1/webhooks`: where events are posted, what became of each, and sending them again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import UNSET, Meta, Struct, UnsetType

from api.auth import AnyRequest, services
from api.declared import takes
from api.parameters import read, values_of
from api.uptime.bodies import asked, body_of
from api.uptime.cursors import read_cursor, written
from api.uptime.holders import monitored_project
from api.uptime.monitors import READS, WRITES, PageQuery
from controlplane.uptime.webhook_messages import MessagePlace, list_messages, replay
from controlplane.uptime.webhooks import (
    add_webhook,
    get_webhook,
    list_webhooks,
    open_webhook,
    remove_webhook,
    replace_webhook,
)
from schemas.described import describes
from schemas.messages import Sent
from schemas.projects import ProjectId
from schemas.times import iso_ms
from schemas.uptime.examples import WEBHOOK
from schemas.uptime.webhook_answers import (
    DeliveryAnswer,
    DeliveryPage,
    Replayed,
    WebhookAnswer,
    WebhookList,
    WebhookRemoved,
    WebhookTried,
)
from schemas.uptime.webhooks import (
    Webhook,
    WebhookForm,
    WebhookMessage,
    WebhookMessageState,
)
from schemas.webhooks import WebhookSecret

Try = Callable[[ProjectId, Webhook, WebhookSecret], Awaitable[Sent]]
"""The state's `try_webhook`: posts a test at once."""


class DeliveriesQuery(PageQuery, frozen=True, kw_only=True):
    """Which deliveries of a webhook."""

    delivery_state: WebhookMessageState | None = None


class ReplayQuery(Struct, frozen=True, kw_only=True):
    """What is sent again."""

    delivery_id: Annotated[str, Meta(max_length=40)] | None = None


@post(
    "/webhooks",
    status_code=HTTP_201_CREATED,
    summary="Make a webhook",
    opt=describes(body=WebhookForm, example=WEBHOOK, asks="monitor", errors=WRITES),
)
async def post_webhook(request: AnyRequest) -> WebhookAnswer:
    """Have events of the project posted to a URL. The answer alone tells the secret."""
    project, _ = await monitored_project(request, needs="write")
    form, known = await body_of(request, WebhookForm), services(request)
    made, secret = await add_webhook(known.database, known.vault, project.project_id, form)
    return _answer(made, "Webhook created: keep its secret, it is not shown again", secret)


@get("/webhooks", summary="List webhooks", opt=asked(WebhookList))
async def get_webhooks(request: AnyRequest) -> WebhookList:
    """Return the webhooks of the project, the oldest first, without their secrets."""
    project, _ = await monitored_project(request)
    found = await list_webhooks(services(request).database, project.project_id)
    return WebhookList([_answer(one, "") for one in found])


@get("/webhooks/{webhook_id:str}", summary="Show a webhook", opt=asked(WebhookAnswer))
async def show_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> WebhookAnswer:
    """Return a webhook, without its secret."""
    project, _ = await monitored_project(request)
    database = services(request).database
    return _answer(await get_webhook(database, project.project_id, webhook_id), "")


@put(
    "/webhooks/{webhook_id:str}",
    summary="Change a webhook",
    opt=describes(body=WebhookForm, example=WEBHOOK, asks="monitor", errors=WRITES),
)
async def put_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> WebhookAnswer:
    """Replace what a webhook is; its secret stays. Deliveries that wait go to the new URL."""
    project, _ = await monitored_project(request, needs="write")
    form, known = await body_of(request, WebhookForm), services(request)
    of = (project.project_id, webhook_id)
    return _answer(await replace_webhook(known.database, known.vault, of, form), "Webhook changed")


@delete(
    "/webhooks/{webhook_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove a webhook",
    opt=describes(asks="monitor", errors=READS),
)
async def delete_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> WebhookRemoved:
    """Remove a webhook with its deliveries; what waits is not sent."""
    project, _ = await monitored_project(request, needs="write")
    await remove_webhook(services(request).database, project.project_id, webhook_id)
    return WebhookRemoved(webhook_id, "Webhook removed")


@post(
    "/webhooks/{webhook_id:str}/test",
    status_code=HTTP_200_OK,
    summary="Test a webhook",
    opt=describes(asks="monitor", errors=READS),
)
async def post_trial(request: AnyRequest, webhook_id: FromPath[str]) -> WebhookTried:
    """Post an event of type `ping` at once, and return what came of it."""
    project, _ = await monitored_project(request, needs="write")
    known = services(request)
    found = await open_webhook(known.database, known.vault, project.project_id, webhook_id)
    sent = await cast("Try", request.app.state.try_webhook)(project.project_id, *found)
    message = f"The webhook did not take it: {sent.error}" if sent.error else "Delivered"
    return WebhookTried(not sent.error, sent.status, sent.error, message)


@get(
    "/webhooks/{webhook_id:str}/deliveries",
    summary="List deliveries of a webhook",
    opt={**takes(DeliveriesQuery), **asked(DeliveryPage)},
)
async def get_deliveries(request: AnyRequest, webhook_id: FromPath[str]) -> DeliveryPage:
    """Return what was sent to a webhook, or is to be, the newest first."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), DeliveriesQuery)
    found = await list_messages(
        services(request).database,
        (project.project_id, webhook_id),
        state=query.delivery_state,
        limit=query.limit + 1,
        beyond=None if query.cursor is None else MessagePlace(*read_cursor(query.cursor)),
    )
    page = found[: query.limit]
    last = page[-1] if len(found) > len(page) else None
    cursor = None if last is None else written(last.created_us, last.delivery_id)
    return DeliveryPage([_delivery(one) for one in page], cursor)


@post(
    "/webhooks/{webhook_id:str}/replay",
    status_code=HTTP_202_ACCEPTED,
    summary="Send deliveries of a webhook again",
    opt={**takes(ReplayQuery), **describes(asks="monitor", errors=READS)},
)
async def post_replay(request: AnyRequest, webhook_id: FromPath[str]) -> Replayed:
    """Send one delivery again, or all dead ones where none is named."""
    project, _ = await monitored_project(request, needs="write")
    query = read(values_of(request), ReplayQuery)
    of = (project.project_id, webhook_id)
    count = await replay(services(request).database, of, query.delivery_id)
    return Replayed(count, f"{count} deliveries are sent again")


def _answer(webhook: Webhook, message: str, secret: str | UnsetType = UNSET) -> WebhookAnswer:
    return WebhookAnswer(
        webhook_id=webhook.webhook_id,
        target=webhook.target,
        events=list(webhook.events),
        description=webhook.description,
        created_at=iso_ms(webhook.created_us),
        secret=secret,
        message=message,
    )


def _delivery(one: WebhookMessage) -> DeliveryAnswer:
    is_due = one.state == "pending"
    return DeliveryAnswer(
        delivery_id=one.delivery_id,
        event_id=one.event_id,
        event_type=one.event_type,
        state=one.state,
        attempts=one.attempts,
        next_attempt_at=iso_ms(one.next_attempt_us) if is_due else None,
        last_status=one.last_status,
        last_error=one.last_error,
        created_at=iso_ms(one.created_us),
        delivered_at=None if one.delivered_us is None else iso_ms(one.delivered_us),
    )


HANDLERS = (
    *(post_webhook, get_webhooks, show_webhook, put_webhook, delete_webhook),
    *(post_trial, get_deliveries, post_replay),
)
