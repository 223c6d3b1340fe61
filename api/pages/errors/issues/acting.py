"""What people do about issues: forms of the list and of one issue.

Each answers with the page that says what was done, and may be repeated. Members do so, and whoever
came by a key of the project, as through the API.
"""

import time
from collections.abc import Mapping, Sequence

from litestar import Response, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.errors.issues.acts import (
    BOUNDED,
    MOST_FINGERPRINTS,
    MOST_ISSUES,
    Act,
    act_of,
    chosen_in,
)
from api.pages.errors.issues.done import NAMES, written
from api.pages.errors.issues.joining import merged, split_off
from api.pages.errors.issues.standing import row_of
from api.pages.errors.issues.whom import by_whom
from api.pages.forms import ticks_of
from api.pages.render import address_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.failures import BadRequest, Conflict
from schemas.projects import UserId

MOST_FIELDS = MOST_ISSUES + MOST_FINGERPRINTS + 10
SECOND_US = 1_000_000
ISSUES = "errors/issues"


@post("/errors/issues", include_in_schema=False, status_code=200)
async def act_on_issues(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Do something with the issues that are selected, and show the list again."""
    fields = await ticks_of(request, MOST_FIELDS)
    act = act_of(_last(fields, "act"))
    chosen = chosen_in(fields, "issue", at_most=MOST_ISSUES)
    kept = {name: one for name, one in values_of(request).items() if name not in (*NAMES, "open")}
    if not chosen or (act.kind == "merge" and len(chosen) < 2):
        return _to(request, ISSUES, kept, written("one" if chosen else "none"))
    return _to(request, ISSUES, kept, await _done(request, viewer, act, chosen, fields))


@post("/errors/issues/{issue_id:str}", include_in_schema=False, status_code=200)
async def act_on_issue(
    request: AnyRequest, viewer: Viewed, issue_id: FromPath[str]
) -> Response[str]:
    """Do something with one issue, and show it again; of a part that is split off, that part."""
    row = await row_of(request, viewer, issue_id)
    fields = await ticks_of(request, MOST_FIELDS)
    act = act_of(_last(fields, "act"))
    if act.kind == "merge":
        raise BadRequest("Issues are merged in the list")
    if act.kind == "unmerge":
        chosen = chosen_in(fields, "fingerprint", at_most=MOST_FINGERPRINTS)
        if not chosen or not set(chosen) < set(row.fingerprints):
            return _to(request, f"{ISSUES}/{row.id}", {}, written("same"))
        new_id = await split_off(request, viewer, row, chosen)
        return _to(request, f"{ISSUES}/{new_id}", {}, written("unmerge"))
    done = await _done(request, viewer, act, [row.id], fields)
    return _to(request, f"{ISSUES}/{row.id}", {}, done)


async def _done(
    request: AnyRequest,
    viewer: Viewer,
    act: Act,
    chosen: Sequence[str],
    fields: Mapping[str, Sequence[str]],
) -> dict[str, str | None]:
    """Does it, and returns what the next address says of it."""
    if act.kind == "merge":
        joined = await merged(request, viewer, chosen)
        return written("merge", joined) if joined else written("one")
    change = change_of(act, _last(fields, "assignee"), time.time_ns() // 1000)
    database, project_id = services(request).database, viewer.project.project_id
    try:
        changed = await change_issues(database, project_id, chosen, change, by=by_whom(viewer))
    except Conflict:
        return written("release")
    except BadRequest:
        if act.kind == "assign":
            return written("member")
        raise
    return written("ignore" if act.kind in BOUNDED else act.kind, changed)


def change_of(act: Act, assignee: str, now_us: int) -> IssueChange:
    """Returns what an act changes of an issue; `assignee` is empty for nobody."""
    match act.kind:
        case "resolve":
            return IssueChange(status="resolved")
        case "resolve-next":
            return IssueChange(status="resolved", in_next_release=True)
        case "open":
            return IssueChange(status="open")
        case "until":
            return IssueChange(status="ignored", until_us=now_us + act.bound * SECOND_US)
        case "events":
            return IssueChange(status="ignored", until_events=act.bound)
        case "people":
            return IssueChange(status="ignored", until_people=act.bound)
        case "assign":
            return IssueChange(assignee=UserId(assignee) if assignee else None)
        case _:
            return IssueChange(status="ignored")


def _last(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return fields[name][-1] if fields.get(name) else ""


def _to(
    request: AnyRequest, path: str, kept: Mapping[str, str], done: Mapping[str, str | None]
) -> Response[str]:
    """Sends the browser to a page, with what it was at before and what was done."""
    return Redirect(address_of(request).page(path, **{**kept, **done}), status_code=303)


HANDLERS = (act_on_issues, act_on_issue)
