"""What calls were asked and answered, as items of datasets."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from api.auth import AnyRequest
from api.dates import date_range
from api.llm.filters import TraceQuery, listed_filter, with_search
from api.parameters import read, values_of
from api.reads import reader_of
from api.time_zones import zone_of
from clickhouse.client import Warehouse
from clickhouse.llm.callers import Caller, callers_of
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.traces import page_of
from clickhouse.queries.parts import PART_BYTES, Bounds, find_parts, read_part
from controlplane.failures import BadRequest
from controlplane.llm.dataset_forms import is_sayable, written
from schemas.ids import canonical_id
from schemas.llm.answers import TraceAnswer
from schemas.llm.datasets import ITEM_ID, MOST_AT_ONCE, MOST_ITEM_BYTES, ItemForm
from schemas.projects import ProjectContext

ASKED = ("messages", "input", "contents", "prompt", "system", "instructions", "systemInstruction")
"""Fields of a request that say what a model is asked; the others say how."""
MOST_BYTES = 16 << 20
"""Of the items of one request."""


class CallsQuery(Struct, frozen=True, kw_only=True):
    """How many of the newest calls, and of which time."""

    limit: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 100
    date_from: str | None = None
    date_to: str | None = None


class Copied(NamedTuple):
    """Items that were made of calls."""

    items: list[ItemForm]
    left_out: int
    """Calls that would be too large, or are nested too deep."""


async def items_of_calls(request: AnyRequest, project: ProjectContext) -> Copied:
    """Returns items of the newest calls that a request asks for. Raises `InvalidParameters`."""
    values = values_of(request)
    query, calls = read(values, TraceQuery), read(values, CallsQuery)
    first, last = date_range(calls.date_from, calls.date_to, zone_of(query, project.time_zone))
    wanted = with_search(request, listed_filter(values, query), None)
    wanted = replace(wanted, from_us=first, to_us=last)
    reader = reader_of(request, project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(project.project_id, PART_BYTES) as share,
    ):
        found = await copy_newest(store, project, wanted, calls.limit)
        share.give_back()
    return found


async def copy_newest(
    store: Warehouse, project: ProjectContext, wanted: TraceFilter, limit: int
) -> Copied:
    """Returns items of the newest calls that match."""
    page = await page_of(store, project, wanted, limit=limit)
    items: list[ItemForm] = []
    size = left_out = 0
    for part in await find_parts(store, project, page.selection, Bounds()):
        if size > MOST_BYTES:
            left_out += part.rows
            continue
        for row in await read_part(store, project, part):
            form = _form_of(row)
            taken = 0 if form is None else len(bytes(form.input)) + len(bytes(form.expected_output))
            if form is None or taken > MOST_ITEM_BYTES - 1_000 or size + taken > MOST_BYTES:
                left_out += 1
                continue
            size += taken
            items.append(form)
    return Copied(await with_callers(store, project, items), left_out)


async def known_callers(
    request: AnyRequest, project: ProjectContext, forms: Sequence[ItemForm]
) -> Sequence[ItemForm]:
    """Returns what people sent with whom the calls are of: the store is asked only about calls."""
    if not any(one.trace_id and not one.user_id for one in forms):
        return forms
    async with reader_of(request, project).turn() as store:
        return await with_callers(store, project, forms)


async def with_callers(
    store: Warehouse, project: ProjectContext, forms: Sequence[ItemForm]
) -> list[ItemForm]:
    """Returns items that also say whom the calls are of that they were made of.

    So they are found for a person when the call is gone. What a form says itself stays.
    """
    found: dict[str, Caller] = {}
    asked = sorted(
        {canonical_id(one.trace_id) for one in forms if one.trace_id and not one.user_id}
    )
    for first in range(0, len(asked), MOST_AT_ONCE):
        found |= await callers_of(store, project, asked[first : first + MOST_AT_ONCE])
    return [_of_caller(one, found.get(canonical_id(one.trace_id))) for one in forms]


def item_of(row: TraceAnswer) -> ItemForm:
    """Returns what a call was asked and answered; who asked is left out. Raises `BadRequest`."""
    answered = b"null" if row.output_text is None else msgspec.json.encode(row.output_text)
    return ItemForm(
        id=row.trace_id if ITEM_ID.fullmatch(row.trace_id) else "",
        input=Raw(_asked(row.request_body)),
        expected_output=Raw(answered),
        metadata={"model": row.model_requested},
        trace_id=row.trace_id,
    )


def _of_caller(form: ItemForm, caller: Caller | None) -> ItemForm:
    if caller is None or form.user_id:
        return form
    # Calls may say more than an item keeps: what is too long for it makes no item wrong.
    said = {name: text for name, text in caller._asdict().items() if is_sayable(name, text)}
    if form.session_id:
        said.pop("session_id", None)
    return replace(form, **said)


def _form_of(row: TraceAnswer) -> ItemForm | None:
    """Returns the item of a call; `None` where what it was asked is no item, or nested too deep."""
    try:
        form = item_of(row)
        written(form)
    except BadRequest:
        return None
    return form


def _asked(body: Raw | None) -> bytes:
    if body is None:
        return b"{}"
    try:
        whole: Any = msgspec.json.decode(body)
    except RecursionError as error:
        raise BadRequest("This call is nested too deep for an item") from error
    if not isinstance(whole, dict):
        return bytes(body)
    asked = {name: whole[name] for name in ASKED if name in whole}
    return msgspec.json.encode(asked) if asked else bytes(body)
