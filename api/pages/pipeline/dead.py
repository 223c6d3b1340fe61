"""The list of dead letters, and one of them: why it could not be stored, and its body."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import replace

from api.auth import AnyRequest
from api.dead_letters import KIND_OF, Found, ProjectDeadLetters, tries_of
from api.pages.parts.trees import Node, decoded, laid_out, tree_of
from api.pages.pipeline.now import NO_LOG, dead_letters_in, waiting_of
from api.pages.pipeline.words import Told, class_of, in_words, told, without_values
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import Values, invalid, values_of
from eventlog.dead_letters import Summary, UnknownDeadLetter
from eventlog.log import LogError, LogUnavailable
from schemas.ids import canonical_id
from schemas.issues import Issue
from schemas.kinds import KINDS

PATH = "/pipeline/dead"
PAGE_ROWS = 50
MOST_REASONS = 50
STATES = ("waiting", "replayed", "discarded", "all")
MOST_EDITED_CHARS = 200_000
"""Of a body that a form shows: longer ones are for a file and `sluice dead replay --body`."""
MOST_READ_CHARS = 4 * MOST_EDITED_CHARS
"""As it came, with blanks that the form may do without."""
COUNTED = ("sent", "before", "unfit", "left")
DONE = {
    "replayed": "Replayed. It is stored within a second, unless it is unfit again.",
    "repaired": "Repaired and replayed. It is stored within a second.",
    "replayed-before": "It was replayed before: nothing was sent twice.",
    "discarded": "Discarded. It is kept as long as others, and can still be replayed.",
    "discarded-before": "It was done with before: nothing has changed.",
    "all-replayed": "{sent} replayed.",
    "all-discarded": "{sent} discarded. They are kept as long as others, and can be replayed.",
}
ID_FIELD = {kind.wire: kind.id_field for kind in KINDS}


Place = tuple[int, list[int], str]
"""Where a dead letter stands in the order of all."""


class Filter(Struct, frozen=True):
    """Which dead letters of a project."""

    state: str
    reason: str
    kind: str

    def fits(self, one: Summary) -> bool:
        """Tells whether a dead letter is one of them."""
        return (
            self.state in ("all", state_of(one))
            and self.kind in ("", KIND_OF.get(one.wire, ""))
            and self.reason in ("", class_of(one.reason))
        )


class Reason(NamedTuple):
    """Reasons of one sort."""

    name: str
    """As a filter has it."""
    told: Told
    number: int


class Line(NamedTuple):
    """One row of the list."""

    summary: Summary
    state: str
    kind: str
    told: Told
    tries: int


class Listed(NamedTuple):
    """One page of the list."""

    lines: list[Line]
    older: str | None
    """Where the next page begins."""
    total: int
    """How many fit the filter."""
    waiting: int
    """How many of them wait."""
    reasons: list[Reason]
    """Those that there are to choose from."""


class Opened(NamedTuple):
    """One dead letter, for its page and for the drawer."""

    line: Line
    replay_of: str
    tree: Node | None
    text: str | None
    """The body as a form shows it, `None` for bytes that are no text, and for long ones."""
    item_id: str
    issues: list[Issue]
    """What ingest says of the body as it is."""


@get(PATH, include_in_schema=False)
async def dead_list_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show a page of dead letters, the latest first."""
    values = values_of(request)
    wanted, beyond = filter_of(values), _place(values)
    waiting = await waiting_of(request, viewer.project.project_id)
    # In a thread: of many dead letters it would keep the loop from taking events.
    listed = await asyncio.to_thread(list_fitting, waiting.summaries, wanted, beyond)
    opened = values.get("open")
    return await page(
        request,
        "pipeline/dead_list.html",
        wanted=wanted,
        waiting=waiting,
        states=STATES,
        kinds=[kind.name for kind in KINDS],
        listed=listed,
        is_first=beyond is None,
        opened=await _opened_in_list(request, viewer, opened),
        open_ref=opened,
        done=said_of(values),
        problems=[],
        body=None,
    )


@get(f"{PATH}/{{ref:str}}", include_in_schema=False)
async def dead_page(request: AnyRequest, viewer: Viewed, ref: FromPath[str]) -> Response[str]:
    """Show one, or where the list asks for it the drawer."""
    found = await found_in(request, viewer, ref)
    return await shown(request, found, done=said_of(values_of(request)))


@get(f"{PATH}/{{ref:str}}/raw", include_in_schema=False)
async def dead_raw(request: AnyRequest, viewer: Viewed, ref: FromPath[str]) -> Response[bytes]:
    """Return the body as it came, as a file: a browser shows nothing of it."""
    found = await found_in(request, viewer, ref)
    headers = {"Content-Disposition": 'attachment; filename="dead-letter.json"'}
    return Response(found.dead_letter.body, media_type="application/octet-stream", headers=headers)


async def shown(
    request: AnyRequest,
    found: Found,
    *,
    done: str = "",
    problems: Sequence[Issue] = (),
    body: str | None = None,
    status_code: int = 200,
) -> Response[str]:
    """Return the page of one; `problems` are what is wrong with the `body` that a form sent."""
    held = held_in(request)
    return await page(
        request,
        "pipeline/dead_drawer.html" if is_fragment(request) else "pipeline/dead.html",
        status_code=status_code,
        opened=await asyncio.to_thread(open_dead_letter, held, found),
        done=done,
        problems=[_worded(one) for one in problems],
        body=body,
    )


async def found_in(request: AnyRequest, viewer: Viewer, ref: str) -> Found:
    """Return one of the viewer's project. Raises `NoSuchPage`."""
    try:
        return await held_in(request).find(viewer.project.project_id, ref)
    except UnknownDeadLetter as error:
        raise NoSuchPage from error


