"""What admins do about dead letters: repair and replay one, replay or discard those that fit.

Each action answers with the page that says what happened, and may be repeated: a dead letter is
replayed once, whoever asks and however often.
"""

import asyncio

import msgspec
from litestar import Response, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest
from api.dead_letters import Found, ProjectDeadLetters
from api.pages.forms import fields_of
from api.pages.pipeline.dead import COUNTED, PATH, filter_of, found_in, held_in, shown
from api.pages.render import address_of
from api.pages.viewer import NotYours, Viewed, Viewer
from api.parameters import values_of
from eventlog.dead_letters import AlreadyReplayed
from eventlog.replays import NotReplayable
from schemas.issues import Checked, Issue

MAX_BODY_BYTES = 1 << 20
"""Of the form with a repaired body, in which each byte may take three."""


@post(
    f"{PATH}/{{ref:str}}/replay",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
)
async def replay_one(request: AnyRequest, viewer: Viewed, ref: FromPath[str]) -> Response[str]:
    """Send one again: as it came, or with the body of the form, which ingest would have to take."""
    _admins_only(viewer)
    found, body = await found_in(request, viewer, ref), (await fields_of(request)).get("body")
    corrected = None
    if body is not None:
        checked = _checked(held_in(request), found, body)
        if checked.issues:
            return await shown(request, found, problems=checked.issues, body=body, status_code=400)
        corrected = checked.item
    try:
        await held_in(request).replay(viewer.project.project_id, ref, corrected)
    except AlreadyReplayed:
        return _to(request, ref, "replayed-before")
    except NotReplayable:
        problem = Issue([], "It cannot be sent as it is: its kind is not known here.")
        return await shown(request, found, problems=[problem], status_code=400)
    return _to(request, ref, "replayed" if corrected is None else "repaired")


@post(f"{PATH}/{{ref:str}}/discard", include_in_schema=False, status_code=200)
async def discard_one(request: AnyRequest, viewer: Viewed, ref: FromPath[str]) -> Response[str]:
    """Mark one as not worth a repair."""
    _admins_only(viewer)
    await found_in(request, viewer, ref)
    done = await held_in(request).discard(viewer.project.project_id, [ref])
    return _to(request, ref, "discarded" if done else "discarded-before")


@post(f"{PATH}/replay", include_in_schema=False, status_code=200)
async def replay_fitting(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Send all again that wait and fit the filter of the address."""
    _admins_only(viewer)
    refs = await _fitting(request, viewer)
    done = await held_in(request).replay_all(viewer.project.project_id, refs)
    return _to_list(request, "all-replayed", done)


@post(f"{PATH}/discard", include_in_schema=False, status_code=200)
async def discard_fitting(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Mark all that wait and fit the filter of the address."""
    _admins_only(viewer)
    refs = await _fitting(request, viewer)
    done = await held_in(request).discard(viewer.project.project_id, refs)
    return _to_list(request, "all-discarded", (done, len(refs) - done, 0, 0))


async def _fitting(request: AnyRequest, viewer: Viewer) -> list[str]:
    wanted = filter_of(values_of(request))
    found = await held_in(request).summaries(viewer.project.project_id)
    fitting = await asyncio.to_thread(lambda: [one for one in found if wanted.fits(one)])
    return [one.ref for one in fitting if one.waits]


def _checked(held: ProjectDeadLetters, found: Found, text: str) -> Checked:
    """Returns a form's text as an item, without the blanks that make it readable."""
    item = text.encode()
    try:
        item = msgspec.json.format(item, indent=-1)
        if not item.startswith(b"{"):
            return Checked(item, [Issue([], "Expected one JSON object")])
    except (msgspec.DecodeError, RecursionError) as error:
        return Checked(item, [Issue([], f"This is no JSON: {error}")])
    return held.check(found.summary, item)


def _to(request: AnyRequest, ref: str, done: str) -> Response[str]:
    kept = {name: one for name, one in values_of(request).items() if name not in COUNTED}
    address = address_of(request)
    return _seen(address.page("pipeline/dead", **{**kept, "open": ref, "done": done}))


def _to_list(request: AnyRequest, done: str, counts: tuple[int, int, int, int]) -> Response[str]:
    kept = {one: text for one, text in values_of(request).items() if one not in ("older", "open")}
    counted = dict(zip(COUNTED, counts, strict=True))
    address = address_of(request)
    return _seen(address.page("pipeline/dead", **{**kept, **counted, "done": done}))


def _seen(target: str) -> Response[str]:
    return Redirect(target, status_code=303)


def _admins_only(viewer: Viewer) -> None:
    if not viewer.is_admin:
        raise NotYours
