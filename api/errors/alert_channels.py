"""`/dashboard/api/alert-channels`: where alerts go, and whether they arrive there."""

from collections.abc import Awaitable, Callable
from typing import cast

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler

from api.auth import AnyRequest, admin_project_from_session, project_from_session, services
from api.bodies import body_of
from api.errors.alert_rules import time_of
from api.sessions import Done
from controlplane.channels import (
    add_channel,
    list_channels,
    open_channel,
    remove_channel,
    replace_channel,
)
from schemas.channels import Channel, ChannelConfig, ChannelForm
from schemas.described import describes
from schemas.errors.alert_answers import AlertChannelAnswer, AlertChannels, AlertTest
from schemas.messages import Sent
from schemas.projects import ProjectId

Try = Callable[[ProjectId, Channel, ChannelConfig], Awaitable[Sent]]
"""The state's `try_channel`: sends a test at once."""

CHANNEL = {
    "name": "On call",
    "kind": "webhook",
    "config": {"url": "https://hooks.example.com/sluice", "secret": "of-your-own-choice"},
}


@get("/alert-channels", summary="List alert channels", opt=describes(asks="project"))
async def show_alert_channels(request: AnyRequest) -> AlertChannels:
    """Return the channels of the project in `X-Project-Id`, for its members, without secrets."""
    project = await project_from_session(request)
    channels = await list_channels(services(request).database, project.project_id)
    return AlertChannels([_answer(channel) for channel in channels])


@post(
    "/alert-channels",
    status_code=HTTP_201_CREATED,
    summary="Make an alert channel",
    opt=describes(body=ChannelForm, example=CHANNEL, asks="project", errors=(409,)),
)
async def post_alert_channel(request: AnyRequest) -> AlertChannelAnswer:
    """Make a channel, for admins. What is in `config` depends on its kind, and is sealed."""
    project = await admin_project_from_session(request)
    form, state = await body_of(request, ChannelForm), services(request)
    return _answer(await add_channel(state.database, state.vault, project.project_id, form))


@put(
    "/alert-channels/{channel_id:str}",
    summary="Change an alert channel",
    opt=describes(body=ChannelForm, example=CHANNEL, asks="project"),
)
async def put_alert_channel(request: AnyRequest, channel_id: FromPath[str]) -> AlertChannelAnswer:
    """Change a channel, for admins. What is left out of `config` or empty stays as it is."""
    project = await admin_project_from_session(request)
    form, state = await body_of(request, ChannelForm), services(request)
    database, vault = state.database, state.vault
    return _answer(await replace_channel(database, vault, project.project_id, channel_id, form))


@post(
    "/alert-channels/{channel_id:str}/test",
    status_code=HTTP_200_OK,
    summary="Try an alert channel",
    opt=describes(asks="project"),
)
async def test_alert_channel(request: AnyRequest, channel_id: FromPath[str]) -> AlertTest:
    """Send a test through a channel at once, for admins, and return what came of it."""
    project = await admin_project_from_session(request)
    return await try_channel(request, project.project_id, channel_id)


@delete(
    "/alert-channels/{channel_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove an alert channel",
    opt=describes(asks="project"),
)
async def delete_alert_channel(request: AnyRequest, channel_id: FromPath[str]) -> Done:
    """Remove a channel with its messages, for admins."""
    project = await admin_project_from_session(request)
    await remove_channel(services(request).database, project.project_id, channel_id)
    return Done()


HANDLERS: tuple[ControllerRouterHandler, ...] = (
    *(show_alert_channels, post_alert_channel, put_alert_channel),
    *(test_alert_channel, delete_alert_channel),
)


async def try_channel(request: AnyRequest, project_id: ProjectId, channel_id: str) -> AlertTest:
    """Sends a test; raises `NotFound`."""
    state = services(request)
    channel, config = await open_channel(state.database, state.vault, project_id, channel_id)
    sent = await cast("Try", request.app.state.try_channel)(project_id, channel, config)
    return AlertTest(not sent.error, sent.status, sent.error)


def _answer(channel: Channel) -> AlertChannelAnswer:
    made = time_of(channel.created_us)
    return AlertChannelAnswer(channel.id, channel.name, channel.kind, channel.target, made)
