"""The route that takes checks, for probers that reach Sluice by HTTP alone; and their form."""

from collections.abc import Callable, Mapping

import msgspec
from litestar import Router, post
from litestar.di import Provide
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import Raw, Struct

from eventlog.producer import Items
from ingest.app import AnyRequest, Project, ProjectOf, accept
from ingest.forms import Form, Split
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.described import describes
from schemas.issues import Checked, Issue
from schemas.kinds import CHECK
from schemas.uptime.checks import SentCheck
from schemas.uptime.examples import CHECKS
from schemas.uptime.rows import check_id

MAX_CHECKS = 1000
_items = msgspec.json.Decoder(list[Raw])
_check = msgspec.json.Decoder(SentCheck)


class Taken(Struct):
    """The checks are durable."""

    status: str
    count: int


@post(
    "/checks",
    status_code=HTTP_202_ACCEPTED,
    summary="Send what a prober saw",
    description=f"A JSON array of at most {MAX_CHECKS} checks.",
    request_max_body_size=None,
    opt=describes(body=list[SentCheck], example=CHECKS, errors=(408, 415, 429, 503)),
)
async def take_checks(request: AnyRequest, project: Project) -> Taken:
    """Accept checks of monitors; answers when they are durable."""
    accepted = await accept(request, project, CHECK.name, retried=True)
    return Taken("queued", accepted.total)


def routers(project_from_key: ProjectOf, _: ProjectOf) -> list[Router]:
    """Returns the route, by the project's key or a monitor key."""
    project = Provide(project_from_key)
    return [
        Router(
            "/v1", route_handlers=[take_checks], dependencies={"project": project}, tags=["ingest"]
        )
    ]


def forms() -> dict[str, Form]:
    """Returns the form of the request."""
    return {CHECK.name: Form(CHECK.name, split)}


def checks() -> Mapping[str, Callable[[bytes, int], Checked]]:
    """Returns how one check is checked, by the name of its kind."""

    def checked(item: bytes, most: int) -> Checked:
        try:
            _named(item, most, 0)
        except (BadItems, ItemTooLarge) as error:
            return Checked(item, [Issue([], error.message)])
        return Checked(item, [])

    return {CHECK.name: checked}


def split(body: bytes, _: Mapping[str, str], max_item_bytes: int) -> Split:
    """Splits an array of checks. Raises `Rejected`: one bad check rejects all."""
    try:
        items = [bytes(item) for item in _items.decode(body)]
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadItems("Expected an array of checks", items=1) from error
    except msgspec.DecodeError as error:
        raise BadJson(str(error)) from error
    if len(items) > MAX_CHECKS:
        raise BadItems(f"Expected at most {MAX_CHECKS} checks", items=len(items))
    ids = [_named(item, max_item_bytes, number, len(items)) for number, item in enumerate(items)]
    return Split([Items(CHECK, items, ids)])


def _named(item: bytes, max_item_bytes: int, number: int, items: int = 1) -> str:
    if len(item) > max_item_bytes:
        raise ItemTooLarge(f"Check {number} is too long", items=items)
    try:
        check = _check.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadItems(f"Check {number}: {error}", items=items) from error
    return check_id(check.monitor_id, check.region, check.slot_us, check.attempt)
