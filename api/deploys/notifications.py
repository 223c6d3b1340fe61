"""`/api/v1/notifications/config`: who is told of the deployments of a project."""

from typing import Annotated

from litestar import get, put
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from api.auth import AnyRequest, services
from api.deploys.bodies import body_of
from api.deploys.callers import actor_of, caller_in, deploying, reached
from api.deploys.described import by_login
from api.parameters import read, values_of
from controlplane.deploys.app_views import AppView
from controlplane.deploys.apps import change_app, get_app, open_app
from controlplane.failures import BadRequest
from schemas.aims import Aim, read_aim
from schemas.deploys.answers import NotificationConfig
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.examples import NOTIFICATIONS, PROJECT_ID
from schemas.deploys.forms import NotificationForm
from schemas.projects import ProjectId
from schemas.times import iso_ms

MAX_TARGETS = 20
SORTS = ("slack_webhook_url", "discord_webhook_url")


class ConfigQuery(Struct, frozen=True, kw_only=True):
    """Of which project."""

    project_id: Annotated[
        str,
        Meta(min_length=1, max_length=64, description="Id of the project.", examples=[PROJECT_ID]),
    ]


@get(
    "/notifications/config",
    summary="Show who is told of deployments",
    opt=by_login(ConfigQuery, errors=(404,)),
)
async def show_config(request: AnyRequest) -> NotificationConfig:
    """Return who is told of a project's deployments, without what is secret of a target."""
    caller = await caller_in(request)
    owner = await reached(request, caller, read(values_of(request), ConfigQuery).project_id)
    return await _shown(request, owner)


@put(
    "/notifications/config",
    summary="Change who is told of deployments",
    opt=by_login(body=NotificationForm, example=NOTIFICATIONS, errors=(404,)),
)
async def change_config(request: AnyRequest) -> NotificationConfig:
    """Change who is told of a project's deployments, for admins. What is left out stays."""
    caller = await caller_in(request, needs="admin")
    form, state = await body_of(request, NotificationForm), services(request)
    owner = await deploying(request, caller, form.project_id, needs="admin")

    def change(config: AppConfig, secrets: AppSecrets) -> tuple[AppConfig, AppSecrets]:
        success, failure = form.notify_on_success, form.notify_on_failure
        after = replace(
            config,
            notify_on_success=config.notify_on_success if success is UNSET else success,
            notify_on_failure=config.notify_on_failure if failure is UNSET else failure,
        )
        return after, replace(secrets, notifications=targets_of(secrets.notifications, form))

    await change_app(state.database, state.vault, actor_of(request, caller), owner, change)
    return await _shown(request, owner)


HANDLERS = (show_config, change_config)


def targets_of(held: tuple[str, ...], form: NotificationForm) -> tuple[str, ...]:
    """Returns who is told after a form. Raises `BadRequest`."""
    targets = list(held)
    if form.notifications is not UNSET:
        # What was shown, and comes back, is what it was shown for.
        by_shown = {aim.shown: aim.text for aim in map(_aim, held)}
        targets = [by_shown.get(text) or _aim(text).text for text in form.notifications]
    for name in SORTS:
        given = getattr(form, name)
        if given is not UNSET:
            kind = name.partition("_")[0]
            targets = [text for text in targets if _aim(text).kind != kind]
            targets += [_of_kind(name, given, kind)] if given else []
    if form.smtp_to is not UNSET:
        targets = [text for text in targets if _aim(text).kind != "email"]
        addresses = filter(None, (one.strip() for one in form.smtp_to.split(",")))
        targets += [_of_kind("smtp_to", f"mailto:{one}", "email") for one in addresses]
    if len(targets) > MAX_TARGETS:
        raise BadRequest(f"notifications: expected at most {MAX_TARGETS} targets")
    return tuple(dict.fromkeys(targets))


def _of_kind(field: str, text: str, kind: str) -> str:
    aim = read_aim(text)
    if aim is None or aim.kind != kind or not text.isprintable():
        expected = "email addresses, with commas" if kind == "email" else f"a webhook of {kind}"
        raise BadRequest(f"{field}: expected {expected}")
    return aim.text


def _aim(text: str) -> Aim:
    aim = read_aim(text)
    if aim is None or not text.isprintable():
        raise BadRequest(
            "notifications: expected URLs, such as https://example.com/hook,"
            " mailto:ann@example.com or channel:NAME"
        )
    return aim


async def _shown(request: AnyRequest, owner: ProjectId) -> NotificationConfig:
    state = services(request)
    view = await get_app(state.database, state.vault, owner)
    config, secrets = await open_app(state.database, state.vault, owner)
    return _row(view, config, [aim for one in secrets.notifications if (aim := read_aim(one))])


def _row(view: AppView, config: AppConfig, aims: list[Aim]) -> NotificationConfig:
    kinds = {aim.kind for aim in aims}
    return NotificationConfig(
        id=view.project_id,
        created_at=iso_ms(view.created_us),
        updated_at=iso_ms(view.updated_us),
        user_id=view.user_id,
        project_id=view.project_id,
        notifications=[aim.shown for aim in aims],
        has_slack_webhook="slack" in kinds,
        has_discord_webhook="discord" in kinds,
        smtp_to=", ".join(to for aim in aims for to in aim.config.recipients),
        notify_on_success=config.notify_on_success,
        notify_on_failure=config.notify_on_failure,
    )