def held_in(request: AnyRequest) -> ProjectDeadLetters:
    """Return what reaches dead letters. Raises `LogUnavailable`."""
    held = dead_letters_in(request)
    if held is None:
        raise LogUnavailable(NO_LOG)
    return held


def list_fitting(summaries: Sequence[Summary], wanted: Filter, beyond: Place | None) -> Listed:
    """Returns the page of the list that begins behind a place, the latest first."""
    fitting = sorted(filter(wanted.fits, summaries), key=_order, reverse=True)
    lines = [one for one in fitting if beyond is None or _order(one) < beyond]
    own = {one.ref: one for one in summaries}
    of_any_reason = replace(wanted, reason="")
    return Listed(
        lines=[line_of(one, tries_of(one, own)) for one in lines[:PAGE_ROWS]],
        older=_written(lines[PAGE_ROWS - 1]) if len(lines) > PAGE_ROWS else None,
        total=len(fitting),
        waiting=sum(one.waits for one in fitting),
        reasons=reasons_of(filter(of_any_reason.fits, summaries), MOST_REASONS),
    )


def filter_of(values: Values) -> Filter:
    """Reads which are asked for. Raises `InvalidParameters`."""
    state = values.get("state") or "waiting"
    if state not in STATES:
        raise invalid("state", f"Expected one of {', '.join(STATES)}")
    return Filter(state, values.get("reason", ""), values.get("kind", ""))


def state_of(one: Summary) -> str:
    """Returns what was done about a dead letter."""
    if one.replayed:
        return "replayed"
    return "discarded" if one.discarded else "waiting"


def line_of(one: Summary, tries: int) -> Line:
    """Returns a dead letter as a row shows it."""
    return Line(one, state_of(one), KIND_OF.get(one.wire, "unknown"), told(one.reason), tries)


def said_of(values: Values) -> str:
    """Returns what the address says of the action that led to it, in words of ours alone."""
    done = DONE.get(values.get("done", ""))
    if done is None:
        return ""
    counts = [values.get(name, "") for name in COUNTED]
    if not all(count.isdecimal() and count.isascii() and len(count) < 9 for count in counts):
        return done if "{" not in done else ""
    sent, before, unfit, left = map(int, counts)
    text = done.format(sent=f"{sent:,}")
    text += f" {before:,} were done with before." if before else ""
    text += f" {unfit:,} cannot be sent as they are: repair them." if unfit else ""
    return text + (f" {left:,} are left: do it again for them." if left else "")


def open_dead_letter(held: ProjectDeadLetters, found: Found) -> Opened:
    """Returns a dead letter with all that is shown of it."""
    summary, dead_letter, tries = found
    value = decoded(msgspec.Raw(dead_letter.body))
    issues = held.check(summary, dead_letter.body).issues if summary.waits else []
    return Opened(
        line=line_of(summary, tries),
        replay_of=summary.dead_ref,
        tree=None if value is None else tree_of(value),
        text=readable(dead_letter.body),
        item_id=_id_of(summary, value) or dead_letter.item_id,
        issues=[_worded(one) for one in issues],
    )


def readable(body: bytes) -> str | None:
    """Returns a body as a form shows it, `None` where a form would not keep it as it is."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if len(text) > MOST_READ_CHARS:
        return None
    # What is no JSON is shown as it came.
    with suppress(msgspec.DecodeError, RecursionError):
        text = laid_out(msgspec.json.format(body, indent=-1), msgspec.json.decode(body))
    return text if len(text) <= MOST_EDITED_CHARS else None


async def _opened_in_list(request: AnyRequest, viewer: Viewer, ref: str | None) -> Opened | None:
    held = dead_letters_in(request)
    if held is None or not ref:
        return None
    try:
        found = await held.find(viewer.project.project_id, ref)
    except (UnknownDeadLetter, LogError):
        return None
    return await asyncio.to_thread(open_dead_letter, held, found)


def reasons_of(summaries: Iterable[Summary], most: int) -> list[Reason]:
    """Returns the sorts of reasons of some dead letters, the most frequent first."""
    found: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for one in summaries:
        name = class_of(one.reason)
        found[name] += 1
        examples.setdefault(name, one.reason)
    return [
        Reason(name, told(without_values(examples[name])), number)
        for name, number in found.most_common(most)
    ]


def _worded(issue: Issue) -> Issue:
    return Issue(issue.path, in_words(issue.message))


def _id_of(summary: Summary, value: Any) -> str:
    """Returns the id that an item names: under it, it is found once it is stored."""
    event_id = value.get(ID_FIELD.get(summary.wire)) if isinstance(value, dict) else None
    return canonical_id(event_id) if isinstance(event_id, str) else ""


def _order(one: Summary) -> Place:
    return _place_of(one.received_at_ns, one.ref)


def _place_of(received_at_ns: int, ref: str) -> Place:
    # A name ends with numbers: partition, offset, and place in the record.
    numbers = [int(part) for part in ref.split(":") if part.isdecimal() and part.isascii()]
    return received_at_ns, numbers, ref


def _written(one: Summary) -> str:
    return f"{one.received_at_ns}_{one.ref}"


def _place(values: Values) -> Place | None:
    """Reads where the page begins."""
    text = values.get("older")
    if not text:
        return None
    moment, _, ref = text.partition("_")
    if not (moment.isdecimal() and moment.isascii() and len(moment) < 21 and ref):
        raise invalid("older", "Expected what a link of this page says")
    return _place_of(int(moment), ref)
