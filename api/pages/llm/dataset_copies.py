"""Calls become items: one from its page, with what is expected to be edited, or those of a list."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.dataset_calls import copy_newest, item_of, with_callers
from api.llm.dataset_changes import MOST_BODY_BYTES
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.llm.datasets import FIELDS, item_texts, json_in
from api.pages.llm.wanted import wanted_of
from api.pages.render import address_of, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.traces import fetch_trace
from clickhouse.queries.parts import PART_BYTES
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm.dataset_items import make_filled, write_items
from controlplane.llm.datasets import list_datasets
from schemas.llm.datasets import (
    MOST_AT_ONCE,
    MOST_ITEM_BYTES,
    Dataset,
    DatasetForm,
    ItemForm,
)

ADDED = "/llm/add-to-dataset"
COPIED = "/llm/copy-to-dataset"
USUAL = 100
NEW = "+"
"""In place of the name of a dataset: no dataset is called so."""
PLACES = {**FIELDS, "Dataset": "dataset"}
"""As `FIELDS`, for forms that say into which dataset."""


@get(ADDED, include_in_schema=False)
async def add_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the item that a call would make, to edit."""
    return await _add_shown(request, viewer)


@post(ADDED, include_in_schema=False, status_code=200, request_max_body_size=MOST_BODY_BYTES)
async def add_call(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make an item of a call, as the form says."""
    fields, call = await fields_of(request), await _call(request, viewer)
    try:
        form = ItemForm(
            id=call.id,
            input=json_in(fields.get("input", ""), "input"),
            expected_output=json_in(fields.get("expected_output", "") or "null", "expected_output"),
            metadata=call.metadata,
            trace_id=call.trace_id,
            user_id=call.user_id,
            session_id=call.session_id,
        )
        dataset = await _write(request, viewer, fields, [form])
    except (BadRequest, Conflict, NotFound) as error:
        problem = problem_of(error, PLACES)
        return await _add_shown(request, viewer, fields=fields, problem=problem)
    return _to(request, dataset)


@get(COPIED, include_in_schema=False)
async def copy_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Ask into which dataset the calls of a list go."""
    return await _copy_shown(request, viewer)


@post(COPIED, include_in_schema=False, status_code=200)
async def copy_list(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make items of the newest calls of a list."""
    wanted, fields = wanted_of(request, viewer), await fields_of(request)
    number = fields.get("limit", "").strip()
    is_number = number.isascii() and number.isdecimal() and len(number) < 6
    if not is_number or not 1 <= int(number) <= MOST_AT_ONCE:
        problem = Problem(f"Expected 1 to {MOST_AT_ONCE}.", "limit")
        return await _copy_shown(request, viewer, fields=fields, problem=problem)
    reader = reader_of(request, viewer.project)
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, PART_BYTES) as share,
    ):
        found = await copy_newest(store, wanted.project, wanted.filter, int(number))
        share.give_back()
    try:
        dataset = await _write(request, viewer, fields, found.items)
    except (BadRequest, Conflict, NotFound) as error:
        problem = problem_of(error, PLACES)
        return await _copy_shown(request, viewer, fields=fields, problem=problem)
    return _to(request, dataset, made=len(found.items), left_out=found.left_out)


HANDLERS = (add_page, add_call, copy_page, copy_list)


async def _call(request: AnyRequest, viewer: Viewer) -> ItemForm:
    """Returns the item that the call of the address makes. Raises `NoSuchPage`."""
    trace_id = values_of(request).get("trace", "")
    async with reader_of(request, viewer.project).turn() as store:
        row = await fetch_trace(store, viewer.project, trace_id) if trace_id else None
        if row is None:
            raise NoSuchPage
        (form,) = await with_callers(store, viewer.project, [item_of(row)])
    return form


async def _add_shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    call = await _call(request, viewer)
    datasets = await list_datasets(services(request).database, viewer.project.project_id)
    size = len(bytes(call.input)) + len(bytes(call.expected_output))
    return await page(
        request,
        "llm/add_to_dataset.html",
        status_code=400 if problem else 200,
        call=call,
        is_too_large=size > MOST_ITEM_BYTES - len(msgspec.json.encode(call.metadata)),
        datasets=_choices(datasets),
        fields=item_texts(call) if fields is None else fields,
        problem=problem,
    )


async def _copy_shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    wanted = wanted_of(request, viewer)
    datasets = await list_datasets(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "llm/copy_to_dataset.html",
        status_code=400 if problem else 200,
        wanted=wanted,
        where=values_of(request).get("where", ""),
        datasets=_choices(datasets),
        fields={"limit": str(USUAL)} if fields is None else fields,
        problem=problem,
    )


def _choices(datasets: Sequence[Dataset]) -> list[tuple[str, str]]:
    return [*((one.name, one.name) for one in datasets), (NEW, "A new dataset")]


async def _write(
    request: AnyRequest, viewer: Viewer, fields: Mapping[str, str], items: Sequence[ItemForm]
) -> str:
    """Writes items into the dataset that a form names, or into a new one. Returns its name."""
    database, project_id = services(request).database, viewer.project.project_id
    if fields.get("dataset") == NEW:
        form = DatasetForm(name=fields.get("name", "").strip())
        await make_filled(database, project_id, form, items)
        return form.name
    name = fields.get("dataset", "")
    await write_items(database, project_id, name, items)
    return name


def _to(request: AnyRequest, dataset: str, **said: int) -> Redirect:
    path = address_of(request).page(f"llm/datasets/{dataset}", **said)
    return Redirect(path, status_code=303)
