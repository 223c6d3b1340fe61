"""Notifications: checked when they are configured, tried, and told without their secrets.

The pages of monitors call these too.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from litestar import post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from api.auth import AnyRequest, services
from api.uptime.holders import monitored_project
from controlplane.aims import Sight
from controlplane.failures import BadRequest
from controlplane.uptime.policies import Names
from controlplane.uptime.tried import (
    list_notifications,
    sights_of_monitor,
    sights_of_policy,
    tell_again,
)
from schemas.aims import CHANNEL, HIDDEN, read_aim
from schemas.described import describes
from schemas.messages import Sent
from schemas.projects import ProjectId
from schemas.times import iso_ms
from schemas.uptime.answers import NotificationLine, ToldAgain
from schemas.uptime.notices import Notification
from schemas.uptime.policy_answers import TargetTest, TargetTests

Unknown = Callable[[Sequence[str]], Awaitable[list[int]]]
"""The state's `unknown_targets`."""
Try = Callable[[str, Sequence[Sight]], Awaitable[list[Sent]]]
"""The state's `try_targets`: sends a test at once."""


async def check_known(request: AnyRequest, texts: Any, field: str) -> None:
    """Raises `BadRequest`, naming the entry, where Apprise does not know one of these."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return  # Who reads the field says so.
    for number in await cast("Unknown", request.app.state.unknown_targets)(texts):
        shown = shown_of(texts[number])
        raise BadRequest(f"{field}[{number}]: Apprise does not know {shown}, or it lacks a part")


def shown_of(text: str) -> str:
    """Returns what may be told of a notification."""
    aim = read_aim(text)
    return HIDDEN if aim is None else aim.shown


def warnings_of(policy: str | None, texts: Sequence[str], names: Names) -> list[str]:
    """Returns what is named and not there."""
    found = []
    if policy is not None and policy not in names.policies:
        found.append(
            f"escalation_policy: there is none called {policy!r}: until there is,"
            " notifications alone are told"
        )
    channels = [shown_of(text) for text in texts if text.strip().startswith(CHANNEL)]
    missing = [one for one in channels if one.removeprefix(CHANNEL) not in names.channels]
    return found + [f"notifications: there is no {one}" for one in missing]


async def told_of(
    request: AnyRequest, project_id: ProjectId, incident_id: str
) -> list[NotificationLine]:
    """Returns what was told of an incident."""
    found = await list_notifications(services(request).database, project_id, incident_id)
    return [_line(one) for one in found]


async def try_monitor(request: AnyRequest, project_id: ProjectId, monitor_id: str) -> TargetTests:
    """Sends a test to each notification of a monitor; raises `NotFound`."""
    known = services(request)
    of = await sights_of_monitor(known.database, known.vault, project_id, monitor_id)
    return await _tried(request, *of)


async def try_policy(request: AnyRequest, project_id: ProjectId, policy_id: str) -> TargetTests:
    """Sends a test to each target of a policy; raises `NotFound`."""
    known = services(request)
    of = await sights_of_policy(known.database, known.vault, project_id, policy_id)
    return await _tried(request, *of)


@post(
    "/monitors/{monitor_id:str}/notifications/test",
    status_code=HTTP_200_OK,
    summary="Try the notifications of a monitor",
    opt=describes(asks="monitor", errors=(422, 429)),
)
async def post_monitor_test(request: AnyRequest, monitor_id: FromPath[str]) -> TargetTests:
    """Send a test to each target at once, and return what it came to. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    return await try_monitor(request, project.project_id, monitor_id)


@post(
    "/incidents/{incident_id:str}/notifications/replay",
    status_code=HTTP_202_ACCEPTED,
    summary="Send what nobody took again",
    opt=describes(asks="monitor", errors=(404, 422)),
)
async def post_again(request: AnyRequest, incident_id: FromPath[str]) -> ToldAgain:
    """Send the notifications of an incident again that are `dead` or `failed`. Needs `write`."""
    project, _ = await monitored_project(request, needs="write", subject="incidents")
    count = await tell_again(services(request).database, project.project_id, incident_id)
    return ToldAgain(count, f"{count} notifications are sent again")


@post(
    "/escalation-policies/{policy_id:str}/test",
    status_code=HTTP_200_OK,
    summary="Try an escalation policy",
    opt=describes(asks="monitor", errors=(422, 429)),
)
async def post_policy_test(request: AnyRequest, policy_id: FromPath[str]) -> TargetTests:
    """Send a test to the targets of all steps at once, and return what each came to."""
    project, _ = await monitored_project(request, needs="write")
    return await try_policy(request, project.project_id, policy_id)


async def _tried(request: AnyRequest, name: str, sights: Sequence[Sight]) -> TargetTests:
    sent = await cast("Try", request.app.state.try_targets)(name, sights)
    results = [
        TargetTest(sight.shown, not one.error, one.status, one.error)
        for sight, one in zip(sights, sent, strict=True)
    ]
    taken = sum(one.ok for one in results)
    return TargetTests(results, f"{taken} of {len(results)} targets took the test")


def _line(one: Notification) -> NotificationLine:
    return NotificationLine(
        message_id=one.message_id,
        kind=one.kind,
        step=max(one.step, 0),
        target=one.target,
        state=one.state,
        attempts=one.attempts,
        last_status=one.last_status,
        last_error=one.last_error,
        created_at=iso_ms(one.created_us),
        delivered_at=None if one.delivered_us is None else iso_ms(one.delivered_us),
    )


HANDLERS = (post_monitor_test, post_policy_test, post_again)
