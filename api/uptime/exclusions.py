"""`/v1/monitors/{monitor_id}/exclusions`: times of a monitor that people void."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.uptime.bodies import asked, body_of
from api.uptime.holders import monitored_project
from controlplane.failures import BadRequest
from controlplane.uptime.exclusions import (
    MAX_REASON_CHARS,
    Exclusion,
    add_exclusion,
    list_exclusions,
    remove_exclusion,
)
from schemas.described import describes
from schemas.times import iso_ms, parse_timestamp_us
from schemas.uptime.answers import ExclusionAnswer, ExclusionList, ExclusionRemoved
from schemas.uptime.examples import EXCLUSION
from schemas.uptime.stretches import Stretch

Moment = Annotated[str, Meta(max_length=40)]


class ExclusionForm(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"from_at": "from", "to_at": "to"},
):
    """A time to void, and why."""

    from_at: Moment
    to_at: Moment
    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON_CHARS)]


@post(
    "/monitors/{monitor_id:str}/exclusions",
    status_code=HTTP_201_CREATED,
    summary="Void a time of a monitor",
    opt=describes(body=ExclusionForm, example=EXCLUSION, asks="monitor", errors=(409, 422, 429)),
)
async def post_exclusion(request: AnyRequest, monitor_id: FromPath[str]) -> ExclusionAnswer:
    """Void a time that is over: uptime leaves it out. Needs the scope `write`."""
    project, author = await monitored_project(request, needs="write")
    form = await body_of(request, ExclusionForm)
    when = Stretch(_moment("from", form.from_at), _moment("to", form.to_at))
    of = (project.project_id, monitor_id)
    made = await add_exclusion(
        services(request).database, of, when, reason=form.reason, author=author
    )
    return _answer(made)


@get(
    "/monitors/{monitor_id:str}/exclusions",
    summary="List voided times of a monitor",
    opt=asked(ExclusionList),
)
async def get_exclusions(request: AnyRequest, monitor_id: FromPath[str]) -> ExclusionList:
    """Return the voided times of a monitor, the newest first."""
    project, _ = await monitored_project(request)
    of = (project.project_id, monitor_id)
    return ExclusionList(
        [_answer(one) for one in await list_exclusions(services(request).database, of)]
    )


@delete(
    "/monitors/{monitor_id:str}/exclusions/{exclusion_id:str}",
    status_code=HTTP_200_OK,
    summary="Have a voided time count again",
    opt=describes(asks="monitor", errors=(422, 429)),
)
async def delete_exclusion(
    request: AnyRequest, monitor_id: FromPath[str], exclusion_id: FromPath[str]
) -> ExclusionRemoved:
    """Have a time count again. Needs the scope `write`."""
    project, _ = await monitored_project(request, needs="write")
    of = (project.project_id, monitor_id)
    await remove_exclusion(services(request).database, of, exclusion_id)
    return ExclusionRemoved(exclusion_id, "Exclusion removed")


def _moment(name: str, text: str) -> int:
    try:
        return parse_timestamp_us(text)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}") from error


def _answer(one: Exclusion) -> ExclusionAnswer:
    return ExclusionAnswer(
        exclusion_id=one.exclusion_id,
        from_at=iso_ms(one.from_us),
        to_at=iso_ms(one.until_us),
        reason=one.reason,
        author=one.author,
        created_at=iso_ms(one.created_us),
    )


HANDLERS = (post_exclusion, get_exclusions, delete_exclusion)
